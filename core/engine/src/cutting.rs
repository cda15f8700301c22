//! Files are cut, built and delivered: from time to time it is looked what has gathered, and what was under way is gone on with first.

use std::{collections::HashSet, sync::Arc, time::Duration};

use portolan_delivery::{
    Built, Claim, CutMessage, CutPage, CutRecord, CutState, CutStore, DeadLetter, DeliveryError, FileAnswer,
    FileFilter, FileState, Gathered, LateMessage, Outcome, Party, Timestamp,
};
use portolan_mapping::file::Silence;
use tokio::{
    runtime::Handle,
    sync::{oneshot, watch},
};

use crate::{
    build::{self, Whole},
    due,
    engine::Engine,
    made::Made,
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

/// What a ledger says at the beginning of a round: once for all routes.
struct Known {
    /// Files that are not delivered, the oldest first.
    open: Vec<CutRecord>,
    /// What waits to be in one.
    gathered: Vec<Gathered>,
}

impl Known {
    async fn ask(store: &dyn CutStore) -> Result<Self, DeliveryError> {
        let mut open = store.cuts(true, PAGE).await?;
        open.reverse();
        Ok(Self { open, gathered: store.gathered().await? })
    }
}

/// Looks until the engine stops.
pub(crate) async fn run(engine: Arc<Engine>) {
    if engine.delivery.cuts().is_none() {
        return;
    }
    let mut stop = engine.stop.subscribe();
    let mut round = 0_u32;
    loop {
        let work = engine.work();
        engine.round(Timestamp::now(), round.is_multiple_of(OVERDUE_EVERY)).await;
        drop(work);
        round = round.wrapping_add(1);
        tokio::select! {
            () = tokio::time::sleep(EVERY) => {}
            _ = stop.wait_for(|stop| *stop) => return,
        }
    }
}

impl Engine {
    /// Looks once at all routes that make files.
    async fn round(self: &Arc<Self>, now: Timestamp, overdue: bool) {
        let (Some(store), held) = (self.delivery.cuts(), self.held.all()) else { return };
        let table = self.table.load();
        let routes = table.by_name.values().filter(|route| {
            route.made.is_some() && held.get(&route.name) != Some(&portolan_delivery::Control::Paused)
        });
        let routes: Vec<Arc<Served>> = routes.cloned().collect();
        drop(table);
        if routes.is_empty() {
            return;
        }
        let known = match Known::ask(store).await.map_err(|error| self.failed(error).to_string()) {
            Ok(known) => known,
            Err(why) => {
                routes.iter().for_each(|route| self.cutting.tell(&route.name, Some(why.clone()), now));
                return;
            }
        };
        for route in routes {
            let turn = self.cutting.turn(&route.name);
            let _alone = turn.lock().await;
            if self.cutting.is_due(&route.name, now) {
                let advanced = self.advance(store, &route, &known, now).await;
                self.cutting.tell(&route.name, advanced.err(), now);
            }
            if overdue && let Err(why) = self.bury_late(store, &route, now).await {
                tracing::warn!(route = %route.name, why, "it cannot be looked which answers are overdue; it is tried again");
            }
        }
    }

    /// Goes on with what is under way of a route, and cuts what is due.
    async fn advance(
        self: &Arc<Self>,
        store: &dyn CutStore,
        route: &Arc<Served>,
        known: &Known,
        now: Timestamp,
    ) -> Result<(), String> {
        for cut in known.open.iter().filter(|cut| cut.route == route.name) {
            self.deliver(store, cut).await?;
        }
        let Some(made) = route.made.as_deref() else { return Ok(()) };
        let is_due = |all: &[Gathered]| {
            let one = all.iter().find(|one| one.route == route.name);
            let times = |one: &Gathered| (one.oldest, self.cutting.last(&route.name));
            one.is_some_and(|one| due::is_due(&made.file.cut, one.messages, times(one), now))
        };
        let mut due = is_due(&known.gathered);
        while due {
            // An operator may have had some of it cut meanwhile.
            let gathered = store.gathered().await.map_err(|error| self.failed(error).to_string())?;
            due = is_due(&gathered) && self.cut(store, route, made, Timestamp::now().max(now)).await?;
        }
        Ok(())
    }

    /// Cuts what has gathered for a route, and delivers it. `false`: there was nothing.
    async fn cut(
        self: &Arc<Self>,
        store: &dyn CutStore,
        route: &Arc<Served>,
        made: &Made,
        now: Timestamp,
    ) -> Result<bool, String> {
        let cut = self.make_next(store, route, made, now).await.map_err(|error| error.to_string())?;
        cut.map_or(Ok(false), |(_, delivered)| delivered.map(|()| true))
    }

    /// Takes what has gathered for a route into a file, and delivers that. What takes a while to cut is written meanwhile.
    pub(crate) async fn make_next(
        self: &Arc<Self>,
        store: &dyn CutStore,
        route: &Served,
        made: &Made,
        now: Timestamp,
    ) -> Result<Option<(CutRecord, Result<(), String>)>, DeliveryError> {
        let most = made.file.cut.max_records.unwrap_or(u64::MAX);
        let (tell, begun) = oneshot::channel();
        let (whole, is_whole) = watch::channel(None);
        let cutting = async {
            let (mut tell, more) = (Some(tell), whole.clone());
            let step = move |begun: &CutRecord| {
                tell.take().into_iter().for_each(|tell| drop(tell.send(begun.clone())));
                more.send_modify(|_| ());
            };
            let cut = store.cut_telling(route.name.clone(), most, now, Box::new(step)).await;
            let cut = cut.map_err(|error| self.failed(error))?;
            if let Some(cut) = &cut {
                tracing::info!(route = %cut.route, sequence = cut.sequence, messages = cut.messages, "a file is cut");
                self.cutting.noted(&route.name, cut.at);
                route.metrics.made.iter().for_each(|made| made.cut());
            }
            whole.send_replace(cut.clone());
            drop(whole);
            Ok(cut)
        };
        let building = async { self.build_early(begun.await.ok()?, is_whole).await };
        let (cut, built) = tokio::join!(cutting, building);
        let Some(cut) = cut? else { return Ok(None) };
        let delivered = self.deliver_as(store, &cut, built).await;
        Ok(Some((cut, delivered)))
    }

    /// Builds a file while it is cut; `None`, where that is to be done when it is whole.
    async fn build_early(self: &Arc<Self>, begun: CutRecord, whole: Whole) -> Option<Result<Built, String>> {
        let route = self.version(&begun.route, begun.bundle).await.ok()?;
        let made = route.made.clone().filter(|made| build::is_in_order(made))?;
        Some(self.built(&route, &made, &begun, whole).await)
    }

    async fn built(
        self: &Arc<Self>,
        route: &Arc<Served>,
        made: &Arc<Made>,
        cut: &CutRecord,
        whole: Whole,
    ) -> Result<Built, String> {
        let (engine, route, made, cut) = (self.clone(), route.clone(), made.clone(), cut.clone());
        let handle = Handle::current();
        let building =
            tokio::task::spawn_blocking(move || build::build(&engine, &handle, &route, &made, (&cut, whole)));
        building.await.map_err(|error| error.to_string())?
    }

    /// Builds a file where it is not built yet, gives it its name, and notes that it has it. Nothing, where another gateway is at it.
    pub(crate) async fn deliver(
        self: &Arc<Self>,
        store: &dyn CutStore,
        cut: &CutRecord,
    ) -> Result<(), String> {
        self.deliver_as(store, cut, None).await
    }

    /// The same, of one that may have been built already.
    async fn deliver_as(
        self: &Arc<Self>,
        store: &dyn CutStore,
        cut: &CutRecord,
        built: Option<Result<Built, String>>,
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
                let built = match built {
                    Some(built) => built?,
                    None => {
                        let whole = watch::channel(Some(cut.clone())).1;
                        self.built(&route, &made, cut, whole).await?
                    }
                };
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
        let page = |after| store.cut_messages(key.clone(), CutPage { after, limit: PAGE, senders: true });
        let mut messages = page(None).await.map_err(failed)?;
        while let Some(last) = messages.last() {
            // The next ones are read meanwhile.
            let next = page(Some(last.place.clone()));
            let ended = messages.iter().map(|message| Ended {
                claim: message.claim,
                received: message.received,
                outcome: delivered(route, message),
            });
            let settling = self.settle(store, route, ended.collect(), Timestamp::now());
            let (next, settled) = tokio::join!(next, settling);
            settled?;
            messages = next.map_err(failed)?;
        }
        Ok(())
    }

    /// Ends messages of a file by themselves, and tells who waits for them.
    async fn settle(
        &self,
        store: &dyn CutStore,
        route: &Served,
        ended: Vec<Ended>,
        now: Timestamp,
    ) -> Result<(), String> {
        let answer = |ended: &Ended| FileAnswer {
            id: ended.claim.id,
            received: ended.received,
            outcome: ended.outcome.clone(),
        };
        let settled = store.settle_sent(ended.iter().map(answer).collect(), now).await;
        let settled: HashSet<_> =
            settled.map_err(|error| self.failed(error).to_string())?.into_iter().collect();
        let messages = self.metrics.messages(&route.name);
        for Ended { claim, received, outcome } in ended {
            if settled.contains(&claim.id) {
                settle::told(self, &messages, received, claim, Settled::Finished(outcome), now);
            }
        }
        Ok(())
    }

    /// Messages whose answer did not come in time are for a person to look at, or done, as their route says; a late answer still settles
    /// those that are looked at.
    async fn bury_late(&self, store: &dyn CutStore, route: &Served, now: Timestamp) -> Result<(), String> {
        let Some(within) = route.answer_within else { return Ok(()) };
        let delivered = now.minus(within);
        let failed = |error| self.failed(error).to_string();
        let is_done = route.files.as_ref().is_some_and(|files| files.silence == Silence::Done);
        loop {
            let late = store.late(route.name.clone(), now, delivered, PAGE).await.map_err(failed)?;
            // What is being read may hold their answers.
            if late.is_empty() || is_done && self.reads_answers(route).await.map_err(failed)? {
                return Ok(());
            }
            if is_done {
                let done = |LateMessage { claim, envelope, .. }| Ended {
                    claim,
                    received: envelope.received,
                    outcome: Outcome::Reply(bytes::Bytes::new()),
                };
                self.settle(store, route, late.into_iter().map(done).collect(), now).await?;
                continue;
            }
            for message in late {
                self.bury_one(route, message, now).await.map_err(failed)?;
            }
        }
    }

    /// Whether a file of answers to a route is being read.
    async fn reads_answers(&self, route: &Served) -> Result<bool, DeliveryError> {
        let open = FileFilter {
            route: Some(route.name.to_string()),
            open: true,
            limit: FileFilter::MOST,
            ..FileFilter::default()
        };
        // One that was released, and is not found, is waited for by nobody.
        match self.delivery.files() {
            Some(files) => Ok(files.files(open).await?.iter().any(|file| file.state == FileState::Open)),
            None => Ok(false),
        }
    }

    async fn bury_one(
        &self,
        route: &Served,
        LateMessage { file, claim, envelope }: LateMessage,
        now: Timestamp,
    ) -> Result<(), DeliveryError> {
        let mut failure = portolan_delivery::overdue(None)
            .with("route", &envelope.route)
            .with("message", claim.id)
            .with("file", file.as_deref().unwrap_or_default());
        failure.message =
            "the message was sent in a file, and no answer to it came before the deadline".to_owned();
        failure.advice = Some(
            "ask the partner what became of it; a late answer still settles it, `portolan queue retry` sends it again with the next file"
                .to_owned(),
        );
        let letter = DeadLetter { failure, at_fault: Party::System, reply: None };
        if self.bury_sent(&route.name, claim, envelope.received, letter, now).await? {
            route.metrics.made.iter().for_each(|made| made.overdue());
        }
        Ok(())
    }

    /// Makes a message of a file a dead letter. `false`: it was settled meanwhile.
    pub(crate) async fn bury_sent(
        &self,
        route: &Arc<str>,
        claim: Claim,
        received: Timestamp,
        letter: DeadLetter,
        now: Timestamp,
    ) -> Result<bool, DeliveryError> {
        match self.delivery.bury(claim, letter.clone(), now).await {
            Ok(()) => {
                let messages = self.metrics.messages(route);
                settle::told(self, &messages, received, claim, Settled::Dead(letter), now);
                Ok(true)
            }
            Err(DeliveryError::Superseded(_)) => Ok(false),
            Err(error) => Err(error),
        }
    }
}

/// How a message of a file ends by itself.
struct Ended {
    claim: Claim,
    received: Timestamp,
    outcome: Outcome,
}

/// What the caller of a message is told that was delivered, and is not answered.
fn delivered(route: &Served, message: &CutMessage) -> Outcome {
    let context = Context::of_cut(message);
    match route.translate.reply(&[], &message.payload, Question::Request, context) {
        Verdict::Reply(bytes) => Outcome::Reply(bytes),
        Verdict::Refused(failure) | Verdict::NotDone(failure) | Verdict::Unreadable(failure) => {
            Outcome::Failed(failure)
        }
        Verdict::Pending => Outcome::Reply(bytes::Bytes::new()),
    }
}
