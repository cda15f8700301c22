//! The ledger beside a transport, for one gateway: the same file, in which messages are also handed out to be published.

use std::{path::Path, sync::Arc, time::Duration};

use portolan_delivery::{
    Accept, Accepted, BoxFuture, Claimed, DeliveryError, GatewayId, Start, Timestamp,
    composite::{Ledger, Parcel, Unannounced, Unclaimed},
};

use rusqlite::Connection;
use uuid::Uuid;

use crate::{
    OpenError, Options,
    file::SqliteFile,
    ledger::{Role, events},
    outbox::Outbox,
    row::OUT,
    store::Store,
};

/// The ledger in one SQLite file, for [`portolan_delivery::composite::Composite`].
pub type SqliteLedger = SqliteFile<BesideTransport>;

/// What is on its way to the transport.
#[derive(Default)]
pub struct BesideTransport(pub(crate) Arc<Outbox>);

impl SqliteLedger {
    /// Opens the file, making it where there is none; a queue's file may become a ledger, and the other way round. What was
    /// handed out before, and not seen to be published, goes back into the outbox. At most one process has a file open.
    /// Blocks; questions and [`Ledger::ready`] need a tokio runtime later.
    pub fn open(path: impl AsRef<Path>, options: Options) -> Result<Self, OpenError> {
        Ok(Self {
            store: Store::open(path.as_ref(), &options, Role::Ledger)?,
            role: BesideTransport::default(),
        })
    }

    /// What tells this ledger from every other one. Needs a tokio runtime.
    pub async fn identity(&self) -> Result<Uuid, DeliveryError> {
        let identity = |connection: &Connection| {
            Ok(connection.query_row("SELECT id FROM identity", [], |row| row.get(0).map(Uuid::from_bytes))?)
        };
        self.store.readers.ask(identity).await
    }
}

/// How long ago a message was due, at least, whose parcel may be lost.
const REPUBLISH_AFTER: Duration = Duration::from_secs(60);
/// So often a claim may look for parcels that were lost.
const LOOK_AGAIN: Duration = Duration::from_secs(30);

fn a_while_ago() -> Timestamp {
    let after = i64::try_from(REPUBLISH_AFTER.as_micros()).unwrap_or(i64::MAX);
    Timestamp(Timestamp::now().0.saturating_sub(after))
}

impl Ledger for SqliteLedger {
    /// What is due at once is handed out by the same commit: whoever accepts publishes it.
    fn insert(&self, accept: Accept) -> BoxFuture<'_, Result<Accepted, DeliveryError>> {
        let outbox = self.role.0.clone();
        Box::pin(self.store.write(move |ledger| {
            let (id, received) = (accept.envelope.id, accept.envelope.received);
            let due = matches!(accept.start, Start::Due(due) if due <= received);
            let handed_out = due && outbox.has_room();
            ledger.mark_published(&outbox.many_confirmed())?;
            let accepted = ledger.accept(accept, if handed_out { OUT } else { 0 })?;
            if handed_out && matches!(accepted, Accepted::New(_)) {
                outbox.hand_out((id, 1), received);
            }
            Ok(accepted)
        }))
    }

    fn due<'a>(
        &'a self,
        limit: usize,
        except: &'a [Arc<str>],
        now: Timestamp,
    ) -> BoxFuture<'a, Result<Vec<Parcel>, DeliveryError>> {
        let (outbox, except) = (self.role.0.clone(), except.to_vec());
        Box::pin(self.store.write(move |ledger| {
            ledger.mark_published(&outbox.many_confirmed())?;
            ledger.take_back(&outbox.overdue(now))?;
            let due = ledger.hand_out(limit, &except, now)?;
            due.iter().for_each(|parcel| outbox.hand_out((parcel.id, parcel.attempt), now));
            Ok(due)
        }))
    }

    /// Remembered, and written once there are many: what is claimed soon need not be.
    fn mark_published<'a>(&'a self, parcel: &'a Parcel) -> BoxFuture<'a, Result<(), DeliveryError>> {
        self.role.0.confirm((parcel.id, parcel.attempt));
        Box::pin(std::future::ready(Ok(())))
    }

    fn entered<'a>(&'a self, parcels: &'a [Parcel]) -> BoxFuture<'a, Result<(), DeliveryError>> {
        parcels.iter().for_each(|parcel| self.role.0.confirm((parcel.id, parcel.attempt)));
        Box::pin(std::future::ready(Ok(())))
    }

    /// By when they were due: when they were published is not kept, so that what is worked off late may be asked for early.
    fn unclaimed(&self) -> BoxFuture<'_, Result<Vec<Unclaimed>, DeliveryError>> {
        let outbox = self.role.0.clone();
        Box::pin(async move {
            self.store.write(move |ledger| ledger.mark_published(&outbox.confirmed())).await?;
            self.store.unclaimed(a_while_ago()).await
        })
    }

    fn republish<'a>(&'a self, route: &'a Arc<str>, limit: u64) -> BoxFuture<'a, Result<u64, DeliveryError>> {
        let name = route.clone();
        Box::pin(async move {
            let parcels =
                self.store.write(move |ledger| ledger.republish(&name, a_while_ago(), limit)).await?;
            if parcels > 0 {
                let why = "due a while ago, published, not claimed, and not in the queue: published again";
                tracing::warn!(%route, parcels, "{why}");
            }
            Ok(parcels)
        })
    }

    fn claim<'a>(
        &'a self,
        parcel: &'a Parcel,
        gateway: GatewayId,
        now: Timestamp,
    ) -> BoxFuture<'a, Result<Option<Claimed>, DeliveryError>> {
        let (outbox, id, attempt) = (self.role.0.clone(), parcel.id, parcel.attempt);
        Box::pin(self.store.write(move |ledger| {
            let claimed = ledger.claim_announced(id, attempt, gateway, now)?;
            outbox.spent((id, attempt));
            Ok(claimed)
        }))
    }

    /// The file is of one process, which is nobody else's rival.
    fn unannounced(&self, limit: usize) -> BoxFuture<'_, Result<Vec<Unannounced>, DeliveryError>> {
        Box::pin(self.store.readers.ask(move |connection| events::unannounced(connection, limit)))
    }

    fn mark_announced<'a>(&'a self, numbers: &'a [i64]) -> BoxFuture<'a, Result<(), DeliveryError>> {
        let numbers = numbers.to_vec();
        Box::pin(self.store.write(move |ledger| ledger.mark_announced(&numbers)))
    }

    fn ready(&self) -> BoxFuture<'_, ()> {
        Box::pin(async {
            tokio::select! {
                () = self.store.ready() => {}
                () = self.role.0.until_overdue() => {}
                () = tokio::time::sleep(LOOK_AGAIN) => {}
            }
        })
    }
}
