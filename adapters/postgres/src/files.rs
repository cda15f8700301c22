//! Files: begun, taken block by block, ended; each a statement. Whose a file is, leases say.

use std::{
    collections::{BTreeSet, HashSet},
    sync::Arc,
};

use portolan_delivery::{
    Accept, Arrival, Arrived, Block, BundleHash, DeadLetters, DeliveryError, FileCounts, FileEnd, FileFilter,
    FileHash, FileRecord, FileRelease, FileState, GatewayId, MessageId, Start, Timestamp, composite::Parcel,
};
use tokio_postgres::{Row, error::SqlState};
use uuid::Uuid;

use crate::{cuts::Answers, error::failed, intents::count, ledger::Inner, row::to_json};

/// The columns of [`record`].
macro_rules! columns {
    () => {
        "f.route, f.hash, f.bundle, f.name, f.bytes, f.received, f.state, f.gateway, f.position, f.messages, f.skipped,
         f.rejected, f.ended, f.receipt, f.released, f.release_reason"
    };
}

impl Inner {
    pub(crate) async fn begin_file(
        &self,
        arrival: Arrival,
        gateway: GatewayId,
    ) -> Result<Arrived, DeliveryError> {
        let grace = self.leases.length().as_secs_f64();
        let (route, hash, bundle) = (&*arrival.route, &arrival.hash.0[..], &arrival.bundle.0[..]);
        let (name, bytes) = (&*arrival.name, fit(arrival.bytes));
        // Between two statements it may be ended by the one that was at it.
        for _ in 0..3 {
            let begun = self.pool.query(
                self.soon(),
                concat!(
                    "INSERT INTO portolan.files AS f
                         (route, hash, bundle, name, bytes, received, state, gateway, position, messages, skipped, rejected)
                     SELECT $1, $2, b.hash, $4, $5::bigint, $6::bigint, 0, $7::uuid, 0, 0, 0, 0
                     FROM portolan.bundles b WHERE b.hash = $3
                     ON CONFLICT (route, hash) DO UPDATE SET
                         gateway = excluded.gateway,
                         bundle = CASE f.state WHEN 0 THEN f.bundle ELSE excluded.bundle END,
                         name = CASE f.state WHEN 0 THEN f.name ELSE excluded.name END,
                         received = CASE f.state WHEN 0 THEN f.received ELSE excluded.received END,
                         position = CASE f.state WHEN 0 THEN f.position ELSE 0 END,
                         messages = CASE f.state WHEN 0 THEN f.messages ELSE 0 END,
                         skipped = CASE f.state WHEN 0 THEN f.skipped ELSE 0 END,
                         rejected = CASE f.state WHEN 0 THEN f.rejected ELSE 0 END,
                         released = CASE f.state WHEN 2 THEN NULL ELSE f.released END,
                         release_reason = CASE f.state WHEN 2 THEN NULL ELSE f.release_reason END,
                         state = 0, ended = NULL, receipt = NULL
                     WHERE f.state IN (2, 3)
                        OR (f.state = 0 AND (f.gateway = $7 OR NOT portolan.is_alive(f.gateway, $8)))
                     RETURNING ",
                    columns!()
                ),
                |_| {
                    vec![&route, &hash, &bundle, &name, &bytes, &arrival.received.0, &gateway.0, &grace]
                },
            );
            if let Some(row) = begun.await.map_err(failed)?.first() {
                let record = record(row)?;
                self.hand_back(&record).await?;
                return Ok(Arrived::Open(Box::new(record)));
            }
            let known = self.pool.query(
                self.soon(),
                concat!("SELECT ", columns!(), " FROM portolan.files f WHERE route = $1 AND hash = $2"),
                |_| vec![&route, &hash],
            );
            let known = known.await.map_err(failed)?.first().map(record).transpose()?;
            match known {
                None => return Err(not_kept(arrival.bundle)),
                Some(known) if known.state == FileState::Taken => {
                    return Ok(Arrived::Known(Box::new(known)));
                }
                Some(known) if known.state == FileState::Open && known.gateway != gateway => {
                    return Ok(Arrived::Elsewhere(Box::new(known)));
                }
                Some(_) if self.bundle(arrival.bundle).await?.is_none() => {
                    return Err(not_kept(arrival.bundle));
                }
                Some(_) => {}
            }
        }
        Err(DeliveryError::Unavailable("the file is being ended; try again".to_owned()))
    }

    /// Of a file that goes on, nobody knows whether the last blocks were published that were durable: the one that was being published while the
    /// next was accepted, and that. What is with the transport already is absorbed.
    async fn hand_back(&self, file: &FileRecord) -> Result<(), DeliveryError> {
        if file.position == 0 {
            return Ok(());
        }
        let Arrival { hash, route, received, .. } = &file.arrival;
        let of = |record| MessageId::of_record(route, *hash, *received, record).0;
        let (first, last) = (of(0), of(file.position));
        let most = i64::try_from(2 * Block::MOST).unwrap_or(i64::MAX);
        let back = self.pool.query(
            self.soon(),
            "UPDATE portolan.messages m SET published = false, published_at = NULL, taken = NULL
             FROM (SELECT id FROM portolan.messages
                   WHERE id BETWEEN $1 AND $2 AND state = 0 AND published AND attempt = 0
                   ORDER BY id DESC LIMIT $3 FOR UPDATE SKIP LOCKED) back
             WHERE m.id = back.id RETURNING 1",
            |_| vec![&first, &last, &most],
        );
        if !back.await.map_err(failed)?.is_empty() {
            self.waits(Timestamp::now());
        }
        Ok(())
    }

    /// What was handed out with its block is due again.
    pub(crate) async fn take_back(&self, parcels: &[Parcel]) -> Result<(), DeliveryError> {
        let ids: Vec<_> = parcels.iter().map(|parcel| parcel.id.0).collect();
        let back = self.pool.query(
            self.soon(),
            "UPDATE portolan.messages m SET published = false, published_at = NULL, taken = NULL
             FROM (SELECT id FROM portolan.messages
                   WHERE id = ANY($1::uuid[]) AND state = 0 AND published AND attempt = 0 FOR UPDATE SKIP LOCKED) back
             WHERE m.id = back.id",
            |_| vec![&ids],
        );
        back.await.map_err(failed)?;
        self.waits(Timestamp::now());
        Ok(())
    }

    /// Messages, outbox, answers and how far the file has come: one statement, which does all of it or nothing. What is due and has no key counts
    /// as published from then on: to mark each message once it is would write all of it a second time.
    pub(crate) async fn accept_block(&self, block: Block, gateway: GatewayId) -> Result<bool, DeliveryError> {
        let (messages, answers) = (Columns::of(&block.messages)?, Answers::of(&block.answers)?);
        let (route, hash) = (&*block.route, &block.file.0[..]);
        let (from, to) = (fit(block.from), fit(block.to));
        let FileCounts { messages: accepted, skipped, rejected } = block.counts;
        let (accepted, skipped, rejected) = (fit(accepted), fit(skipped), fit(rejected));
        let rows = self.pool.query(
            self.patiently(),
            "WITH lacking AS (
                 SELECT wanted.hash FROM unnest($10::bytea[]) AS wanted (hash)
                 WHERE NOT EXISTS (SELECT FROM portolan.bundles b WHERE b.hash = wanted.hash)),
             moved AS (
                 UPDATE portolan.files SET position = $5, messages = $6, skipped = $7, rejected = $8
                 WHERE route = $1 AND hash = $2 AND gateway = $3 AND position = $4 AND state = 0
                   AND NOT EXISTS (SELECT FROM lacking)
                 RETURNING 1),
             -- Before any line is looked at, and in one order, so that of two blocks one waits for the other and not both.
             lines AS MATERIALIZED (
                 SELECT portolan.lock_line(line) FROM moved CROSS JOIN unnest($11::bytea[]) AS lines (line)),
             placed AS MATERIALIZED (
                 SELECT m.*, CASE WHEN m.order_key IS NULL THEN false WHEN NOT m.leads THEN true
                     WHEN (SELECT count(*) FROM lines) > 0 THEN portolan.line_taken(m.order_key) END AS parked
                 FROM moved CROSS JOIN unnest($12::uuid[], $13::bytea[], $14::int8[], $15::int8[], $16::text[], $17::bytea[],
                         $18::bool[], $19::bytea[], $20::bool[], $21::bool[]) WITH ORDINALITY
                     AS m (id, bundle, received, at, envelope, payload, announced, order_key, passes, leads, nth)),
             accepted AS (
                 INSERT INTO portolan.messages
                     (id, state, route, bundle, received, attempt, at, started, published, published_at, envelope, payload,
                      order_key, passes, announced)
                 SELECT id, CASE WHEN parked THEN 4 ELSE 0 END, $1, bundle, received, 0, at, 0, order_key IS NULL AND at <= $9,
                     CASE WHEN order_key IS NULL AND at <= $9 THEN clock_timestamp() END, envelope, payload, order_key, passes,
                     announced
                 FROM placed ORDER BY nth),
             answered AS (
                 UPDATE portolan.messages m SET state = 2, at = $9, class = NULL, party = NULL, reply = e.reply,
                     failure = e.failure
                 FROM moved CROSS JOIN unnest($23::uuid[], $24::bytea[], $25::text[]) AS e (id, reply, failure)
                 WHERE m.id = e.id AND (m.state = 1 AND m.gateway = $26
                     OR m.state = 3 AND EXISTS (SELECT FROM portolan.cut_messages x WHERE x.message = m.id)))
             SELECT (SELECT count(*) FROM moved), (SELECT hash FROM lacking LIMIT 1),
                 $22 AND EXISTS (SELECT FROM portolan.files WHERE route = $1 AND hash = $2 AND gateway = $3
                     AND position = $5 AND state = 0)",
            |again| {
                vec![
                    &route, &hash, &gateway.0, &from, &to, &accepted, &skipped, &rejected, &block.now.0,
                    &messages.kept, &messages.lines, &messages.ids, &messages.bundles, &messages.received,
                    &messages.at, &messages.envelopes, &messages.payloads, &messages.announced,
                    &messages.order_keys, &messages.passes, &messages.leads, again, &answers.ids, &answers.replies,
                    &answers.failures, &GatewayId::FILE.0,
                ]
            },
        );
        let rows = rows.await.map_err(|error| match error.code() {
            Some(&SqlState::UNIQUE_VIOLATION) => {
                let file = block.file;
                let why =
                    format!("messages of the file with SHA-256 {file} are there, which it has not come to");
                DeliveryError::Unavailable(why)
            }
            _ => failed(error),
        })?;
        let row = rows.first();
        if let Some(lacking) = row.and_then(|row| row.try_get::<_, Option<&[u8]>>(1).ok()).flatten() {
            return Err(not_kept(BundleHash(lacking.try_into().unwrap_or_default())));
        }
        let sent_before = row.and_then(|row| row.try_get(2).ok()).unwrap_or(false);
        let accepted = count(&rows) == 1 || sent_before;
        let waiting = messages.at.iter().zip(&messages.order_keys);
        let waiting = waiting.filter(|(at, key)| key.is_some() || **at > block.now.0).map(|(at, _)| *at);
        if let (true, Some(due)) = (accepted, waiting.min()) {
            self.waits(Timestamp(due));
        }
        Ok(accepted)
    }

    pub(crate) async fn end_file(&self, end: FileEnd, gateway: GatewayId) -> Result<bool, DeliveryError> {
        let (route, hash, state, receipt) =
            (&*end.route, &end.file.0[..], number_of(end.state), &*end.receipt);
        let rows = self.pool.query(
            self.soon(),
            "WITH ended AS (
                 UPDATE portolan.files SET state = $4, receipt = $5, ended = $6
                 WHERE route = $1 AND hash = $2 AND gateway = $3 AND (state = 0 OR ($7 AND state = $4 AND ended = $6))
                 RETURNING 1)
             SELECT count(*) FROM ended",
            |again| vec![&route, &hash, &gateway.0, &state, &receipt, &end.now.0, again],
        );
        Ok(count(&rows.await.map_err(failed)?) == 1)
    }

    pub(crate) async fn release_file(
        &self,
        route: Arc<str>,
        file: FileHash,
        FileRelease { at, reason }: FileRelease,
    ) -> Result<bool, DeliveryError> {
        let (route, hash, reason) = (&*route, &file.0[..], &*reason);
        let rows = self.pool.query(
            self.soon(),
            "WITH released AS (
                 UPDATE portolan.files SET state = 3, released = $3, release_reason = $4
                 WHERE route = $1 AND hash = $2 AND state = 2
                 RETURNING 1)
             SELECT (SELECT count(*) FROM released) + (SELECT count(*) FROM portolan.files
                 WHERE $5 AND route = $1 AND hash = $2 AND released = $3 AND release_reason = $4)",
            |again| vec![&route, &hash, &at.0, &reason, again],
        );
        Ok(count(&rows.await.map_err(failed)?) == 1)
    }

    /// Those that have not ended since.
    pub(crate) async fn released(&self) -> Result<Vec<FileRecord>, DeliveryError> {
        let limit = i64::try_from(FileFilter::MOST).unwrap_or(i64::MAX);
        let sql = concat!(
            "SELECT ",
            columns!(),
            " FROM portolan.files f WHERE released IS NOT NULL AND state IN (0, 3) ORDER BY seq LIMIT $1"
        );
        let rows = self.pool.query(self.soon(), sql, |_| vec![&limit]);
        rows.await.map_err(failed)?.iter().map(|row| record(row).map(without_receipt)).collect()
    }

    pub(crate) async fn files(&self, filter: FileFilter) -> Result<Vec<FileRecord>, DeliveryError> {
        let limit = i64::try_from(filter.most()).unwrap_or(i64::MAX);
        let (first, last) = filter.hashes().unzip();
        let (first, last) = (first.map(|hash| hash.0.to_vec()), last.map(|hash| hash.0.to_vec()));
        // Each by an index of its own.
        let sql = match filter.open {
            true => concat!(
                "SELECT ",
                columns!(),
                " FROM portolan.files f WHERE (state = 0 OR released IS NOT NULL AND state IN (0, 3)) AND ($2::text IS NULL OR route = $2)
                  AND ($3::text IS NULL OR name = $3 OR hash BETWEEN $4::bytea AND $5::bytea) ORDER BY seq DESC LIMIT $1"
            ),
            false => concat!(
                "SELECT ",
                columns!(),
                " FROM portolan.files f WHERE ($2::text IS NULL OR route = $2)
                  AND ($3::text IS NULL OR name = $3 OR hash BETWEEN $4::bytea AND $5::bytea) ORDER BY seq DESC LIMIT $1"
            ),
        };
        let rows =
            self.slow.query(self.soon(), sql, |_| vec![&limit, &filter.route, &filter.called, &first, &last]);
        rows.await.map_err(failed)?.iter().map(|row| record(row).map(without_receipt)).collect()
    }

    pub(crate) async fn file(
        &self,
        route: Arc<str>,
        file: FileHash,
    ) -> Result<Option<FileRecord>, DeliveryError> {
        let (route, hash) = (&*route, &file.0[..]);
        let sql = concat!("SELECT ", columns!(), " FROM portolan.files f WHERE f.route = $1 AND f.hash = $2");
        let rows = self.slow.query(self.soon(), sql, |_| vec![&route, &hash]);
        rows.await.map_err(failed)?.first().map(record).transpose()
    }

    pub(crate) async fn gone(&self, gateways: Vec<GatewayId>) -> Result<Vec<GatewayId>, DeliveryError> {
        let ids: Vec<_> = gateways.iter().map(|gateway| gateway.0).collect();
        let grace = self.leases.length().as_secs_f64();
        let rows = self.pool.query(
            self.soon(),
            "SELECT asked.id FROM unnest($1::uuid[]) AS asked (id) WHERE NOT portolan.is_alive(asked.id, $2)",
            |_| vec![&ids, &grace],
        );
        rows.await.map_err(failed)?.iter().map(|row| row.try_get(0).map(GatewayId).map_err(failed)).collect()
    }
}

/// The messages of a block, a column each.
struct Columns<'a> {
    ids: Vec<Uuid>,
    bundles: Vec<&'a [u8]>,
    received: Vec<i64>,
    at: Vec<i64>,
    envelopes: Vec<String>,
    payloads: Vec<&'a [u8]>,
    announced: Vec<bool>,
    order_keys: Vec<Option<&'a [u8]>>,
    passes: Vec<bool>,
    /// Those before which the block has none of their key.
    leads: Vec<bool>,
    /// Each bundle, once.
    kept: Vec<&'a [u8]>,
    /// Each key, once and in their order.
    lines: Vec<&'a [u8]>,
}

impl<'a> Columns<'a> {
    fn of(messages: &'a [Accept]) -> Result<Self, DeliveryError> {
        let envelopes = messages.iter().map(|accept| to_json(&accept.envelope)).collect::<Result<_, _>>()?;
        let at = messages.iter().map(due).collect::<Result<_, _>>()?;
        fn column<'a, T>(messages: &'a [Accept], of: impl Fn(&'a Accept) -> T) -> Vec<T> {
            messages.iter().map(of).collect()
        }
        let order_keys =
            column(messages, |accept| accept.envelope.order.as_ref().map(|order| &order.key.0[..]));
        let bundles = column(messages, |accept| &accept.envelope.bundle.0[..]);
        let mut lines = HashSet::new();
        Ok(Self {
            ids: column(messages, |accept| accept.envelope.id.0),
            received: column(messages, |accept| accept.envelope.received.0),
            at,
            envelopes,
            payloads: column(messages, |accept| &accept.payload[..]),
            announced: column(messages, |accept| accept.envelope.announced),
            passes: column(messages, |accept| {
                accept.envelope.order.is_some_and(|order| order.dead_letters == DeadLetters::Pass)
            }),
            leads: order_keys.iter().map(|key| key.is_none_or(|key| lines.insert(key))).collect(),
            kept: bundles.iter().copied().collect::<BTreeSet<_>>().into_iter().collect(),
            lines: lines.into_iter().collect::<BTreeSet<_>>().into_iter().collect(),
            bundles,
            order_keys,
        })
    }
}

/// When a message of a block is due: it waits, and nobody waits for it.
fn due(accept: &Accept) -> Result<i64, DeliveryError> {
    match (accept.start, &accept.envelope.request_key) {
        (Start::Due(due), None) => Ok(due.0),
        _ => {
            let why = "a message of a file that has a request id, or begins at once; none does";
            Err(DeliveryError::Unavailable(why.to_owned()))
        }
    }
}

fn not_kept(bundle: BundleHash) -> DeliveryError {
    DeliveryError::Unavailable(format!("bundle {bundle} is not kept"))
}

fn fit(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn record(row: &Row) -> Result<FileRecord, DeliveryError> {
    let whole = |index| {
        Ok::<_, DeliveryError>(u64::try_from(row.try_get::<_, i64>(index).map_err(failed)?).unwrap_or(0))
    };
    let text = |index| Ok::<Arc<str>, DeliveryError>(row.try_get::<_, &str>(index).map_err(failed)?.into());
    let hash = |index| -> Result<[u8; 32], DeliveryError> {
        let bytes: &[u8] = row.try_get(index).map_err(failed)?;
        bytes.try_into().map_err(|_| {
            DeliveryError::Unavailable("the row of a file is damaged and cannot be read".to_owned())
        })
    };
    Ok(FileRecord {
        arrival: Arrival {
            hash: FileHash(hash(1)?),
            route: text(0)?,
            bundle: BundleHash(hash(2)?),
            name: text(3)?,
            bytes: whole(4)?,
            received: Timestamp(row.try_get(5).map_err(failed)?),
        },
        state: match row.try_get::<_, i16>(6).map_err(failed)? {
            0 => FileState::Open,
            1 => FileState::Taken,
            2 => FileState::Refused,
            _ => FileState::Released,
        },
        gateway: GatewayId(row.try_get(7).map_err(failed)?),
        position: whole(8)?,
        counts: FileCounts { messages: whole(9)?, skipped: whole(10)?, rejected: whole(11)? },
        ended: row.try_get::<_, Option<i64>>(12).map_err(failed)?.map(Timestamp),
        receipt: row.try_get::<_, Option<&str>>(13).map_err(failed)?.map(Into::into),
        release: {
            let at = row.try_get::<_, Option<i64>>(14).map_err(failed)?;
            let reason = row.try_get::<_, Option<&str>>(15).map_err(failed)?;
            at.zip(reason).map(|(at, reason)| FileRelease { at: Timestamp(at), reason: reason.into() })
        },
    })
}

/// Receipts may be long.
fn without_receipt(file: FileRecord) -> FileRecord {
    FileRecord { receipt: None, ..file }
}

fn number_of(state: FileState) -> i16 {
    match state {
        FileState::Open => 0,
        FileState::Taken => 1,
        FileState::Refused => 2,
        FileState::Released => 3,
    }
}
