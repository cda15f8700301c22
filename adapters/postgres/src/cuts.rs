//! Files that are made of messages: cut, built, delivered, answered; each a statement. Who is at one, leases say.

use std::{collections::BTreeMap, sync::Arc};

use bytes::Bytes;
use portolan_delivery::{
    Built, BundleHash, Claim, CutMessage, CutPage, CutPlace, CutRecord, CutState, DeliveryError, Envelope,
    FileAnswer, FileHash, GatewayId, Gathered, LateMessage, MessageId, Sender, SentIn, SentMessage,
    Timestamp,
};
use tokio_postgres::Row;
use uuid::Uuid;

use crate::{
    error::{damaged, failed},
    intents::{columns, count},
    ledger::Inner,
    row::{attempt_number, from_json},
};

/// The columns of [`record`]. How many of a cut wait is counted by those that do, of all cuts at once.
macro_rules! columns {
    () => {
        "c.route, c.sequence, c.bundle, c.at, c.messages, c.state, c.name, c.aside, c.hash, c.bytes, c.delivered"
    };
}

/// Messages of a cut that are given at a time.
const PAGE: usize = 500;

impl Inner {
    pub(crate) async fn gathered(&self) -> Result<Vec<Gathered>, DeliveryError> {
        let rows = self.slow.query(
            self.soon(),
            "SELECT route, count(*), min(received) FROM portolan.messages
             WHERE state = 0 AND at = 9223372036854775807 GROUP BY route",
            |_| Vec::new(),
        );
        let one = |row: &Row| {
            Ok(Gathered {
                route: row.try_get::<_, &str>(0).map_err(failed)?.into(),
                messages: whole(row, 1)?,
                oldest: Timestamp(row.try_get(2).map_err(failed)?),
            })
        };
        rows.await.map_err(failed)?.iter().map(one).collect()
    }

    pub(crate) async fn cut(
        &self,
        route: Arc<str>,
        limit: u64,
        now: Timestamp,
    ) -> Result<Option<CutRecord>, DeliveryError> {
        let (route, limit) = (&*route, fit(limit));
        let rows = self.pool.query(
            self.patiently(),
            concat!("SELECT ", columns!(), ", c.messages FROM portolan.cut($1, $2, $3, $4, $5) c"),
            |again| vec![&route, &limit, &now.0, &GatewayId::FILE.0, again],
        );
        rows.await.map_err(failed)?.first().map(record).transpose()
    }

    pub(crate) async fn cuts(&self, open: bool, limit: usize) -> Result<Vec<CutRecord>, DeliveryError> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        // Each by an index of its own.
        let sql = match open {
            true => concat!(
                "SELECT ",
                columns!(),
                ", (SELECT count(*) FROM portolan.cut_messages x JOIN portolan.messages m ON m.id = x.message
                    WHERE x.cut = c.number AND m.state = 1 AND m.gateway = $2)
                 FROM portolan.cuts c WHERE c.state < 2 ORDER BY c.number DESC LIMIT $1"
            ),
            false => concat!(
                "WITH waits AS (
                     SELECT x.cut, count(*) AS messages
                     FROM portolan.messages m JOIN portolan.cut_messages x ON x.message = m.id
                     WHERE m.state = 1 AND m.gateway = $2 GROUP BY x.cut)
                 SELECT ",
                columns!(),
                ", coalesce(w.messages, 0)
                 FROM portolan.cuts c LEFT JOIN waits w ON w.cut = c.number ORDER BY c.number DESC LIMIT $1"
            ),
        };
        let rows = self.slow.query(self.soon(), sql, |_| vec![&limit, &GatewayId::FILE.0]);
        rows.await.map_err(failed)?.iter().map(record).collect()
    }

    pub(crate) async fn hold(
        &self,
        (route, sequence): (Arc<str>, u64),
        gateway: GatewayId,
    ) -> Result<bool, DeliveryError> {
        let (route, sequence, grace) = (&*route, fit(sequence), self.leases.length().as_secs_f64());
        let rows = self.pool.query(
            self.soon(),
            "WITH held AS (
                 UPDATE portolan.cuts SET gateway = $3
                 WHERE route = $1 AND sequence = $2 AND state < 2
                   AND (gateway IS NULL OR gateway = $3 OR NOT portolan.is_alive(gateway, $4))
                 RETURNING 1)
             SELECT count(*) FROM held",
            |_| vec![&route, &sequence, &gateway.0, &grace],
        );
        Ok(count(&rows.await.map_err(failed)?) == 1)
    }

    /// Where no file was built of it, and none of its messages waits.
    pub(crate) async fn forget_cut(
        &self,
        (route, sequence): (Arc<str>, u64),
        gateway: GatewayId,
    ) -> Result<bool, DeliveryError> {
        let (route, sequence) = (&*route, fit(sequence));
        let rows = self.pool.query(
            self.patiently(),
            "WITH given_up AS (
                 SELECT c.number FROM portolan.cuts c
                 WHERE c.route = $1 AND c.sequence = $2 AND c.state = 0 AND (c.gateway IS NULL OR c.gateway = $3)
                   AND NOT EXISTS (
                       SELECT FROM portolan.cut_messages x JOIN portolan.messages m ON m.id = x.message
                       WHERE x.cut = c.number AND m.state = 1 AND m.gateway = $4)
                 FOR UPDATE),
             emptied AS (DELETE FROM portolan.cut_messages x USING given_up g WHERE x.cut = g.number),
             gone AS (DELETE FROM portolan.cuts c USING given_up g WHERE c.number = g.number RETURNING 1)
             SELECT count(*) FROM gone",
            |_| vec![&route, &sequence, &gateway.0, &GatewayId::FILE.0],
        );
        Ok(count(&rows.await.map_err(failed)?) == 1)
    }

    pub(crate) async fn cut_messages(
        &self,
        (route, sequence): (Arc<str>, u64),
        CutPage { after, limit, senders }: CutPage,
    ) -> Result<Vec<CutMessage>, DeliveryError> {
        let (route, sequence) = (&*route, fit(sequence));
        // They may be long, and come all at once.
        let limit = i64::try_from(limit.min(PAGE)).unwrap_or(i64::MAX);
        let after = after.map_or(0, |place| place.seq);
        let rows = self.pool.query(
            self.patiently(),
            "SELECT m.id, m.attempt, m.envelope, m.payload, x.place
             FROM portolan.cuts c JOIN portolan.cut_messages x ON x.cut = c.number
                 JOIN portolan.messages m ON m.id = x.message
             WHERE c.route = $1 AND c.sequence = $2 AND x.place > $3
             ORDER BY x.place LIMIT $4",
            |_| vec![&route, &sequence, &after, &limit],
        );
        let one = |row: &Row| {
            let (attempt, mut envelope, payload) = message(row)?;
            Ok(CutMessage {
                // The place stands for both: groups are in order of it.
                place: CutPlace { group: "".into(), seq: row.try_get(4).map_err(failed)? },
                claim: Claim { id: envelope.id, attempt, gateway: GatewayId::FILE },
                received: envelope.received,
                group: envelope.group.take(),
                sender: if senders { envelope.into() } else { Sender::default() },
                payload,
            })
        };
        rows.await.map_err(failed)?.iter().map(one).collect()
    }

    /// One that was sent again is in several files: the last is the one that is not answered.
    pub(crate) async fn late(
        &self,
        route: Arc<str>,
        now: Timestamp,
        delivered: Timestamp,
        limit: usize,
    ) -> Result<Vec<LateMessage>, DeliveryError> {
        let (route, limit) = (&*route, i64::try_from(limit).unwrap_or(i64::MAX));
        let rows = self.slow.query(
            self.soon(),
            "SELECT m.id, m.attempt, m.envelope, m.payload, f.name
             FROM portolan.messages m CROSS JOIN LATERAL (
                 SELECT c.name, c.state, c.delivered FROM portolan.cut_messages x JOIN portolan.cuts c ON c.number = x.cut
                 WHERE x.message = m.id ORDER BY c.number DESC LIMIT 1) f
             WHERE m.state = 1 AND m.gateway = $2 AND m.route = $1 AND f.state = 2
               AND CASE WHEN m.envelope::json ->> 'deadline' IS NULL THEN f.delivered < $4
                   ELSE (m.envelope::json ->> 'deadline')::int8 < $3 END
             ORDER BY m.seq LIMIT $5",
            |_| vec![&route, &GatewayId::FILE.0, &now.0, &delivered.0, &limit],
        );
        let one = |row: &Row| {
            let (attempt, envelope, _) = message(row)?;
            let claim = Claim { id: envelope.id, attempt, gateway: GatewayId::FILE };
            let file = row.try_get::<_, Option<&str>>(4).map_err(failed)?.map(Into::into);
            Ok(LateMessage { file, claim, envelope })
        };
        rows.await.map_err(failed)?.iter().map(one).collect()
    }

    /// The file in which each was sent last.
    pub(crate) async fn sent_in(&self, messages: Vec<MessageId>) -> Result<Vec<SentIn>, DeliveryError> {
        let messages: Vec<Uuid> = messages.into_iter().map(|message| message.0).collect();
        let rows = self.pool.query(
            self.soon(),
            "SELECT x.message, c.sequence, c.name, c.state
             FROM unnest($1::uuid[]) AS asked (message) CROSS JOIN LATERAL (
                 SELECT * FROM portolan.cut_messages s WHERE s.message = asked.message ORDER BY s.cut DESC LIMIT 1) x
             JOIN portolan.cuts c ON c.number = x.cut",
            |_| vec![&messages],
        );
        let one = |row: &Row| {
            Ok(SentIn {
                message: MessageId(row.try_get(0).map_err(failed)?),
                sequence: whole(row, 1)?,
                name: row.try_get::<_, Option<&str>>(2).map_err(failed)?.map(Into::into),
                state: state(row.try_get(3).map_err(failed)?),
            })
        };
        rows.await.map_err(failed)?.iter().map(one).collect()
    }

    pub(crate) async fn note_keys(
        &self,
        (route, sequence): (Arc<str>, u64),
        keys: Vec<(CutPlace, String)>,
    ) -> Result<(), DeliveryError> {
        let (route, sequence) = (&*route, fit(sequence));
        let (places, keys): (Vec<i64>, Vec<Vec<u8>>) =
            keys.into_iter().map(|(place, key)| (place.seq, key.into_bytes())).unzip();
        let noted = self.pool.query(
            self.patiently(),
            "UPDATE portolan.cut_messages x SET key = sha256(k.key)
             FROM unnest($3::int8[], $4::bytea[]) AS k (place, key)
             WHERE x.cut = (SELECT number FROM portolan.cuts WHERE route = $1 AND sequence = $2) AND x.place = k.place",
            |_| vec![&route, &sequence, &places, &keys],
        );
        noted.await.map(drop).map_err(failed)
    }

    /// Sent again, it gives what it noted.
    pub(crate) async fn cut_ready(
        &self,
        (route, sequence): (Arc<str>, u64),
        built: Built,
    ) -> Result<Built, DeliveryError> {
        let (of, sequence, bytes) = (&*route, fit(sequence), fit(built.bytes));
        let (name, aside, hash) = (&*built.name, &*built.aside, &built.hash.0[..]);
        // What is noted is not overwritten, and of two the second waits for the first and sees it.
        let rows = self.pool.query(
            self.patiently(),
            "UPDATE portolan.cuts SET state = greatest(state, 1::int2), name = coalesce(name, $3),
                 aside = coalesce(aside, $4), hash = coalesce(hash, $5),
                 bytes = CASE WHEN hash IS NULL THEN $6 ELSE bytes END
             WHERE route = $1 AND sequence = $2 RETURNING name, aside, hash, bytes",
            |_| vec![&of, &sequence, &name, &aside, &hash, &bytes],
        );
        let rows = rows.await.map_err(failed)?;
        let row = rows.first().ok_or_else(|| not_there(of, sequence))?;
        Ok(Built {
            name: row.try_get::<_, &str>(0).map_err(failed)?.into(),
            aside: row.try_get::<_, &str>(1).map_err(failed)?.into(),
            hash: FileHash(sha256(row.try_get(2).map_err(failed)?)?),
            bytes: whole(row, 3)?,
        })
    }

    pub(crate) async fn cut_delivered(
        &self,
        (route, sequence): (Arc<str>, u64),
        now: Timestamp,
    ) -> Result<(), DeliveryError> {
        let (route, sequence) = (&*route, fit(sequence));
        let delivered = self.pool.query(
            self.soon(),
            "UPDATE portolan.cuts SET state = 2, delivered = $3
             WHERE route = $1 AND sequence = $2 AND state = 1",
            |_| vec![&route, &sequence, &now.0],
        );
        delivered.await.map(drop).map_err(failed)
    }

    /// One that was sent again is in several files.
    pub(crate) async fn sent_by(
        &self,
        route: Arc<str>,
        keys: Vec<String>,
    ) -> Result<Vec<Vec<SentMessage>>, DeliveryError> {
        let (route, keys): (_, Vec<&[u8]>) = (&*route, keys.iter().map(String::as_bytes).collect());
        let rows = self.pool.query(
            self.patiently(),
            "SELECT m.id, m.attempt, m.envelope, m.payload, k.nth, m.state = 3 OR m.state = 1 AND m.gateway = $3
             FROM unnest($2::bytea[]) WITH ORDINALITY AS k (key, nth) CROSS JOIN LATERAL (
                 SELECT s.* FROM portolan.messages s
                 WHERE s.id IN (SELECT x.message FROM portolan.cut_messages x WHERE x.route = $1 AND x.key = sha256(k.key))
                 ORDER BY s.seq DESC LIMIT 10) m
             ORDER BY k.nth, m.seq DESC",
            |_| vec![&route, &keys, &GatewayId::FILE.0],
        );
        let rows = rows.await.map_err(failed)?;
        let mut all = vec![Vec::new(); keys.len()];
        for row in &rows {
            let (attempt, envelope, payload) = message(row)?;
            let sent = SentMessage { attempt, waits: row.try_get(5).map_err(failed)?, envelope, payload };
            let nth = usize::try_from(row.try_get::<_, i64>(4).map_err(failed)? - 1).unwrap_or(usize::MAX);
            all.get_mut(nth).into_iter().for_each(|known: &mut Vec<_>| known.push(sent.clone()));
        }
        Ok(all)
    }

    pub(crate) async fn settle_sent(
        &self,
        answers: Vec<FileAnswer>,
        now: Timestamp,
    ) -> Result<Vec<MessageId>, DeliveryError> {
        let answers = Answers::of(&answers)?;
        let rows = self.pool.query(
            self.patiently(),
            "UPDATE portolan.messages m SET state = 2, at = $4, class = NULL, party = NULL, reply = e.reply,
                     failure = e.failure
                 FROM unnest($1::uuid[], $2::bytea[], $3::text[]) AS e (id, reply, failure)
                 WHERE m.id = e.id AND (m.state = 1 AND m.gateway = $5
                     OR (m.state = 3 OR ($6 AND m.state = 2 AND m.at = $4))
                         AND EXISTS (SELECT FROM portolan.cut_messages x WHERE x.message = m.id))
                 RETURNING m.id",
            |again| {
                vec![&answers.ids, &answers.replies, &answers.failures, &now.0, &GatewayId::FILE.0, again]
            },
        );
        let rows = rows.await.map_err(failed)?;
        let settled = rows.iter().map(|row| row.try_get(0).map(MessageId).map_err(failed));
        settled.collect()
    }
}

/// Answers, a column each: the first of each message, and in one order, so that of two files one waits for the other and not both.
#[derive(Default)]
pub(crate) struct Answers<'a> {
    pub(crate) ids: Vec<Uuid>,
    pub(crate) replies: Vec<Option<&'a [u8]>>,
    pub(crate) failures: Vec<Option<String>>,
}

impl<'a> Answers<'a> {
    pub(crate) fn of(answers: &'a [FileAnswer]) -> Result<Self, DeliveryError> {
        let mut first = BTreeMap::new();
        for answer in answers {
            first.entry(answer.id.0).or_insert(&answer.outcome);
        }
        let mut all = Self::default();
        for (id, outcome) in first {
            let (reply, failure) = columns(outcome)?;
            all.ids.push(id);
            all.replies.push(reply);
            all.failures.push(failure);
        }
        Ok(all)
    }
}

/// Of the columns `id, attempt, envelope, payload`.
fn message(row: &Row) -> Result<(u32, Envelope, Bytes), DeliveryError> {
    let id = MessageId(row.try_get(0).map_err(failed)?);
    let bad = |_| damaged(id);
    let envelope = from_json(row.try_get(2).map_err(bad)?, id)?;
    let payload = Bytes::copy_from_slice(row.try_get(3).map_err(bad)?);
    Ok((attempt_number(row.try_get(1).map_err(bad)?), envelope, payload))
}

fn not_there(route: &str, sequence: i64) -> DeliveryError {
    DeliveryError::Unavailable(format!("there is no file {sequence} of route {route}"))
}

fn fit(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn whole(row: &Row, index: usize) -> Result<u64, DeliveryError> {
    Ok(u64::try_from(row.try_get::<_, i64>(index).map_err(failed)?).unwrap_or(0))
}

fn sha256(bytes: &[u8]) -> Result<[u8; 32], DeliveryError> {
    let damaged =
        |_| DeliveryError::Unavailable("the row of a file is damaged and cannot be read".to_owned());
    bytes.try_into().map_err(damaged)
}

fn state(number: i16) -> CutState {
    match number {
        0 => CutState::Open,
        1 => CutState::Ready,
        _ => CutState::Delivered,
    }
}

fn record(row: &Row) -> Result<CutRecord, DeliveryError> {
    let text = |index| -> Result<Option<Arc<str>>, DeliveryError> {
        Ok(row.try_get::<_, Option<&str>>(index).map_err(failed)?.map(Into::into))
    };
    let hash: Option<&[u8]> = row.try_get(8).map_err(failed)?;
    Ok(CutRecord {
        route: text(0)?.unwrap_or_default(),
        sequence: whole(row, 1)?,
        bundle: BundleHash(sha256(row.try_get(2).map_err(failed)?)?),
        at: Timestamp(row.try_get(3).map_err(failed)?),
        messages: whole(row, 4)?,
        state: state(row.try_get(5).map_err(failed)?),
        name: text(6)?,
        aside: text(7)?,
        hash: hash.map(sha256).transpose()?.map(FileHash),
        bytes: whole(row, 9)?,
        delivered: row.try_get::<_, Option<i64>>(10).map_err(failed)?.map(Timestamp),
        outstanding: whole(row, 11)?,
    })
}
