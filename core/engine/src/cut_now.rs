//! Files that are made, as operators see them, and one that is made when an operator wants it.

use std::{collections::HashMap, sync::Arc, time::Duration};

use futures_util::future::join_all;
use parking_lot::Mutex;
use portolan_delivery::{
    CutNow, CutPage, CutRecord, CutState, CutStore, DeadLetter, DeliveryError, Failure, FaultClass,
    FileDecision, FileFilter, MadeFile, MadeView, MessageId, OperatorError, Party, SentIn, Status, Timestamp,
};

use crate::engine::Engine;

/// How long an operator waits for a file that is being made.
const PATIENCE: Duration = Duration::from_secs(30);
/// Messages that are looked up at a time.
const MESSAGES: usize = 1000;

/// What this gateway does about files that are made.
#[derive(Default)]
pub(crate) struct Cutting {
    /// Files of a route are made one after the other, whoever wants them.
    turns: Mutex<HashMap<Arc<str>, Arc<tokio::sync::Mutex<()>>>>,
    /// When the last one of a route was cut here.
    last: Mutex<HashMap<Arc<str>, Timestamp>>,
    /// Why those of a route were not, when it was tried last.
    troubles: Mutex<HashMap<Arc<str>, Trouble>>,
}

/// Why files of a route are not made.
struct Trouble {
    why: Arc<str>,
    /// How often it was tried in a row.
    times: u32,
    /// Before then it is not tried again: a file may take minutes to build.
    next: Timestamp,
}

/// Between attempts: doubled each time, up to the second.
const WAIT: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(60));

impl Cutting {
    /// Whose turn it is with the files of a route.
    pub(crate) fn turn(&self, route: &Arc<str>) -> Arc<tokio::sync::Mutex<()>> {
        self.turns.lock().entry(route.clone()).or_default().clone()
    }

    /// When the last file of a route was cut here; before everything, where none was.
    pub(crate) fn last(&self, route: &str) -> Timestamp {
        self.last.lock().get(route).copied().unwrap_or(Timestamp(0))
    }

    /// One was.
    pub(crate) fn noted(&self, route: &Arc<str>, at: Timestamp) {
        self.last.lock().insert(route.clone(), at);
    }

    /// Why the files of a route are not made now.
    pub(crate) fn trouble(&self, route: &str) -> Option<Arc<str>> {
        self.troubles.lock().get(route).map(|trouble| trouble.why.clone())
    }

    /// Whether it is to be tried now.
    pub(crate) fn is_due(&self, route: &str, now: Timestamp) -> bool {
        self.troubles.lock().get(route).is_none_or(|trouble| trouble.next <= now)
    }

    /// Notes what came of trying; the log says it once.
    pub(crate) fn tell(&self, route: &Arc<str>, trouble: Option<String>, now: Timestamp) {
        let mut troubles = self.troubles.lock();
        let Some(why) = trouble else {
            if troubles.remove(route).is_some() {
                tracing::info!(%route, "its files can be made and delivered again");
            }
            return;
        };
        let before = troubles.get(route);
        if before.is_none_or(|before| *before.why != *why) {
            tracing::error!(%route, why, "its file cannot be made or delivered now; it is tried again");
        }
        let times = before.map_or(0, |before| before.times.saturating_add(1));
        let wait = WAIT.0.saturating_mul(1 << times.min(6)).min(WAIT.1);
        troubles.insert(route.clone(), Trouble { why: why.into(), times, next: now.plus(wait) });
    }
}

/// A file for a person to read: `CLAIMS.20261130.0001 (number 1)`
fn named(cut: &CutRecord) -> String {
    match &cut.name {
        Some(name) => format!("{name} (number {})", cut.sequence),
        None => format!("number {}", cut.sequence),
    }
}

impl Engine {
    /// What gathers, and what was cut.
    pub(crate) async fn made_files(&self, filter: FileFilter) -> Result<Vec<MadeView>, DeliveryError> {
        // A queue that makes no files has none.
        let Some(store) = self.delivery.cuts() else { return Ok(Vec::new()) };
        let gathered = store.gathered().await.map_err(|error| self.failed(error))?;
        let cuts = store.cuts(filter.open, FileFilter::MOST).await.map_err(|error| self.failed(error))?;
        let files = MadeFile::asked_for(gathered, cuts, &filter);
        Ok(files.into_iter().map(|file| self.made_view(file)).collect())
    }

    fn made_view(&self, file: MadeFile) -> MadeView {
        let table = self.table.load();
        let served = table.by_name.get(file.route()).filter(|route| route.made.is_some());
        let system = served.map(|route| route.system.clone());
        let trouble = self.cutting.trouble(file.route()).filter(|_| file.is_open());
        MadeView { file, system, trouble }
    }

    /// In which files messages are.
    pub(crate) async fn sent_in(&self, mut messages: Vec<MessageId>) -> Result<Vec<SentIn>, DeliveryError> {
        let Some(store) = self.delivery.cuts() else { return Ok(Vec::new()) };
        messages.truncate(MESSAGES);
        store.sent_in(messages).await.map_err(|error| self.failed(error))
    }

    /// Makes a file of what has gathered, after the one before it. Whoever wants it may go away meanwhile: it is gone on with.
    pub(crate) async fn cut_now(
        self: &Arc<Self>,
        name: Arc<str>,
        now: Timestamp,
    ) -> Result<CutNow, OperatorError> {
        let refused = |why: String| Err(OperatorError::Refused(why));
        let Some(route) = self.table.load().by_name.get(&name).cloned() else {
            return refused(format!("route {name} is not served"));
        };
        let (Some(store), Some(made)) = (self.delivery.cuts(), route.made.as_deref()) else {
            return refused(format!(
                "route {name} makes no files: its messages do not gather, since its mapping has no `target: {{ batch: ... }}`"
            ));
        };
        let _alone = self.alone_with(&name).await?;
        for before in of_route(store, &name, true).await.map_err(|error| self.failed(error))? {
            let delivered = self.deliver(store, &before).await;
            self.cutting.tell(&name, delivered.as_ref().err().cloned(), now);
            if let Err(why) = delivered {
                return refused(format!(
                    "nothing is cut: file {} of route {name}, which comes first, is not delivered: {why}",
                    named(&before)
                ));
            }
        }
        let Some((cut, delivered)) = self.make_next(store, &route, made, now).await? else {
            let others = of_route(store, &name, true).await.map_err(|error| self.failed(error))?;
            return match others.first() {
                Some(cut) => refused(format!(
                    "nothing is cut: another gateway is at file {} of route {name}",
                    named(cut)
                )),
                None => Ok(CutNow { file: None, left: 0, trouble: None }),
            };
        };
        let trouble = delivered.err();
        self.cutting.tell(&name, trouble.clone(), now);
        let after = of_route(store, &name, false).await.map_err(|error| self.failed(error))?;
        let file = after.into_iter().find(|one| one.sequence == cut.sequence).unwrap_or(cut);
        // Another gateway may have delivered it.
        let trouble = trouble.filter(|_| file.state != CutState::Delivered);
        let gathered = store.gathered().await.map_err(|error| self.failed(error))?;
        let left = gathered.into_iter().find(|one| one.route == name).map_or(0, |one| one.messages);
        Ok(CutNow { file: Some(file), left, trouble })
    }
}

impl Engine {
    /// The turn with the files of a route.
    async fn alone_with(&self, route: &Arc<str>) -> Result<tokio::sync::OwnedMutexGuard<()>, OperatorError> {
        let turn = tokio::time::timeout(PATIENCE, self.cutting.turn(route).lock_owned()).await;
        turn.map_err(|_| {
            OperatorError::Refused(format!(
                "a file of route {route} is being made or delivered, for more than {PATIENCE:?}; `portolan batch list --open` shows it"
            ))
        })
    }

    /// Does what an operator decides of a file that is not delivered.
    pub(crate) async fn decide_file(
        self: &Arc<Self>,
        route: Arc<str>,
        sequence: u64,
        decision: FileDecision,
        now: Timestamp,
    ) -> Result<CutNow, OperatorError> {
        let refused = |why: String| Err(OperatorError::Refused(why));
        let Some(store) = self.delivery.cuts() else {
            return refused("this queue makes no files".to_owned());
        };
        let _alone = self.alone_with(&route).await?;
        let open = of_route(store, &route, true).await.map_err(|error| self.failed(error))?;
        let Some(cut) = open.into_iter().find(|cut| cut.sequence == sequence) else {
            return refused(format!("file {sequence} of route {route} is delivered, or there is none"));
        };
        match decision {
            FileDecision::Retry => {
                let trouble = self.deliver(store, &cut).await.err();
                self.cutting.tell(&route, trouble.clone(), now);
                let after = of_route(store, &route, false).await.map_err(|error| self.failed(error))?;
                let file = after.into_iter().find(|one| one.sequence == sequence).unwrap_or(cut);
                let trouble = trouble.or_else(|| {
                    (file.state != CutState::Delivered).then(|| "another gateway is at it".to_owned())
                });
                Ok(CutNow { file: Some(file), left: 0, trouble })
            }
            FileDecision::Refuse { reason } => {
                self.give_up(store, &cut, &reason, now).await?;
                self.cutting.tell(&route, None, now);
                Ok(CutNow { file: Some(cut), left: 0, trouble: None })
            }
        }
    }

    /// Its messages are dead letters, and there is no such file. Where this ends midway, it is to be decided again.
    async fn give_up(
        &self,
        store: &dyn CutStore,
        cut: &CutRecord,
        reason: &str,
        now: Timestamp,
    ) -> Result<(), OperatorError> {
        let refused = |why: String| Err(OperatorError::Refused(why));
        let key = (cut.route.clone(), cut.sequence);
        if cut.state != CutState::Open {
            return refused(format!(
                "file {} of route {} is built, and may have its name where it is picked up: it can be delivered only (`portolan batch retry`)",
                named(cut),
                cut.route
            ));
        }
        if !store.hold(key.clone(), self.gateway).await.map_err(|error| self.failed(error))? {
            return refused(format!("another gateway is at file {} of route {}", named(cut), cut.route));
        }
        let failure = Failure::new(
            Status::Aborted,
            FaultClass::Unsent,
            "FILE_REFUSED",
            format!("the file that the message was in was given up before it was built: {reason}"),
        )
        .with("route", &cut.route)
        .with("file", cut.sequence);
        let mut after = None;
        loop {
            let page = store
                .cut_messages(key.clone(), CutPage { after: after.take(), limit: MESSAGES, senders: false })
                .await
                .map_err(|error| self.failed(error))?;
            let Some(last) = page.last() else { break };
            after = Some(last.place.clone());
            let buried = page.iter().map(|message| {
                let mut failure = failure.clone();
                failure.advice = Some(format!(
                    "mend the mapping, `portolan reload`, and `portolan queue retry --newest --route {}` has such messages in the next file",
                    cut.route
                ));
                let letter = DeadLetter { failure, at_fault: Party::Gateway, reply: None };
                self.bury_sent(&cut.route, message.claim, message.received, letter, now)
            });
            for buried in join_all(buried).await {
                buried.map_err(|error| self.failed(error))?;
            }
        }
        match store.forget_cut(key, self.gateway).await.map_err(|error| self.failed(error))? {
            true => Ok(()),
            false => refused(format!("file {} of route {} was built meanwhile", named(cut), cut.route)),
        }
    }
}

/// Files of a route, the oldest first where they are still under way.
async fn of_route(store: &dyn CutStore, route: &str, open: bool) -> Result<Vec<CutRecord>, DeliveryError> {
    let mut cuts = store.cuts(open, FileFilter::MOST).await?;
    cuts.retain(|cut| *cut.route == *route);
    cuts.sort_by_key(|cut| cut.sequence);
    Ok(cuts)
}
