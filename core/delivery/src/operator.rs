//! The port to whoever operates the gateway: what the admin API and the command line can ask and decide.

use std::{collections::BTreeMap, sync::Arc};

use bytes::Bytes;

use crate::{
    BoxFuture, BrokerState, Control, Controls, Count, CutNow, DeliveryError, FileDecision, FileFilter,
    FileHash, FileView, Filter, MadeView, MessageId, Page, Record, SentIn, StateKind, Status, Timestamp,
    system::Shut,
};

/// What an operator can ask and decide, whether the gateway runs or not.
pub trait Operator: Send + Sync + 'static {
    /// Messages by filter, newest first, without payloads.
    fn list(&self, filter: Filter) -> BoxFuture<'_, Result<Page, OperatorError>>;

    /// One message with payload and attempts, and what its mapping lets people see of it.
    fn show(&self, id: MessageId) -> BoxFuture<'_, Result<Shown, OperatorError>>;

    /// How many messages there are by route and state.
    fn counts(&self) -> BoxFuture<'_, Result<Vec<Count>, OperatorError>>;

    /// A dead letter is due again: on the bundle with which it came, or on the newest of its route.
    fn retry(&self, id: MessageId, version: Version) -> BoxFuture<'_, Result<(), OperatorError>>;

    /// A dead letter is finished: what really happened, as the operator found out. A reply of the system is translated,
    /// and one of the caller's contract held against it, by this version of the route.
    fn resolve(
        &self,
        id: MessageId,
        resolution: Resolution,
        version: Version,
    ) -> BoxFuture<'_, Result<(), OperatorError>>;

    /// Files that came in, the newest first, without their receipts.
    fn files(&self, filter: FileFilter) -> BoxFuture<'_, Result<Vec<FileView>, OperatorError>>;

    /// A file of a route, with its receipt; `None` where there is none.
    fn file(&self, route: Arc<str>, file: FileHash)
    -> BoxFuture<'_, Result<Option<FileView>, OperatorError>>;

    /// Files that are made of messages: what gathers for the next ones, then those that were cut, the newest first.
    fn made_files(&self, filter: FileFilter) -> BoxFuture<'_, Result<Vec<MadeView>, OperatorError>>;

    /// In which files messages are; those of which that is not known are left out.
    fn sent_in(&self, messages: Vec<MessageId>) -> BoxFuture<'_, Result<Vec<SentIn>, OperatorError>>;

    /// Makes a file of what has gathered for a route, now.
    fn cut(&self, route: Arc<str>) -> BoxFuture<'_, Result<CutNow, OperatorError>>;

    /// Decides on a file of a route, by its number, that is not delivered; gives it as it is then, or was.
    fn decide(
        &self,
        route: Arc<str>,
        sequence: u64,
        decision: FileDecision,
    ) -> BoxFuture<'_, Result<CutNow, OperatorError>>;

    /// Lets a file that was refused be taken all the same, when it is found; gives it as it is then.
    fn release(
        &self,
        route: Arc<str>,
        file: FileHash,
        reason: Arc<str>,
    ) -> BoxFuture<'_, Result<FileView, OperatorError>>;

    /// The routes that are served, with the hash of their bundle.
    fn routes(&self) -> BoxFuture<'_, Result<Vec<RouteView>, OperatorError>>;

    /// The routes that are served, and those that are held up or have messages left, with how they fare.
    fn route_statuses(&self) -> BoxFuture<'_, Result<Vec<RouteStatus>, OperatorError>>;

    /// How a route is to be served from now on, by every gateway.
    fn control(&self, route: Arc<str>, control: Control) -> BoxFuture<'_, Result<(), OperatorError>>;

    /// Reads the mappings again and, if all of them are sound, serves the new ones; otherwise nothing changes and the
    /// rendered findings say why.
    fn reload(&self) -> BoxFuture<'_, Result<Reloaded, OperatorError>>;
}

/// A message as an operator sees it.
#[derive(Debug, Clone)]
pub struct Shown {
    /// All that the ledger has of it.
    pub record: Record,
    /// What may be seen of its payload and of the system's reply; nothing where no gateway runs that knows the mapping.
    pub visible: Vec<VisibleValue>,
}

/// A field that may be shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VisibleValue {
    /// As the mapping names it.
    pub path: String,
    /// As text; `None` where it is absent.
    pub value: Option<String>,
}

/// What a reload did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reloaded {
    /// The routes that are served now.
    pub routes: Vec<RouteView>,
    /// What is left to do, and is done as soon as it can be: queues at a broker that is away, for one.
    pub later: Option<String>,
}

/// Which version of its route a message is translated with that an operator decides about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Version {
    /// The one with which it came.
    Same,
    /// The one that is served now.
    Newest,
}

/// How a dead letter really ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Resolution {
    /// The system did it and answered this, in its own contract; the mapping translates it.
    SystemReply(Bytes),
    /// It was done, and the caller is to get this, in the caller's contract.
    CallerReply(Bytes),
    /// It was not done, and the caller is told so.
    Failed {
        /// The gRPC status to give.
        status: Status,
        /// What to tell the caller.
        message: String,
    },
    /// Nobody waits for it any more (`queue discard`).
    Discarded {
        /// Why, for the ledger.
        reason: String,
    },
}

/// A route as operators see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RouteView {
    /// Its name.
    pub route: Arc<str>,
    /// The method that it serves.
    pub method: Arc<str>,
    /// The system that it asks.
    pub system: Arc<str>,
    /// `direct`, `request-reply` or `operation`.
    pub mode: Arc<str>,
    /// The bundle's hash, in hexadecimal.
    pub bundle: String,
}

impl RouteView {
    /// Of a route that is not served: only its name is known.
    pub fn unserved(route: Arc<str>) -> Self {
        let nothing: Arc<str> = "".into();
        Self { route, method: nothing.clone(), system: nothing.clone(), mode: nothing, bundle: String::new() }
    }
}

/// How a route fares.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RouteStatus {
    /// The route; of one that is not served only the name is known.
    pub view: RouteView,
    /// How it is to be served.
    pub control: Control,
    /// Why its system is not asked now, by this gateway.
    pub shut: Option<Shut>,
    /// How the broker is, as this gateway has found, where the route's messages go through one.
    pub broker: Option<BrokerState>,
    /// Messages that wait for an attempt.
    pub waiting: u64,
    /// Messages at work.
    pub at_work: u64,
    /// Dead letters.
    pub dead: u64,
    /// When the oldest message was received that waits or is at work.
    pub oldest: Option<Timestamp>,
}

impl RouteStatus {
    /// Of a route of which nothing is known yet.
    pub fn new(view: RouteView) -> Self {
        Self {
            view,
            control: Control::Running,
            shut: None,
            broker: None,
            waiting: 0,
            at_work: 0,
            dead: 0,
            oldest: None,
        }
    }

    /// Those of the routes that are served, and of others that are held up or have messages left; by name.
    pub fn all(served: Vec<Self>, controls: &Controls, counts: &[Count]) -> Vec<Self> {
        let by_name = |status: Self| (status.view.route.clone(), status);
        let mut statuses: BTreeMap<Arc<str>, Self> = served.into_iter().map(by_name).collect();
        let mut of = |route: &str, tell: &dyn Fn(&mut Self)| match statuses.get_mut(route) {
            Some(status) => tell(status),
            None => {
                let mut status = Self::new(RouteView::unserved(route.into()));
                tell(&mut status);
                statuses.insert(route.into(), status);
            }
        };
        for (route, control) in controls {
            of(route, &|status| status.control = *control);
        }
        for count in counts {
            of(&count.route, &|status| status.count(count));
        }
        statuses.into_values().collect()
    }

    fn count(&mut self, count: &Count) {
        match count.state {
            StateKind::Waiting => self.waiting = count.messages,
            StateKind::Claimed => self.at_work = count.messages,
            StateKind::Dead => self.dead = count.messages,
            StateKind::Finished => {}
        }
        if matches!(count.state, StateKind::Waiting | StateKind::Claimed) {
            self.oldest = Some(self.oldest.map_or(count.oldest, |oldest| oldest.min(count.oldest)));
        }
    }
}

/// What differs between the routes served before and after a reload.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Changes {
    /// Routes that were not served before.
    pub added: Vec<Arc<str>>,
    /// Routes that are served in another version, or by another system.
    pub changed: Vec<Arc<str>>,
    /// Routes that are not served any more.
    pub removed: Vec<Arc<str>>,
}

impl Changes {
    /// By the routes' names.
    pub fn between(before: &[RouteView], after: &[RouteView]) -> Self {
        let named = |views: &'_ [RouteView], name: &str| views.iter().find(|v| &*v.route == name).cloned();
        let mut changes = Self::default();
        for now in after {
            match named(before, &now.route) {
                None => changes.added.push(now.route.clone()),
                Some(then) if then != *now => changes.changed.push(now.route.clone()),
                Some(_) => {}
            }
        }
        let gone = before.iter().filter(|then| named(after, &then.route).is_none());
        changes.removed = gone.map(|then| then.route.clone()).collect();
        changes
    }
}

impl std::fmt::Display for Changes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let all = [("added", &self.added), ("changed", &self.changed), ("removed", &self.removed)];
        let parts: Vec<_> = all.into_iter().filter(|(_, names)| !names.is_empty()).collect();
        if parts.is_empty() {
            return f.write_str("nothing changed");
        }
        let texts: Vec<_> =
            parts.iter().map(|(what, names)| format!("{what} {}", names.join(", "))).collect();
        f.write_str(&texts.join("; "))
    }
}

/// Why an operator's request was not carried out.
#[derive(Debug, Clone, thiserror::Error)]
pub enum OperatorError {
    /// The ledger did not.
    #[error(transparent)]
    Delivery(#[from] DeliveryError),
    /// The decision does not fit the message; the text says why and what to do.
    #[error("{0}")]
    Refused(String),
    /// Files are not sound; the text is the rendered findings.
    #[error("{0}")]
    Findings(String),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_reload_changed() {
        let view = |route: &str, bundle: &str| RouteView {
            route: route.into(),
            method: "m".into(),
            system: "s".into(),
            mode: "direct".into(),
            bundle: bundle.into(),
        };
        let check = |before: &[(&str, &str)], after: &[(&str, &str)], expected: &str| {
            let views = |all: &[(&str, &str)]| all.iter().map(|(r, b)| view(r, b)).collect::<Vec<_>>();
            assert_eq!(Changes::between(&views(before), &views(after)).to_string(), expected);
        };
        check(&[("a", "1")], &[("a", "1")], "nothing changed");
        check(&[("a", "1"), ("b", "1")], &[("a", "2"), ("c", "1")], "added c; changed a; removed b");
    }
}
