//! Forget: what was finished long ago goes, with its attempts and its key. What to remove was found by a reader; here it
//! is only removed, if it still is finished.

use portolan_delivery::Timestamp;

use super::Ledger;
use crate::error::Trouble;

impl Ledger {
    pub(crate) fn forget(&mut self, found: &[i64], before: Timestamp) -> Result<usize, Trouble> {
        self.tally()?;
        let mut removed = 0;
        for seq in found {
            removed += usize::from(self.forget_one(*seq, before)?);
        }
        self.write_uses()?;
        self.tally_back()?;
        self.drop_unused_bundles()?;
        Ok(removed)
    }

    fn forget_one(&mut self, seq: i64, before: Timestamp) -> Result<bool, Trouble> {
        let mut statement = self.connection.prepare_cached(
            "DELETE FROM messages WHERE seq = ?1 AND state = 2 AND at < ?2 RETURNING route, bundle, envelope",
        )?;
        let mut rows = statement.query((seq, before.0))?;
        let Some(row) = rows.next()? else { return Ok(false) };
        let (route, bundle): (i64, i64) = (row.get(0)?, row.get(1)?);
        let key = serde_json::from_str::<Keyed>(row.get_ref(2)?.as_str().unwrap_or_default())
            .ok()
            .and_then(|envelope| envelope.request_key);
        // To its end, or the delete is not done.
        while rows.next()?.is_some() {}
        if let Some(key) = key {
            self.connection
                .prepare_cached("DELETE FROM request_keys WHERE route = ?1 AND caller = ?2 AND id = ?3")?
                .execute((route, key.caller, key.id))?;
        }
        for beside in
            ["DELETE FROM attempts WHERE message = ?1", "DELETE FROM cut_messages WHERE message = ?1"]
        {
            self.connection.prepare_cached(beside)?.execute([seq])?;
        }
        *self.uses.entry(bundle).or_default() -= 1;
        Ok(true)
    }
}

/// What of the envelope's JSON is needed here.
#[derive(serde::Deserialize)]
struct Keyed {
    request_key: Option<portolan_delivery::RequestKey>,
}
