//! Files that are made of messages, as an operator sees them.

use std::sync::Arc;

use crate::{BundleHash, CutRecord, CutState, FileFilter, Gathered, MessageId, Timestamp};

/// A file that is made, or what gathers for the next one of its route.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MadeView {
    /// How far it is.
    pub file: MadeFile,
    /// The system that picks it up, where its route is served.
    pub system: Option<Arc<str>>,
    /// Why the files of its route were not made or delivered, when the gateway that is asked tried last.
    pub trouble: Option<Arc<str>>,
}

/// How far it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MadeFile {
    /// It is not known yet which messages are in it: these wait.
    Gathering(Gathered),
    /// It was cut.
    Cut(CutRecord),
}

impl MadeFile {
    /// The route.
    pub fn route(&self) -> &Arc<str> {
        match self {
            Self::Gathering(gathered) => &gathered.route,
            Self::Cut(cut) => &cut.route,
        }
    }

    /// How many messages are in it, so far.
    pub fn messages(&self) -> u64 {
        match self {
            Self::Gathering(gathered) => gathered.messages,
            Self::Cut(cut) => cut.messages,
        }
    }

    /// When the oldest of its messages was accepted that gather, or when it was cut.
    pub fn since(&self) -> Timestamp {
        match self {
            Self::Gathering(gathered) => gathered.oldest,
            Self::Cut(cut) => cut.at,
        }
    }

    /// The version of the route, once it is cut.
    pub fn bundle(&self) -> Option<BundleHash> {
        match self {
            Self::Gathering(_) => None,
            Self::Cut(cut) => Some(cut.bundle),
        }
    }

    /// As commands write it.
    pub fn state(&self) -> &'static str {
        match self {
            Self::Gathering(_) => "gathering",
            Self::Cut(cut) => cut.state.name(),
        }
    }

    /// Whether something is left to do before its system has it.
    pub fn is_open(&self) -> bool {
        match self {
            Self::Gathering(_) => true,
            Self::Cut(cut) => cut.state != CutState::Delivered,
        }
    }

    /// Whether it is called so: by its name, by the beginning of its hash, or by its number.
    fn is_called(&self, filter: &FileFilter) -> bool {
        let Some(called) = filter.called.as_deref() else { return true };
        let Self::Cut(cut) = self else { return false };
        let by_hash = || {
            let within = filter.hashes().zip(cut.hash);
            within.is_some_and(|((first, last), hash)| first <= hash && hash <= last)
        };
        cut.name.as_deref() == Some(called) || called.parse() == Ok(cut.sequence) || by_hash()
    }

    /// Those that are asked for, of what a store knows: what gathers first, then the newest files first.
    pub fn asked_for(gathered: Vec<Gathered>, cuts: Vec<CutRecord>, filter: &FileFilter) -> Vec<Self> {
        let all = gathered.into_iter().map(Self::Gathering).chain(cuts.into_iter().map(Self::Cut));
        let wanted = |file: &Self| {
            filter.route.as_deref().is_none_or(|route| route == &**file.route())
                && (!filter.open || file.is_open())
                && file.is_called(filter)
        };
        all.filter(wanted).take(filter.most()).collect()
    }
}

/// The file in which a message is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SentIn {
    /// The message.
    pub message: MessageId,
    /// The number of the file among those of its route.
    pub sequence: u64,
    /// Its name, once it is ready.
    pub name: Option<Arc<str>>,
    /// How far it is.
    pub state: CutState,
}

/// What became of an operator's wish for a file now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CutNow {
    /// The file; `None` where nothing had gathered.
    pub file: Option<CutRecord>,
    /// How many messages gather for the next one: a file has no more than its route allows, and those of one version of it.
    pub left: u64,
    /// Why it is cut, but not delivered. It is tried again.
    pub trouble: Option<String>,
}

/// What an operator decides of a file that is made and not delivered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FileDecision {
    /// It is tried at once.
    Retry,
    /// It is given up, where it was not built: its messages are dead letters, for this reason, and the next file has its number.
    Refuse {
        /// For people.
        reason: String,
    },
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::FileHash;

    #[test]
    fn a_file_is_called_by_name_number_or_hash() {
        let gathered = Gathered { route: "r".into(), messages: 3, oldest: Timestamp(1) };
        let cut = |route: &str, sequence, state, name: Option<&str>| CutRecord {
            route: route.into(),
            sequence,
            bundle: BundleHash([1; 32]),
            at: Timestamp(7),
            messages: 2,
            state,
            name: name.map(Into::into),
            hash: name.map(|_| FileHash([0xA1; 32])),
            bytes: 0,
            delivered: None,
            aside: None,
            outstanding: 0,
        };
        let cuts = vec![
            cut("r", 2, CutState::Open, None),
            cut("r", 1, CutState::Delivered, Some("one.txt")),
            cut("s", 1, CutState::Ready, Some("two.txt")),
        ];
        let check = |filter: FileFilter, expected: &[(&str, &str)]| {
            let found = MadeFile::asked_for(vec![gathered.clone()], cuts.clone(), &filter);
            let found: Vec<_> = found.iter().map(|file| (&**file.route(), file.state())).collect();
            assert_eq!(found, expected, "{filter:?}");
        };
        let of = |called: &str| FileFilter { called: Some(called.into()), ..FileFilter::default() };
        let all = [("r", "gathering"), ("r", "open"), ("r", "delivered"), ("s", "ready")];
        check(FileFilter::default(), &all);
        check(FileFilter { limit: 2, ..FileFilter::default() }, &all[..2]);
        check(FileFilter { route: Some("s".into()), ..FileFilter::default() }, &all[3..]);
        check(FileFilter { open: true, ..FileFilter::default() }, &[all[0], all[1], all[3]]);
        check(of("one.txt"), &all[2..3]);
        check(of("a1a1"), &all[2..]);
        check(of("1"), &all[2..]);
        check(of("2"), &all[1..2]);
        check(of("two"), &[]);
    }
}
