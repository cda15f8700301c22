//! What comes at once goes together: intents gather while the statements before them are under way, and share the next one,
//! and so its commit. Who comes alone waits for nobody.

use std::sync::Arc;

use portolan_delivery::DeliveryError;
use tokio::sync::{Mutex, mpsc, oneshot};

/// Intents of a statement, at most.
const MOST: usize = 128;
/// Intents that gather, at most; who comes then waits to come in.
const WAITING: usize = 1024;

type Waiting<I, O> = (I, oneshot::Sender<Result<O, DeliveryError>>);

/// Intents of one kind on their way into statements.
pub(crate) struct Gather<I, O> {
    sender: mpsc::Sender<Waiting<I, O>>,
}

impl<I: Send + 'static, O: Send + 'static> Gather<I, O> {
    /// `batch` carries out many intents and gives a result for each, in their order, or why there is none for any. So many
    /// are under way at once as there are `lanes`.
    pub(crate) fn new<F>(lanes: usize, batch: impl Fn(Vec<I>) -> F + Clone + Send + 'static) -> Self
    where
        F: Future<Output = Result<Vec<O>, DeliveryError>> + Send + 'static,
    {
        let (sender, waiting) = mpsc::channel(WAITING);
        let waiting = Arc::new(Mutex::new(waiting));
        for _ in 0..lanes {
            tokio::spawn(lane(waiting.clone(), batch.clone()));
        }
        Self { sender }
    }

    /// Carries out one, among others. It is carried out also where nobody waits for it any more.
    pub(crate) async fn carry_out(&self, intent: I) -> Result<O, DeliveryError> {
        let closed = || DeliveryError::Unavailable("the ledger: it is closed".to_owned());
        let (answer, answered) = oneshot::channel();
        self.sender.send((intent, answer)).await.map_err(|_| closed())?;
        answered.await.unwrap_or_else(|_| Err(closed()))
    }
}

/// Ends when nobody can send any more.
async fn lane<I, O, F>(waiting: Arc<Mutex<mpsc::Receiver<Waiting<I, O>>>>, batch: impl Fn(Vec<I>) -> F)
where
    F: Future<Output = Result<Vec<O>, DeliveryError>>,
{
    let mut gathered = Vec::new();
    while waiting.lock().await.recv_many(&mut gathered, MOST).await > 0 {
        let (intents, answers): (Vec<_>, Vec<_>) = gathered.drain(..).unzip();
        // Whoever does not wait any more is told in vain.
        match batch(intents).await {
            Ok(results) => {
                answers.into_iter().zip(results).for_each(|(answer, result)| drop(answer.send(Ok(result))));
            }
            Err(error) => answers.into_iter().for_each(|answer| drop(answer.send(Err(error.clone())))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_comes_while_one_is_under_way_goes_together() {
        let (began, mut begun) = mpsc::channel(9);
        let (go_on, gate) = tokio::sync::watch::channel(false);
        let gather = Arc::new(Gather::new(1, move |intents: Vec<u32>| {
            let (began, mut gate) = (began.clone(), gate.clone());
            async move {
                began.send(intents.len()).await.unwrap();
                gate.wait_for(|open| *open).await.unwrap();
                match intents.contains(&13) {
                    true => Err(DeliveryError::Unavailable("unlucky".to_owned())),
                    false => Ok(intents.iter().map(|n| n * 2).collect()),
                }
            }
        }));
        let ask = |n| {
            let gather = gather.clone();
            tokio::spawn(async move { gather.carry_out(n).await })
        };
        let first = ask(1);
        assert_eq!(begun.recv().await, Some(1), "it waits for nobody");
        let others: Vec<_> = (2..10).map(ask).collect();
        // They are sent by the time that they have run once, on this one thread.
        tokio::task::yield_now().await;
        go_on.send_replace(true);
        assert_eq!(first.await.unwrap(), Ok(2));
        for (other, n) in others.into_iter().zip(2..) {
            assert_eq!(other.await.unwrap(), Ok(n * 2));
        }
        assert_eq!(begun.recv().await, Some(8));
        let unlucky = ask(13).await.unwrap();
        assert_eq!(unlucky, Err(DeliveryError::Unavailable("unlucky".to_owned())));
    }
}
