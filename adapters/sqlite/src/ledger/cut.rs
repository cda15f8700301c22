//! A file is cut in steps, each a transaction of its own: of a million messages the whole would hold up whoever accepts for seconds. The
//! messages themselves are not written, only where they are (`gathering.sql`). A cut of which no count is known is not whole yet, and
//! nobody is shown it; what a process that ended had taken until then is its file.

use std::sync::Arc;

use portolan_delivery::{BundleHash, CutRecord, Timestamp};
use rusqlite::OptionalExtension;

use super::{Ledger, cuts};
use crate::error::Trouble;

/// What gathers for a route (`?1`), of a bundle (`?2`), behind one message and up to another (`?3`, `?4`).
macro_rules! gather {
    () => {
        "gathering WHERE route = ?1 AND bundle = ?2 AND message > ?3 AND message <= ?4"
    };
}

/// Messages of a step: some ten milliseconds' work, so that its commit is a small part of it.
pub(crate) const STEP: u64 = 10_000;
/// Of the first, after which it is told that the file is begun.
pub(crate) const FIRST: u64 = 100;

/// How far a cut is.
pub(crate) enum Cut {
    /// There is nothing to cut, or the last file of the route is not delivered.
    Nothing,
    /// More may have gathered for it.
    Begun(Begun),
    /// It is known what is in it.
    Whole(CutRecord),
}

/// A cut that is not whole yet.
pub(crate) struct Begun {
    /// As far as it is known.
    pub(crate) cut: CutRecord,
    number: i64,
    route: i64,
    bundle: i64,
    /// Behind which message the next step begins.
    after: i64,
    /// Behind which none is taken: it came after the cut began.
    last: i64,
    left: u64,
}

impl Ledger {
    /// The first step.
    pub(crate) fn begin_cut(
        &mut self,
        route: &Arc<str>,
        limit: u64,
        now: Timestamp,
        step: u64,
    ) -> Result<Cut, Trouble> {
        let route = self.route(route)?;
        // An earlier one that was given up midway.
        self.end_cuts(Some(route))?;
        let under_way: bool = self
            .connection
            .prepare_cached("SELECT EXISTS (SELECT 1 FROM cuts WHERE route = ?1 AND state < 2)")?
            .query_row([route], |row| row.get(0))?;
        if under_way {
            return Ok(Cut::Nothing);
        }
        let oldest: Option<i64> = self
            .connection
            .prepare_cached("SELECT bundle FROM gathering WHERE route = ?1 ORDER BY message LIMIT 1")?
            .query_row([route], |row| row.get(0))
            .optional()?;
        let Some(bundle) = oldest.filter(|_| limit > 0) else { return Ok(Cut::Nothing) };
        let hash = self.bundle_hashes.get(&bundle).copied().unwrap_or(BundleHash([0; 32]));
        self.connection
            .prepare_cached(
                "INSERT INTO cuts (route, sequence, bundle, at, messages, state)
                 SELECT ?1, coalesce(max(sequence), 0) + 1, ?2, ?3, 0, 0 FROM cuts WHERE route = ?1",
            )?
            .execute((route, &hash.0[..], now.0))?;
        let number = self.connection.last_insert_rowid();
        let newest = self.connection.prepare_cached("SELECT max(message) FROM gathering WHERE route = ?1")?;
        let last = { newest }.query_row([route], |row| row.get(0))?;
        let Some(cut) = cuts::one(&self.connection, number)? else { return Ok(Cut::Nothing) };
        self.go_on(Begun { cut, number, route, bundle, after: 0, last, left: limit }, step)
    }

    /// Another step.
    pub(crate) fn go_on(&mut self, mut begun: Begun, step: u64) -> Result<Cut, Trouble> {
        let Begun { number, route, bundle, after, last, left, .. } = begun;
        let step = i64::try_from(step.min(left)).unwrap_or(i64::MAX);
        let taken = self
            .connection
            .prepare_cached(concat!(
                "INSERT INTO in_file (message, route, cut) SELECT message, route, ?5 FROM ",
                gather!(),
                " AND EXISTS (SELECT 1 FROM cuts WHERE number = ?5 AND state = 0 AND messages = 0)
                  ORDER BY message LIMIT ?6"
            ))?
            .execute((route, bundle, after, last, number, step))?;
        // The rowid of a message that is in a file is its own.
        let to = self.connection.last_insert_rowid();
        if taken > 0 {
            self.connection
                .prepare_cached(concat!(
                    "INSERT INTO cut_messages (cut, grp, message, route) SELECT ?5, grp, message, route FROM ",
                    gather!(),
                    " ORDER BY message"
                ))?
                .execute((route, bundle, after, to, number))?;
            self.connection
                .prepare_cached(concat!("DELETE FROM ", gather!()))?
                .execute((route, bundle, after, to))?;
        }
        begun.left -= taken as u64;
        if taken > 0 && begun.left > 0 && to < last {
            begun.after = to;
            return Ok(Cut::Begun(begun));
        }
        self.end_cuts(Some(route))?;
        Ok(cuts::one(&self.connection, number)?.map_or(Cut::Nothing, Cut::Whole))
    }

    /// Cuts that are not whole have what they have.
    pub(crate) fn end_cuts(&self, route: Option<i64>) -> Result<(), Trouble> {
        self.connection
            .prepare_cached(
                "UPDATE cuts SET messages = (SELECT count(*) FROM cut_messages WHERE cut = number)
                 WHERE state < 2 AND messages = 0 AND (?1 IS NULL OR route = ?1)",
            )?
            .execute([route])?;
        Ok(())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, reason = "a test that fails may panic")]
mod tests {
    use portolan_delivery::{
        Accept, Start,
        testing::messages::{BUNDLE, NOW, at, envelope, payload},
    };

    use super::*;
    use crate::{Options, ledger::Role, schema};

    fn open(path: &std::path::Path) -> Ledger {
        Ledger::load(schema::open(path, &Options::default()).unwrap(), Role::Queue).unwrap()
    }

    fn gathers(ledger: &mut Ledger, messages: usize) {
        for _ in 0..messages {
            let start = Start::Due(Timestamp::NEVER);
            ledger.accept(Accept { envelope: envelope("r"), payload: payload(1), start }, 0).unwrap();
        }
    }

    fn begun(cut: Cut) -> Begun {
        match cut {
            Cut::Begun(begun) => begun,
            _ => panic!("it is not whole"),
        }
    }

    fn whole(cut: Cut) -> CutRecord {
        match cut {
            Cut::Whole(cut) => cut,
            _ => panic!("it is whole"),
        }
    }

    #[test]
    fn a_cut_takes_what_had_gathered_when_it_began_up_to_its_limit() {
        let folder = tempfile::tempdir().unwrap();
        let mut ledger = open(&folder.path().join("queue.db"));
        ledger.keep_bundle(BUNDLE, b"a bundle").unwrap();
        gathers(&mut ledger, 5);
        let first = begun(ledger.begin_cut(&"r".into(), 100, at(1), 2).unwrap());
        assert_eq!(cuts::cuts(&ledger.connection, false, 9).unwrap(), [], "nobody sees it yet");
        gathers(&mut ledger, 3);
        let second = begun(ledger.go_on(first, 2).unwrap());
        let cut = whole(ledger.go_on(second, 2).unwrap());
        assert_eq!((cut.sequence, cut.messages), (1, 5), "not those that came later");
        assert!(matches!(ledger.begin_cut(&"r".into(), 100, at(2), 2).unwrap(), Cut::Nothing), "it is open");
        ledger.connection.execute_batch("UPDATE cuts SET state = 2").unwrap();
        let cut = whole(ledger.begin_cut(&"r".into(), 2, at(2), 2).unwrap());
        assert_eq!((cut.sequence, cut.messages), (2, 2));
        ledger.connection.execute_batch("UPDATE cuts SET state = 2").unwrap();
        assert_eq!(whole(ledger.begin_cut(&"r".into(), 2, at(2), 2).unwrap()).messages, 1);
        assert_eq!(cuts::gathered(&ledger.connection).unwrap(), []);
    }

    #[test]
    fn what_was_taken_when_a_process_ended_is_its_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("queue.db");
        let mut ledger = open(&path);
        ledger.keep_bundle(BUNDLE, b"a bundle").unwrap();
        gathers(&mut ledger, 5);
        begun(ledger.begin_cut(&"r".into(), 100, at(1), 2).unwrap());
        drop(ledger);
        let mut ledger = open(&path);
        ledger.reconcile(portolan_delivery::GatewayId::generate(), NOW).unwrap();
        let all = cuts::cuts(&ledger.connection, true, 9).unwrap();
        assert_eq!(all.iter().map(|cut| (cut.sequence, cut.messages)).collect::<Vec<_>>(), [(1, 2)]);
        assert_eq!(cuts::gathered(&ledger.connection).unwrap()[0].messages, 3);

        // A step that comes after all changes nothing.
        ledger.connection.execute_batch("UPDATE cuts SET state = 2").unwrap();
        let late = begun(ledger.begin_cut(&"r".into(), 100, at(2), 2).unwrap());
        ledger.end_cuts(None).unwrap();
        assert_eq!(whole(ledger.go_on(late, 2).unwrap()).messages, 2);
        assert_eq!(cuts::gathered(&ledger.connection).unwrap()[0].messages, 1);
    }
}
