//! Files are cut, built and delivered: from time to time it is looked what has gathered, and what was under way is gone on with first.

use std::{sync::Arc, time::Duration};

use portolan_delivery::{
    CutMessage, CutPlace, CutRecord, CutState, CutStore, DeadLetter, DeliveryError, FileAnswer, FileFilter,
    Gathered, Outcome, Party, Timestamp,
};
use portolan_mapping::file::Silence;
use tokio::runtime::Handle;

use crate::{
    engine::Engine,
    made::{self, Made},
    route::Served,
    settle,
    translate::{Context, Question, Verdict},
    waiters::Settled,
};

/// How often it is looked.
const EVERY: Duration = Duration::from_secs(1);
/// Messages that are in memory at a time.
const PAGE: usize = 1000;

/// Looks until the engine stops.
pub(crate) async fn run(engine: Arc<Engine>) {
    if engine.delivery.cuts().is_none() {
        return;
    }
    let mut stop = engine.stop.subscribe();
    let mut told = std::collections::HashMap::new();
    loop {
        let work = engine.work();
        let routes: Vec<Arc<Served>> =
            engine.table.load().by_name.values().filter(|route| route.made.is_some()).cloned().collect();
        for route in routes {
            match engine.advance(&route, Timestamp::now()).await {
                Ok(()) => drop(told.remove(&route.name)),
                Err(why) => {
                    if told.get(&route.name) != Some(&why) {
                        tracing::error!(route = %route.name, why, "its file cannot be made or delivered now; it is tried again");
                        told.insert(route.name.clone(), why);
                    }
                }
            }
        }
        drop(work);
        tokio::select! {
            () = tokio::time::sleep(EVERY) => {}
            _ = stop.wait_for(|stop| *stop) => return,
        }
    }
}

impl Engine {
    /// Goes on with what is under way of a route, and cuts what is due.
    pub(crate) async fn advance(self: &Arc<Self>, route: &Arc<Served>, now: Timestamp) -> Result<(), String> {
        let Some(store) = self.delivery.cuts() else { return Ok(()) };
        let failed = |error| self.failed(error).to_string();
        let cuts = store.cuts(true, PAGE).await.map_err(failed)?;
        for cut in cuts.iter().filter(|cut| cut.route == route.name) {
            self.deliver(store, cut).await?;
        }
        loop {
            let gathered = store.gathered().await.map_err(failed)?;
            let Some(one) = gathered.into_iter().find(|one| one.route == route.name) else { break };
            let Gathered { messages, oldest, .. } = one;
            let Some(made) = route.made.as_deref() else { break };
            if !made::is_due(&made.file, messages, oldest, now) || !self.cut(route, now).await? {
                break;
            }
        }
        self.bury_late(store, route, now).await
    }

    /// Cuts what has gathered for a route, and delivers it. `false`: there was nothing.
    pub(crate) async fn cut(self: &Arc<Self>, route: &Arc<Served>, now: Timestamp) -> Result<bool, String> {
        let (Some(store), Some(made)) = (self.delivery.cuts(), route.made.as_deref()) else {
            return Err(format!("no files are made of messages of route {}", route.name));
        };
        let most = made.file.cut.max_records.unwrap_or(u64::MAX);
        let cut = store.cut(route.name.clone(), most, now).await;
        let Some(cut) = cut.map_err(|error| self.failed(error).to_string())? else { return Ok(false) };
        tracing::info!(route = %cut.route, sequence = cut.sequence, messages = cut.messages, "a file is cut");
        self.deliver(store, &cut).await?;
        Ok(true)
    }

    /// Builds a file where it is not built yet, gives it its name, and notes that it has it.
    async fn deliver(self: &Arc<Self>, store: &dyn CutStore, cut: &CutRecord) -> Result<(), String> {
        let failed = |error| self.failed(error).to_string();
        let route = self.version(&cut.route, cut.bundle).await;
        let route = route.map_err(|error| format!("the version of its messages cannot be had: {error}"))?;
        let made = route.made.clone().ok_or("its version makes no file")?;
        let key = (cut.route.clone(), cut.sequence);
        let (name, hash) = match (&cut.name, cut.hash, cut.state) {
            (Some(name), Some(hash), CutState::Ready | CutState::Delivered) => (name.clone(), hash),
            _ => {
                let (engine, built) = (self.clone(), cut.clone());
                let (route, made) = (route.clone(), made.clone());
                let handle = Handle::current();
                let building =
                    tokio::task::spawn_blocking(move || build(&engine, &handle, &route, &made, &built));
                let built = building.await.map_err(|error| error.to_string())??;
                let found = (built.name.clone(), built.hash);
                store.cut_ready(key.clone(), built).await.map_err(failed)?;
                found
            }
        };
        let (drop, named) = (made.clone(), name.clone());
        let published = tokio::task::spawn_blocking(move || drop.drop.publish(&named, hash)).await;
        published.map_err(|error| error.to_string())??;
        if made.of_sent.is_none() {
            self.finish_all(store, &route, cut).await?;
        }
        store.cut_delivered(key, Timestamp::now()).await.map_err(failed)?;
        tracing::info!(route = %cut.route, file = %name, messages = cut.messages, "the file is delivered");
        Ok(())
    }

    /// Where nothing answers, messages are done when their file is delivered.
    async fn finish_all(&self, store: &dyn CutStore, route: &Served, cut: &CutRecord) -> Result<(), String> {
        let failed = |error| self.failed(error).to_string();
        let key = (cut.route.clone(), cut.sequence);
        let mut after = None;
        loop {
            let page = store.cut_messages(key.clone(), after.take(), PAGE, None).await.map_err(failed)?;
            let Some(last) = page.last() else { return Ok(()) };
            after = Some(last.place.clone());
            let answers = page.iter().map(|message| delivered(route, message)).collect();
            self.settle(store, route, &page, answers, Timestamp::now()).await?;
        }
    }

    /// Where no news is good news, what nothing answered in time is done.
    async fn done_silently(
        &self,
        store: &dyn CutStore,
        route: &Served,
        late: Vec<CutMessage>,
        now: Timestamp,
    ) -> Result<(), String> {
        if late.is_empty() {
            return Ok(());
        }
        // What is being read may hold their answers.
        let being_read =
            FileFilter { route: Some(route.name.to_string()), open: true, limit: 1, ..FileFilter::default() };
        let files = self.delivery.files().ok_or("this queue takes no files")?;
        if !files.files(being_read).await.map_err(|error| self.failed(error).to_string())?.is_empty() {
            return Ok(());
        }
        let answers = late.iter().map(|_| Outcome::Reply(bytes::Bytes::new())).collect();
        self.settle(store, route, &late, answers, now).await
    }

    /// Ends messages of a file by themselves, each with its outcome, and tells who waits for them.
    async fn settle(
        &self,
        store: &dyn CutStore,
        route: &Served,
        sent: &[CutMessage],
        outcomes: Vec<Outcome>,
        now: Timestamp,
    ) -> Result<(), String> {
        let answers = sent.iter().zip(outcomes).map(|(message, outcome)| FileAnswer {
            id: message.claim.id,
            received: message.envelope.received,
            outcome,
        });
        let answers: Vec<FileAnswer> = answers.collect();
        let settled = store.settle_sent(answers.clone(), now).await;
        let settled = settled.map_err(|error| self.failed(error).to_string())?;
        let messages = self.metrics.messages(&route.name);
        for (message, FileAnswer { id, received, outcome }) in sent.iter().zip(answers) {
            if settled.contains(&id) {
                settle::told(self, &messages, received, message.claim, Settled::Finished(outcome), now);
            }
        }
        Ok(())
    }

    /// Messages whose answer did not come in time are for a person to look at; a late answer still settles them.
    async fn bury_late(&self, store: &dyn CutStore, route: &Served, now: Timestamp) -> Result<(), String> {
        let Some(within) = route.answer_within else { return Ok(()) };
        let failed = |error| self.failed(error).to_string();
        let silence = route.files.as_ref().map_or(Silence::Overdue, |files| files.silence);
        for cut in store.cuts(false, PAGE).await.map_err(failed)? {
            let waits = cut.route == route.name && cut.state == CutState::Delivered && cut.outstanding > 0;
            if !waits || cut.at.plus(within) > now && cut.at > now {
                continue;
            }
            let key = (cut.route.clone(), cut.sequence);
            let late = store.cut_messages(key, None, PAGE, Some(now)).await.map_err(failed)?;
            if silence == Silence::Done {
                self.done_silently(store, route, late, now).await?;
                continue;
            }
            for CutMessage { claim, envelope, .. } in late {
                let mut failure = portolan_delivery::overdue(None)
                    .with("route", &envelope.route)
                    .with("message", claim.id)
                    .with("file", cut.name.as_deref().unwrap_or_default());
                failure.message =
                    "the message was sent in a file, and no answer to it came before the deadline".to_owned();
                failure.advice = Some(
                    "ask the partner what became of it; a late answer still settles it, `portolan queue retry` sends it again with the next file"
                        .to_owned(),
                );
                let letter = DeadLetter { failure, at_fault: Party::System, reply: None };
                match self.delivery.bury(claim, letter.clone(), now).await {
                    Ok(()) => {
                        let messages = self.metrics.messages(&route.name);
                        settle::told(self, &messages, envelope.received, claim, Settled::Dead(letter), now);
                    }
                    // Its answer came meanwhile.
                    Err(DeliveryError::Superseded(_)) => {}
                    Err(error) => return Err(failed(error)),
                }
            }
        }
        Ok(())
    }
}

/// What the caller of a message is told that was delivered, and is not answered.
fn delivered(route: &Served, message: &CutMessage) -> Outcome {
    let context = Context::of(&message.envelope, message.claim.attempt);
    match route.translate.reply(&[], &message.payload, Question::Request, context) {
        Verdict::Reply(bytes) => Outcome::Reply(bytes),
        Verdict::Refused(failure) | Verdict::NotDone(failure) | Verdict::Unreadable(failure) => {
            Outcome::Failed(failure)
        }
        Verdict::Pending => Outcome::Reply(bytes::Bytes::new()),
    }
}

/// Writes the file aside, reads it again, and notes by what its messages are known.
fn build(
    engine: &Engine,
    handle: &Handle,
    route: &Served,
    made: &Made,
    cut: &CutRecord,
) -> Result<portolan_delivery::Built, String> {
    let store = engine.delivery.cuts().ok_or("this queue makes no files")?;
    let key = (cut.route.clone(), cut.sequence);
    let name = made.file.name.of(cut.sequence, made::when(&made.file, cut));
    let mut pages =
        |after: Option<CutPlace>| handle.block_on(store.cut_messages(key.clone(), after, PAGE, None));
    made.drop.prepare(&name, &mut |out| made::write(route, made, cut, &mut pages, out))?;
    let raw = made.drop.prepared(&name)?;
    let mut noted = |keys| handle.block_on(store.note_keys(key.clone(), keys));
    made::verify(route, made, cut, (&name, raw), &mut pages, &mut noted)
}
