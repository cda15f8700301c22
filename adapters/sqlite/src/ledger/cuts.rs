//! Files that are made of messages: cut, built, delivered, answered.

use std::{collections::HashMap, sync::Arc};

use bytes::Bytes;
use portolan_delivery::{
    Built, BundleHash, Claim, CutMessage, CutPage, CutPlace, CutRecord, CutState, DeliveryError, Envelope,
    FileAnswer, FileHash, GatewayId, Gathered, LateMessage, MessageId, Sender, SentIn, SentMessage,
    Timestamp,
};
use rusqlite::{Connection, OptionalExtension, Row};

use super::{Ledger, settle::columns};
use crate::{
    error::Trouble,
    row::{FILED, Rest, bytes, damaged, from_json, message_id},
};

/// The files that are not delivered yet are few; of others no more are in memory than are asked for.
const COLUMNS: &str =
    "r.name, c.sequence, c.bundle, c.at, c.messages, c.state, c.name, c.hash, c.bytes, c.delivered, c.number, c.aside
     FROM cuts c JOIN routes r ON r.number = c.route";

impl Ledger {
    fn number(&self, route: &str, sequence: u64) -> Result<i64, Trouble> {
        let found = self
            .connection
            .prepare_cached(
                "SELECT c.number FROM cuts c JOIN routes r ON r.number = c.route WHERE r.name = ?1 AND c.sequence = ?2",
            )?
            .query_row((route, i64::try_from(sequence).unwrap_or(i64::MAX)), |row| row.get(0))
            .optional()?;
        found.ok_or_else(|| {
            DeliveryError::Unavailable(format!("there is no file {sequence} of route {route}")).into()
        })
    }

    /// Where no file was built of it, and no message is in it any more.
    pub(crate) fn forget_cut(&mut self, (route, sequence): &(Arc<str>, u64)) -> Result<bool, Trouble> {
        let number: Option<i64> = self
            .connection
            .prepare_cached(
                "SELECT c.number FROM cuts c JOIN routes r ON r.number = c.route
                 WHERE r.name = ?1 AND c.sequence = ?2 AND c.state = 0 AND c.messages > 0
                     AND NOT EXISTS (SELECT 1 FROM in_file f WHERE f.cut = c.number)",
            )?
            .query_row((&**route, i64::try_from(*sequence).unwrap_or(i64::MAX)), |row| row.get(0))
            .optional()?;
        let Some(number) = number else { return Ok(false) };
        self.connection.prepare_cached("DELETE FROM cut_messages WHERE cut = ?1")?.execute([number])?;
        self.connection.prepare_cached("DELETE FROM cuts WHERE number = ?1")?.execute([number])?;
        Ok(true)
    }

    pub(crate) fn note_keys(
        &mut self,
        (route, sequence): &(Arc<str>, u64),
        keys: &[(CutPlace, String)],
    ) -> Result<(), Trouble> {
        let number = self.number(route, *sequence)?;
        for (place, key) in keys {
            self.connection
                .prepare_cached(
                    "UPDATE cut_messages SET key = ?4 WHERE cut = ?1 AND grp = ?2 AND message = ?3",
                )?
                .execute((number, &*place.group, place.seq, key))?;
        }
        Ok(())
    }

    pub(crate) fn cut_ready(
        &mut self,
        (route, sequence): &(Arc<str>, u64),
        built: Built,
    ) -> Result<Built, Trouble> {
        let number = self.number(route, *sequence)?;
        let first = self
            .connection
            .prepare_cached(
                "UPDATE cuts SET state = 1, name = ?2, aside = ?3, hash = ?4, bytes = ?5 WHERE number = ?1 AND state = 0",
            )?
            .execute((
                number,
                &*built.name,
                &*built.aside,
                &built.hash.0[..],
                i64::try_from(built.bytes).unwrap_or(i64::MAX),
            ))?;
        if first > 0 {
            return Ok(built);
        }
        let mut before =
            self.connection.prepare_cached("SELECT name, aside, hash, bytes FROM cuts WHERE number = ?1")?;
        Ok(before.query_row([number], |row| {
            Ok(Built {
                name: row.get::<_, String>(0)?.into(),
                aside: row.get::<_, String>(1)?.into(),
                hash: FileHash(row.get(2)?),
                bytes: u64::try_from(row.get::<_, i64>(3)?).unwrap_or(0),
            })
        })?)
    }

    pub(crate) fn cut_delivered(
        &mut self,
        (route, sequence): &(Arc<str>, u64),
        now: Timestamp,
    ) -> Result<(), Trouble> {
        let number = self.number(route, *sequence)?;
        self.connection
            .prepare_cached("UPDATE cuts SET state = 2, delivered = ?2 WHERE number = ?1 AND state = 1")?
            .execute((number, now.0))?;
        Ok(())
    }

    pub(crate) fn settle_sent(
        &mut self,
        answers: &[FileAnswer],
        now: Timestamp,
    ) -> Result<Vec<MessageId>, Trouble> {
        let mut settled = Vec::new();
        for FileAnswer { id, outcome, .. } in answers {
            let (reply, failure) = columns(outcome)?;
            let sent: Option<(i64, i64)> = self
                .connection
                .prepare_cached("SELECT seq, state FROM messages WHERE id = ?1")?
                .query_row([id.0.as_bytes()], |row| Ok((row.get(0)?, row.get(1)?)))
                .optional()?;
            // In a file, or a dead letter that was.
            let (seq, since) = match sent {
                Some((seq, FILED)) => match self.leaves_its_file(seq)? {
                    Some(since) => (seq, Some(since.0)),
                    None => continue,
                },
                Some((seq, 3)) if was_in_a_file(&self.connection, seq)? => (seq, None),
                _ => continue,
            };
            self.connection
                .prepare_cached(
                    "UPDATE messages SET state = 2, at = ?2, class = NULL, party = NULL, reply = ?3, failure = ?4,
                         attempt = attempt + (?5 IS NOT NULL), started = coalesce(max(?5, received), started)
                     WHERE seq = ?1",
                )?
                .execute((seq, now.0, reply, failure, since))?;
            settled.push(*id);
        }
        Ok(settled)
    }
}

/// A cut, and its number among all. Of what is not delivered all messages are outstanding.
fn cut_record(row: &Row<'_>) -> rusqlite::Result<(CutRecord, i64)> {
    let whole = |index| row.get::<_, i64>(index).map(|number| u64::try_from(number).unwrap_or(0));
    let state = state(row.get(5)?);
    let messages = whole(4)?;
    let cut = CutRecord {
        route: row.get::<_, String>(0)?.into(),
        sequence: whole(1)?,
        bundle: BundleHash(row.get(2)?),
        at: Timestamp(row.get(3)?),
        messages,
        state,
        name: row.get::<_, Option<String>>(6)?.map(Into::into),
        aside: row.get::<_, Option<String>>(11)?.map(Into::into),
        hash: row.get::<_, Option<[u8; 32]>>(7)?.map(FileHash),
        bytes: whole(8)?,
        delivered: row.get::<_, Option<i64>>(9)?.map(Timestamp),
        outstanding: if state == CutState::Delivered { 0 } else { messages },
    };
    Ok((cut, row.get(10)?))
}

fn state(number: i64) -> CutState {
    match number {
        0 => CutState::Open,
        1 => CutState::Ready,
        _ => CutState::Delivered,
    }
}

/// One that is not delivered.
pub(super) fn one(connection: &Connection, number: i64) -> rusqlite::Result<Option<CutRecord>> {
    connection
        .prepare_cached(&format!("SELECT {COLUMNS} WHERE c.number = ?1"))?
        .query_row([number], |row| Ok(cut_record(row)?.0))
        .optional()
}

/// Those of which it is known what is in them.
pub(crate) fn cuts(connection: &Connection, open: bool, limit: usize) -> rusqlite::Result<Vec<CutRecord>> {
    let condition = if open { "WHERE c.messages > 0 AND c.state < 2" } else { "WHERE c.messages > 0" };
    let mut cuts: Vec<(CutRecord, i64)> = connection
        .prepare_cached(&format!("SELECT {COLUMNS} {condition} ORDER BY c.number DESC LIMIT ?1"))?
        .query_map([i64::try_from(limit).unwrap_or(i64::MAX)], cut_record)?
        .collect::<rusqlite::Result<_>>()?;
    if cuts.iter().any(|(cut, _)| cut.state == CutState::Delivered) {
        // Once for all of them, by the messages that wait: those that are answered cost nothing.
        let mut statement = connection.prepare_cached("SELECT cut, count(*) FROM in_file GROUP BY cut")?;
        let waiting = statement
            .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
            .collect::<rusqlite::Result<HashMap<i64, i64>>>()?;
        for (cut, number) in cuts.iter_mut().filter(|(cut, _)| cut.state == CutState::Delivered) {
            cut.outstanding = waiting.get(number).and_then(|count| u64::try_from(*count).ok()).unwrap_or(0);
        }
    }
    Ok(cuts.into_iter().map(|(cut, _)| cut).collect())
}

/// Whether a cut is there that is not delivered.
pub(crate) fn is_open(connection: &Connection, (route, sequence): &(Arc<str>, u64)) -> Result<bool, Trouble> {
    let mut open = connection.prepare_cached(
        "SELECT EXISTS (SELECT 1 FROM cuts c JOIN routes r ON r.number = c.route
                        WHERE r.name = ?1 AND c.sequence = ?2 AND c.state < 2 AND c.messages > 0)",
    )?;
    Ok(open.query_row((&**route, i64::try_from(*sequence).unwrap_or(i64::MAX)), |row| row.get(0))?)
}

pub(crate) fn gathered(connection: &Connection) -> rusqlite::Result<Vec<Gathered>> {
    connection
        .prepare_cached(
            "SELECT r.name, g.messages, m.received
             FROM (SELECT route, count(*) AS messages, min(message) AS oldest FROM gathering GROUP BY route) g
             JOIN routes r ON r.number = g.route JOIN messages m ON m.seq = g.oldest",
        )?
        .query_map([], |row| {
            Ok(Gathered {
                route: row.get::<_, String>(0)?.into(),
                messages: u64::try_from(row.get::<_, i64>(1)?).unwrap_or(0),
                oldest: Timestamp(row.get(2)?),
            })
        })?
        .collect()
}

/// One that was sent again is in several files: the last is told.
pub(crate) fn sent_in(connection: &Connection, messages: Vec<MessageId>) -> rusqlite::Result<Vec<SentIn>> {
    let mut statement = connection.prepare_cached(
        "SELECT c.sequence, c.name, c.state FROM messages m JOIN cut_messages x ON x.message = m.seq
         JOIN cuts c ON c.number = x.cut WHERE m.id = ?1 ORDER BY c.number DESC LIMIT 1",
    )?;
    let mut all = Vec::new();
    for message in messages {
        let found = statement.query_row([message.0.as_bytes()], |row| {
            Ok(SentIn {
                message,
                sequence: u64::try_from(row.get::<_, i64>(0)?).unwrap_or(0),
                name: row.get::<_, Option<String>>(1)?.map(Into::into),
                state: state(row.get(2)?),
            })
        });
        all.extend(found.optional()?);
    }
    Ok(all)
}

fn was_in_a_file(connection: &Connection, seq: i64) -> rusqlite::Result<bool> {
    connection.prepare_cached("SELECT 1 FROM cut_messages WHERE message = ?1")?.exists([seq])
}

/// When the file was cut in which a message is whose `messages.state` is 9; `None` where it gathers.
pub(crate) fn in_file_since(connection: &Connection, seq: i64) -> rusqlite::Result<Option<Timestamp>> {
    connection
        .prepare_cached("SELECT c.at FROM in_file f JOIN cuts c ON c.number = f.cut WHERE f.message = ?1")?
        .query_row([seq], |row| row.get(0).map(Timestamp))
        .optional()
}

/// What of a message's row is needed to build its record, or to answer it. The attempt of one that is in a file is recorded when it ends.
const MESSAGE: &str = "m.id, r.name, b.hash, m.received, m.attempt + EXISTS (SELECT 1 FROM in_file WHERE message = m.seq), m.envelope, m.payload";
const MESSAGES: &str =
    "cut_messages c JOIN messages m ON m.seq = c.message JOIN routes r ON r.number = m.route
     JOIN bundles b ON b.number = m.bundle";

fn message(row: &Row<'_>) -> Result<(u32, Envelope, Bytes), Trouble> {
    let id: MessageId = message_id(row, 0)?;
    let route: Arc<str> = row.get_ref(1)?.as_str().map_err(|_| damaged(id))?.into();
    let rest: Rest = from_json(row.get_ref(5)?.as_str().map_err(|_| damaged(id))?, id)?;
    let envelope = rest.envelope(id, route, BundleHash(row.get(2)?), Timestamp(row.get(3)?));
    Ok((row.get(4)?, envelope, bytes(row, 6)?.unwrap_or_default()))
}

/// A page ends behind so many bytes, however many messages are asked for.
const PAGE_BYTES: usize = 4 << 20;

pub(crate) fn cut_messages(
    connection: &Connection,
    (route, sequence): &(Arc<str>, u64),
    CutPage { after, limit, senders }: &CutPage,
) -> Result<Vec<CutMessage>, Trouble> {
    let mut statement = connection.prepare_cached(
        "SELECT m.id, m.received, m.attempt + (f.cut IS NOT NULL), iif(?6, m.envelope, NULL), m.payload, c.grp, c.message
         FROM cut_messages c JOIN messages m ON m.seq = c.message LEFT JOIN in_file f ON f.message = c.message
         WHERE c.cut = (SELECT x.number FROM cuts x JOIN routes y ON y.number = x.route WHERE y.name = ?1 AND x.sequence = ?2)
           AND (c.grp, c.message) > (?3, ?4)
         ORDER BY c.grp, c.message LIMIT ?5",
    )?;
    let (group, seq) = after.as_ref().map_or(("", i64::MIN), |place| (&*place.group, place.seq));
    let (sequence, limit) =
        (i64::try_from(*sequence).unwrap_or(i64::MAX), i64::try_from(*limit).unwrap_or(i64::MAX));
    let mut rows = statement.query((&**route, sequence, group, seq, limit, senders))?;
    let (mut messages, mut begins, mut payloads): (Vec<CutMessage>, _, _) =
        (Vec::new(), Vec::new(), Vec::new());
    while payloads.len() < PAGE_BYTES
        && let Some(row) = rows.next()?
    {
        let id = message_id(row, 0)?;
        let sender = match row.get_ref(3)?.as_str_or_null().map_err(|_| damaged(id))? {
            Some(envelope) => from_json::<Rest>(envelope, id)?.sender(),
            None => Sender::default(),
        };
        let group = row.get_ref(5)?.as_str().map_err(|_| damaged(id))?;
        // Messages of one group share its name.
        let group = match messages.last() {
            Some(last) if *last.place.group == *group => last.place.group.clone(),
            _ => group.into(),
        };
        begins.push(payloads.len());
        payloads.extend_from_slice(
            row.get_ref(4)?.as_blob_or_null().map_err(|_| damaged(id))?.unwrap_or_default(),
        );
        messages.push(CutMessage {
            claim: Claim { id, attempt: row.get(2)?, gateway: GatewayId::FILE },
            received: Timestamp(row.get(1)?),
            group: (!group.is_empty()).then(|| group.clone()),
            place: CutPlace { group, seq: row.get(6)? },
            sender,
            payload: Bytes::new(),
        });
    }
    // One memory for all of them: a page is freed as it was read, at once.
    let mut payloads = Bytes::from(payloads);
    for (message, begin) in messages.iter_mut().zip(begins).rev() {
        message.payload = payloads.split_off(begin);
    }
    Ok(messages)
}

/// One that was sent again is in several files: the last is the one that is not answered.
pub(crate) fn late(
    connection: &Connection,
    route: &str,
    now: Timestamp,
    delivered: Timestamp,
    limit: usize,
) -> Result<Vec<LateMessage>, Trouble> {
    let mut statement = connection.prepare_cached(&format!(
        "SELECT {MESSAGE}, x.name FROM in_file f CROSS JOIN messages m ON m.seq = f.message JOIN cuts x ON x.number = f.cut
             JOIN routes r ON r.number = m.route JOIN bundles b ON b.number = m.bundle
         WHERE f.route = (SELECT number FROM routes WHERE name = ?1)
           AND x.state = 2 AND CASE WHEN json_extract(m.envelope, '$.deadline') IS NULL THEN x.delivered < ?3
               ELSE json_extract(m.envelope, '$.deadline') < ?2 END
         ORDER BY f.message LIMIT ?4"
    ))?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let mut rows = statement.query((route, now.0, delivered.0, limit))?;
    let mut messages = Vec::new();
    while let Some(row) = rows.next()? {
        let (attempt, envelope, _) = message(row)?;
        let claim = Claim { id: envelope.id, attempt, gateway: GatewayId::FILE };
        messages.push(LateMessage {
            file: row.get::<_, Option<String>>(7)?.map(Into::into),
            claim,
            envelope,
        });
    }
    Ok(messages)
}

pub(crate) fn sent_by(
    connection: &Connection,
    route: &str,
    keys: &[String],
) -> Result<Vec<Vec<SentMessage>>, Trouble> {
    // One that was sent again is in several files.
    let mut statement = connection.prepare_cached(&format!(
        "SELECT DISTINCT {MESSAGE}, m.state = 3 OR EXISTS (SELECT 1 FROM in_file f WHERE f.message = m.seq) FROM {MESSAGES}
         WHERE c.route = (SELECT number FROM routes WHERE name = ?1) AND c.key = ?2 ORDER BY c.message DESC LIMIT 10"
    ))?;
    let mut all = Vec::with_capacity(keys.len());
    for key in keys {
        let mut rows = statement.query((route, key))?;
        let mut messages = Vec::new();
        while let Some(row) = rows.next()? {
            let (attempt, envelope, payload) = message(row)?;
            messages.push(SentMessage { attempt, waits: row.get(7)?, envelope, payload });
        }
        all.push(messages);
    }
    Ok(all)
}
