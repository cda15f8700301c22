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
/// And whether answers are overdue, of which there may be many to look through: each so many times.
const OVERDUE_EVERY: u32 = 30;
/// Messages that are in memory at a time.
const PAGE: usize = 1000;

/// Looks until the engine stops.
pub(crate) async fn run(engine: Arc<Engine>) {
    if engine.delivery.cuts().is_none() {
        return;
    }
    let mut stop = engine.stop.subscribe();
    let mut round = 0_u32;
    loop {
        let work = engine.work();
        let held = engine.held.all();
        let table = engine.table.load();
        let routes = table.by_name.values().filter(|route| {
            route.made.is_some() && held.get(&route.name) != Some(&portolan_delivery::Control::Paused)
        });
        let routes: Vec<Arc<Served>> = routes.cloned().collect();
        drop(table);
        for route in routes {
            let turn = engine.cutting.turn(&route.name);
            let _alone = turn.lock().await;
            let now = Timestamp::now();
            let mut advanced = engine.advance(&route, now).await;
            if advanced.is_ok() && round.is_multiple_of(OVERDUE_EVERY) {
                advanced = engine.bury_late(&route, now).await;
            }
            engine.cutting.tell(&route.name, advanced.err());
        }
        drop(work);
        round = round.wrapping_add(1);
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
            if !made::is_due(&made.file.cut, messages, oldest, now) || !self.cut(route, now).await? {
                break;
            }
        }
        Ok(())
    }

    /// Cuts what has gathered for a route, and delivers it. `false`: there was nothing.
    async fn cut(self: &Arc<Self>, route: &Arc<Served>, now: Timestamp) -> Result<bool, String> {
        let (Some(store), Some(made)) = (self.delivery.cuts(), route.made.as_deref()) else {
            return Err(format!("no files are made of messages of route {}", route.name));
        };
        let cut = self.take_cut(store, route, made, now).await;
        let Some(cut) = cut.map_err(|error| error.to_string())? else { return Ok(false) };
        self.deliver(store, &cut).await?;
        Ok(true)
    }

    /// Takes what has gathered for a route into a file that is still to be made.
    pub(crate) async fn take_cut(
        &self,
        store: &dyn CutStore,
        route: &Served,
        made: &Made,
        now: Timestamp,
    ) -> Result<Option<CutRecord>, DeliveryError> {
        let most = made.file.cut.max_records.unwrap_or(u64::MAX);
        let cut = store.cut(route.name.clone(), most, now).await.map_err(|error| self.failed(error))?;
        if let Some(cut) = &cut {
            tracing::info!(route = %cut.route, sequence = cut.sequence, messages = cut.messages, "a file is cut");
            route.metrics.made.iter().for_each(|made| made.cut());
        }
        Ok(cut)
    }

    /// Builds a file where it is not built yet, gives it its name, and notes that it has it. Nothing, where another gateway is at it.
    pub(crate) async fn deliver(
        self: &Arc<Self>,
        store: &dyn CutStore,
        cut: &CutRecord,
    ) -> Result<(), String> {
        let failed = |error| self.failed(error).to_string();
        let route = self.version(&cut.route, cut.bundle).await;
        let route = route.map_err(|error| format!("the version of its messages cannot be had: {error}"))?;
        let made = route.made.clone().ok_or("its version makes no file")?;
        let key = (cut.route.clone(), cut.sequence);
        if !store.hold(key.clone(), self.gateway).await.map_err(failed)? {
            return Ok(());
        }
        let (name, aside) = match (&cut.name, &cut.aside, cut.state) {
            (Some(name), Some(aside), CutState::Ready | CutState::Delivered) => (name.clone(), aside.clone()),
            _ => {
                let (engine, built) = (self.clone(), cut.clone());
                let (route, made) = (route.clone(), made.clone());
                let handle = Handle::current();
                let building =
                    tokio::task::spawn_blocking(move || build(&engine, &handle, &route, &made, &built));
                let built = building.await.map_err(|error| error.to_string())??;
                // What another one has built first, which had the cut before, is the one that is named.
                let first = store.cut_ready(key.clone(), built).await.map_err(failed)?;
                (first.name, first.aside)
            }
        };
        let (drop, named) = (made.clone(), name.clone());
        let published = tokio::task::spawn_blocking(move || drop.drop.publish(&named, &aside)).await;
        published.map_err(|error| error.to_string())??;
        if made.of_sent.is_none() {
            self.finish_all(store, &route, cut).await?;
        }
        store.cut_delivered(key, Timestamp::now()).await.map_err(failed)?;
        route.metrics.made.iter().for_each(|made| made.delivered());
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
    pub(crate) async fn bury_late(&self, route: &Served, now: Timestamp) -> Result<(), String> {
        let (Some(store), Some(_)) = (self.delivery.cuts(), route.answer_within) else { return Ok(()) };
        let failed = |error| self.failed(error).to_string();
        let silence = route.files.as_ref().map_or(Silence::Overdue, |files| files.silence);
        for cut in store.cuts(false, PAGE).await.map_err(failed)? {
            let waits = cut.route == route.name && cut.state == CutState::Delivered && cut.outstanding > 0;
            if !waits {
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
                        route.metrics.made.iter().for_each(|made| made.overdue());
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
    let mut places = Vec::new();
    let aside = made.drop.prepare(&name, &mut |out| {
        places = made::write(route, made, cut, &mut pages, out)?;
        Ok(())
    })?;
    let mut noted = |keys| handle.block_on(store.note_keys(key.clone(), keys));
    let built = made
        .drop
        .prepared(&aside)
        .and_then(|raw| made::verify(route, made, cut, (&name, aside.clone(), raw), places, &mut noted));
    if built.is_err() {
        // It is built again, under another name: what is left of each time would fill the folder.
        made.drop.discard(&aside);
    }
    built
}
