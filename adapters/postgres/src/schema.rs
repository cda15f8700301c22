//! The tables' versions: made, and brought up to date, under a lock, by whichever gateway comes first.

use portolan_delivery::LOST_BEFORE_SUSPECT;
use tokio_postgres::Client;

use crate::{OpenError, way::Way};

/// Each brings the tables from one version to the next. Never changed once released: only added to.
const MIGRATIONS: &[&str] = &[
    include_str!("schema.sql"),
    include_str!("controls.sql"),
    include_str!("order.sql"),
    include_str!("suspects.sql"),
    include_str!("events.sql"),
    include_str!("identity.sql"),
    include_str!("gateways.sql"),
    include_str!("ticket.sql"),
    include_str!("files.sql"),
    include_str!("cuts.sql"),
    include_str!("release.sql"),
];

// As the statements say.
const _: () = assert!(LOST_BEFORE_SUSPECT == 2);

/// The version that this program knows.
pub(crate) const KNOWN: i64 = MIGRATIONS.len() as i64;

/// Any number that nobody else in the database uses: "portolan" in ASCII. Also in the text of `forget`.
pub(crate) const LOCK: i64 = 0x706f_7274_6f6c_616e;

/// Brings the tables up to date.
pub(crate) async fn migrate(way: &Way) -> Result<(), OpenError> {
    let failed = |error| way.failed(&error);
    let (mut client, driver) = way.connect().await.map_err(failed)?;
    let migrated = apply(&mut client, &failed).await;
    driver.abort();
    migrated
}

/// Whether the tables are of this program's version; nothing is changed.
pub(crate) async fn verify(way: &Way) -> Result<(), OpenError> {
    let failed = |error| way.failed(&error);
    let (client, driver) = way.connect().await.map_err(failed)?;
    let found = version(&client).await.map_err(failed);
    driver.abort();
    match found?.unwrap_or(0) {
        KNOWN => Ok(()),
        found if found > KNOWN => Err(OpenError::Newer { found, known: KNOWN }),
        found => Err(OpenError::Older { found, known: KNOWN }),
    }
}

/// Of the tables; `None` where there are none yet.
pub(crate) async fn version(client: &Client) -> Result<Option<i64>, tokio_postgres::Error> {
    let there = client.query_one("SELECT to_regclass('portolan.version') IS NOT NULL", &[]).await?;
    match there.get(0) {
        true => {
            let found =
                client.query_one("SELECT coalesce(max(number), 0) FROM portolan.version", &[]).await?;
            Ok(Some(found.get(0)))
        }
        false => Ok(None),
    }
}

async fn apply(
    client: &mut Client,
    failed: &(dyn Fn(tokio_postgres::Error) -> OpenError + Sync),
) -> Result<(), OpenError> {
    let transaction = client.transaction().await.map_err(failed)?;
    // Held until the commit; a second gateway waits here and then finds nothing to do.
    transaction.execute("SELECT pg_advisory_xact_lock($1)", &[&LOCK]).await.map_err(failed)?;
    transaction
        .batch_execute(
            // Who may not make schemas may have been given this one.
            "DO $$ BEGIN IF to_regnamespace('portolan') IS NULL THEN CREATE SCHEMA portolan; END IF; END $$;
             SET LOCAL search_path TO portolan;
             CREATE TABLE IF NOT EXISTS version (number bigint NOT NULL);",
        )
        .await
        .map_err(failed)?;
    let row =
        transaction.query_one("SELECT coalesce(max(number), 0) FROM version", &[]).await.map_err(failed)?;
    let found: i64 = row.get(0);
    if found > KNOWN {
        return Err(OpenError::Newer { found, known: KNOWN });
    }
    for (index, migration) in MIGRATIONS.iter().enumerate().skip(usize::try_from(found).unwrap_or(0)) {
        transaction.batch_execute(migration).await.map_err(failed)?;
        let number = i64::try_from(index + 1).unwrap_or(KNOWN);
        transaction.execute("INSERT INTO version VALUES ($1)", &[&number]).await.map_err(failed)?;
    }
    transaction.commit().await.map_err(failed)
}
