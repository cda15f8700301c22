//! A file is built: written aside page by page, read again, and noted by what its messages are known. While a page is written the next
//! one is translated, and the one after that read; keys are made durable while others are found. Writing may begin while the file is cut.

use std::sync::Arc;

use portolan_delivery::{Built, CutMessage, CutPage, CutPlace, CutRecord, CutStore, DeliveryError};
use tokio::{
    runtime::Handle,
    sync::{mpsc, watch},
    task::{JoinHandle, spawn_blocking},
};

use crate::{
    engine::Engine,
    made::{self, Made},
    page::Page,
    route::Served,
};

/// Messages of a page, of which there are four in memory: read, translated, ready and written.
const PAGE: usize = 1000;

/// A cut, once it is whole: then it is known what is in it. Until then it changes whenever there is more of it.
pub(crate) type Whole = watch::Receiver<Option<CutRecord>>;

/// A cut, and where its messages are.
#[derive(Clone)]
struct Ground {
    engine: Arc<Engine>,
    key: (Arc<str>, u64),
    whole: Whole,
}

fn not_whole() -> DeliveryError {
    DeliveryError::Unavailable("cutting it was interrupted".to_owned())
}

impl Ground {
    fn store(&self) -> Result<&dyn CutStore, DeliveryError> {
        let none = || DeliveryError::Unavailable("this queue makes no files".to_owned());
        self.engine.delivery.cuts().ok_or_else(none)
    }

    /// Reads pages ahead, and has them translated, until there are no more or nobody takes them.
    async fn pages(mut self, route: Arc<Served>, ready: mpsc::Sender<Meanwhile<Page>>) {
        let mut after = None;
        loop {
            let page = self.page(after, route.translate.asks_for_sender()).await;
            after = page.iter().flatten().next_back().map(|last| last.place.clone());
            let route = route.clone();
            let page = spawn_blocking(move || page.map(|messages| Page::of(&route, messages)));
            if ready.send(page).await.is_err() || after.is_none() {
                return;
            }
        }
    }

    /// The next messages; none, where there are no more.
    async fn page(
        &mut self,
        after: Option<CutPlace>,
        senders: bool,
    ) -> Result<Vec<CutMessage>, DeliveryError> {
        let page = CutPage { after, limit: PAGE, senders };
        loop {
            let whole = self.whole.borrow_and_update().is_some();
            let messages = self.store()?.cut_messages(self.key.clone(), page.clone()).await?;
            if whole || !messages.is_empty() {
                return Ok(messages);
            }
            // It is written as fast as it is cut.
            self.whole.changed().await.map_err(|_| not_whole())?;
        }
    }

    async fn note(self, keys: Vec<(CutPlace, String)>) -> Result<(), DeliveryError> {
        self.store()?.note_keys(self.key.clone(), keys).await
    }
}

/// Something that the ledger does meanwhile.
type Meanwhile<T> = JoinHandle<Result<T, DeliveryError>>;

fn wait_for<T>(handle: &Handle, task: Meanwhile<T>) -> Result<T, DeliveryError> {
    handle.block_on(task).unwrap_or_else(|error| Err(DeliveryError::Unavailable(error.to_string())))
}

/// Whether a file can be written while it is cut: its messages are in the order in which they are taken.
pub(crate) fn is_in_order(made: &Made) -> bool {
    made.file.groups.is_empty()
}

/// Writes the file aside, reads it again, and notes by what its messages are known. Of a cut that is not whole yet nothing is used but what is
/// known from its beginning. On a thread that may wait.
pub(crate) fn build(
    engine: &Arc<Engine>,
    handle: &Handle,
    route: &Arc<Served>,
    made: &Made,
    (cut, mut whole): (&CutRecord, Whole),
) -> Result<Built, String> {
    let key = (cut.route.clone(), cut.sequence);
    let ground = Ground { engine: engine.clone(), key, whole: whole.clone() };
    let name = made.file.name.of(cut.sequence, made::when(&made.file, cut));
    let mut places = Vec::new();
    let aside = made.drop.prepare(&name, &mut |out| {
        let (ready, mut translated) = mpsc::channel(1);
        handle.spawn(ground.clone().pages(route.clone(), ready));
        let mut pages = || match translated.blocking_recv() {
            Some(page) => wait_for(handle, page),
            None => Err(DeliveryError::Unavailable("reading its messages was interrupted".to_owned())),
        };
        places = made::write(route, made, cut, &mut pages, out)?;
        Ok(())
    })?;
    let cut = handle.block_on(whole.wait_for(Option::is_some)).ok().and_then(|cut| cut.clone());
    let Some(cut) = cut else {
        made.drop.discard(&aside);
        return Err(not_whole().to_string());
    };
    let mut noting: Option<Meanwhile<()>> = None;
    let mut noted = |keys| {
        let before = noting.replace(handle.spawn(ground.clone().note(keys)));
        before.map_or(Ok(()), |before| wait_for(handle, before))
    };
    let built = made
        .drop
        .prepared(&aside)
        .and_then(|raw| made::verify(route, made, &cut, (&name, aside.clone(), raw), places, &mut noted))
        .and_then(|built| {
            let last = noting.take().map_or(Ok(()), |last| wait_for(handle, last));
            last.map(|()| built).map_err(|error| error.to_string())
        });
    if built.is_err() {
        // It is built again, under another name: what is left of each time would fill the folder.
        made.drop.discard(&aside);
    }
    built
}
