//! Bundles: kept while anything refers to them.

use portolan_delivery::BundleHash;

use super::Ledger;
use crate::error::Trouble;

impl Ledger {
    pub(crate) fn keep_bundle(&mut self, hash: BundleHash, content: &[u8]) -> Result<(), Trouble> {
        if let Some(number) = self.bundles.get(&hash) {
            self.served.insert(*number);
            return Ok(());
        }
        self.connection
            .prepare_cached("INSERT INTO bundles (hash, content) VALUES (?1, ?2)")?
            .execute((&hash.0[..], content))?;
        let number = self.connection.last_insert_rowid();
        self.connection
            .prepare_cached("INSERT INTO bundle_uses (bundle, messages) VALUES (?1, 0)")?
            .execute([number])?;
        self.bundles.insert(hash, number);
        self.bundle_hashes.insert(number, hash);
        self.served.insert(number);
        Ok(())
    }

    /// Removes bundles that no message refers to and no file that is being taken, and that were not kept since this process began.
    pub(super) fn drop_unused_bundles(&mut self) -> Result<(), Trouble> {
        let mut statement = self.connection.prepare_cached(
            "SELECT u.bundle FROM bundle_uses u JOIN bundles b ON b.number = u.bundle
             WHERE u.messages = 0 AND b.hash NOT IN (SELECT bundle FROM files WHERE state = 0)",
        )?;
        let unused: Vec<i64> = statement.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
        drop(statement);
        for number in unused {
            if self.served.contains(&number) {
                continue;
            }
            self.connection.prepare_cached("DELETE FROM bundle_uses WHERE bundle = ?1")?.execute([number])?;
            self.connection.prepare_cached("DELETE FROM bundles WHERE number = ?1")?.execute([number])?;
            if let Some(hash) = self.bundle_hashes.remove(&number) {
                self.bundles.remove(&hash);
            }
        }
        Ok(())
    }
}
