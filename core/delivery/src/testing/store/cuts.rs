//! Files that are made, beside the messages that they are made of.

use std::{collections::BTreeMap, sync::Arc};

use super::{Row, Store};
use crate::{
    Attempt, Built, Claim, CutMessage, CutPage, CutPlace, CutRecord, CutState, DeliveryError, Envelope,
    FileAnswer, GatewayId, Gathered, LateMessage, MessageId, Sender, SentIn, SentMessage, State, StateKind,
    Timestamp,
};

/// A file that was cut.
#[derive(Debug)]
pub(super) struct Cut {
    record: CutRecord,
    gateway: Option<GatewayId>,
    /// By which key each is known.
    messages: BTreeMap<CutPlace, (MessageId, Option<String>)>,
}

impl Row {
    fn gathers(&self) -> bool {
        matches!(self.record.state, State::Waiting { due: Timestamp::NEVER })
    }

    fn is_in_a_file(&self) -> bool {
        matches!(self.record.state, State::Claimed { gateway: GatewayId::FILE, .. })
    }

    fn last_attempt(&self) -> u32 {
        self.record.attempts.last().map_or(0, |last| last.number)
    }
}

impl Store {
    pub(in crate::testing) fn gathered(&self) -> Vec<Gathered> {
        let mut all: Vec<Gathered> = Vec::new();
        for row in self.rows.values().filter(|row| row.gathers()) {
            let (route, oldest) = (&row.record.envelope.route, row.record.envelope.received);
            match all.iter_mut().find(|one| one.route == *route) {
                Some(one) => {
                    (one.messages, one.oldest) = (one.messages + 1, one.oldest.min(oldest));
                }
                None => all.push(Gathered { route: route.clone(), messages: 1, oldest }),
            }
        }
        all
    }

    pub(in crate::testing) fn cut(
        &mut self,
        route: Arc<str>,
        limit: u64,
        now: Timestamp,
    ) -> Option<CutRecord> {
        let before = self.cuts.iter().filter(|cut| cut.record.route == route);
        let last = before.max_by_key(|cut| cut.record.sequence);
        if last.is_some_and(|last| last.record.state != CutState::Delivered) {
            return None;
        }
        let sequence = last.map_or(0, |last| last.record.sequence) + 1;
        let gathers = |row: &Row| row.gathers() && row.record.envelope.route == route;
        let bundle = self.rows.values().find(|row| gathers(row))?.record.envelope.bundle;
        let mut messages = BTreeMap::new();
        let taken =
            self.rows.iter_mut().filter(|(_, row)| gathers(row) && row.record.envelope.bundle == bundle);
        for (seq, row) in taken.take(usize::try_from(limit).unwrap_or(usize::MAX)) {
            let number = row.next_attempt();
            row.record.state = State::Claimed { gateway: GatewayId::FILE, since: now };
            row.record.attempts.push(Attempt { number, started: now, ended: None, failure: None });
            let group = row.record.envelope.group.clone().unwrap_or_default();
            let place = CutPlace { group, seq: i64::try_from(*seq).unwrap_or(i64::MAX) };
            messages.insert(place, (row.record.envelope.id, None));
        }
        let record = CutRecord {
            route,
            sequence,
            bundle,
            at: now,
            messages: messages.len() as u64,
            state: CutState::Open,
            name: None,
            aside: None,
            hash: None,
            bytes: 0,
            delivered: None,
            outstanding: 0,
        };
        self.cuts.push(Cut { record, gateway: None, messages });
        self.cuts.last().map(|cut| self.told(cut))
    }

    fn told(&self, cut: &Cut) -> CutRecord {
        let waits = |(id, _): &&(MessageId, Option<String>)| {
            self.rows.values().any(|row| row.record.envelope.id == *id && row.is_in_a_file())
        };
        CutRecord { outstanding: cut.messages.values().filter(waits).count() as u64, ..cut.record.clone() }
    }

    fn one_cut(&mut self, (route, sequence): &(Arc<str>, u64)) -> Result<&mut Cut, DeliveryError> {
        let mut cuts = self.cuts.iter_mut();
        let found = cuts.find(|cut| cut.record.route == *route && cut.record.sequence == *sequence);
        found.ok_or_else(|| {
            DeliveryError::Unavailable(format!("there is no file {sequence} of route {route}"))
        })
    }

    pub(in crate::testing) fn cuts(&self, open: bool, limit: usize) -> Vec<CutRecord> {
        let cuts = self.cuts.iter().rev().filter(|cut| !open || cut.record.state != CutState::Delivered);
        cuts.take(limit).map(|cut| self.told(cut)).collect()
    }

    pub(in crate::testing) fn hold(&mut self, cut: &(Arc<str>, u64), gateway: GatewayId) -> bool {
        let alive = self.alive.clone();
        let Ok(cut) = self.one_cut(cut) else { return false };
        let elsewhere = cut.gateway.is_some_and(|by| by != gateway && alive.contains(&by));
        if elsewhere || cut.record.state == CutState::Delivered {
            return false;
        }
        cut.gateway = Some(gateway);
        true
    }

    pub(in crate::testing) fn forget_cut(&mut self, key: &(Arc<str>, u64), gateway: GatewayId) -> bool {
        let Ok(cut) = self.one_cut(key) else { return false };
        let is_mine = cut.gateway.is_none_or(|by| by == gateway) && cut.record.state == CutState::Open;
        let record = cut.record.clone();
        let waits = self.cuts.iter().any(|cut| cut.record == record && self.told(cut).outstanding > 0);
        if is_mine && !waits {
            self.cuts.retain(|cut| cut.record != record);
        }
        is_mine && !waits
    }

    pub(in crate::testing) fn cut_messages(
        &self,
        (route, sequence): &(Arc<str>, u64),
        CutPage { after, limit, senders }: &CutPage,
    ) -> Vec<CutMessage> {
        let mut cuts = self.cuts.iter();
        let cut = cuts.find(|cut| cut.record.route == *route && cut.record.sequence == *sequence);
        let messages = cut.into_iter().flat_map(|cut| &cut.messages);
        let messages = messages.filter(|(place, _)| after.as_ref().is_none_or(|after| *place > after));
        let rows = messages.filter_map(|(place, (id, _))| {
            self.rows.values().find(|row| row.record.envelope.id == *id).map(|row| (place, row))
        });
        let message = |(place, row): (&CutPlace, &Row)| CutMessage {
            place: place.clone(),
            claim: Claim {
                id: row.record.envelope.id,
                attempt: row.last_attempt(),
                gateway: GatewayId::FILE,
            },
            received: row.record.envelope.received,
            group: row.record.envelope.group.clone(),
            sender: if *senders { row.record.envelope.clone().into() } else { Sender::default() },
            payload: row.record.payload.clone(),
        };
        rows.take(*limit).map(message).collect()
    }

    /// The file in which a message was sent last.
    fn last_cut(&self, id: MessageId) -> Option<&CutRecord> {
        let mut cuts = self.cuts.iter().rev();
        cuts.find(|cut| cut.messages.values().any(|(of, _)| *of == id)).map(|cut| &cut.record)
    }

    pub(in crate::testing) fn late(
        &self,
        route: &str,
        now: Timestamp,
        delivered: Timestamp,
        limit: usize,
    ) -> Vec<LateMessage> {
        let late = |row: &Row| {
            let Envelope { id, deadline, .. } = row.record.envelope;
            let cut = self.last_cut(id).filter(|cut| cut.state == CutState::Delivered)?;
            let is_late = match deadline {
                Some(deadline) => deadline < now,
                None => cut.delivered.is_some_and(|at| at < delivered),
            };
            (row.is_in_a_file() && *cut.route == *route && is_late).then(|| LateMessage {
                file: cut.name.clone(),
                claim: Claim { id, attempt: row.last_attempt(), gateway: GatewayId::FILE },
                envelope: row.record.envelope.clone(),
            })
        };
        self.rows.values().filter_map(late).take(limit).collect()
    }

    pub(in crate::testing) fn sent_in(&self, messages: &[MessageId]) -> Vec<SentIn> {
        let sent_in = |message: &MessageId| {
            let cut = self.last_cut(*message)?;
            let CutRecord { sequence, ref name, state, .. } = *cut;
            Some(SentIn { message: *message, sequence, name: name.clone(), state })
        };
        messages.iter().filter_map(sent_in).collect()
    }

    pub(in crate::testing) fn note_keys(
        &mut self,
        cut: &(Arc<str>, u64),
        keys: Vec<(CutPlace, String)>,
    ) -> Result<(), DeliveryError> {
        let cut = self.one_cut(cut)?;
        for (place, key) in keys {
            if let Some((_, known)) = cut.messages.get_mut(&place) {
                *known = Some(key);
            }
        }
        Ok(())
    }

    pub(in crate::testing) fn cut_ready(
        &mut self,
        cut: &(Arc<str>, u64),
        built: Built,
    ) -> Result<Built, DeliveryError> {
        let record = &mut self.one_cut(cut)?.record;
        if let (Some(name), Some(aside), Some(hash)) = (&record.name, &record.aside, record.hash) {
            return Ok(Built { name: name.clone(), aside: aside.clone(), hash, bytes: record.bytes });
        }
        (record.state, record.bytes) = (CutState::Ready, built.bytes);
        (record.name, record.aside) = (Some(built.name.clone()), Some(built.aside.clone()));
        record.hash = Some(built.hash);
        Ok(built)
    }

    pub(in crate::testing) fn cut_delivered(
        &mut self,
        cut: &(Arc<str>, u64),
        now: Timestamp,
    ) -> Result<(), DeliveryError> {
        let record = &mut self.one_cut(cut)?.record;
        if record.state == CutState::Ready {
            (record.state, record.delivered) = (CutState::Delivered, Some(now));
        }
        Ok(())
    }

    pub(in crate::testing) fn sent_by(&self, route: &str, keys: &[String]) -> Vec<Vec<SentMessage>> {
        let of = |key: &String| {
            let cuts = self.cuts.iter().filter(|cut| *cut.record.route == *route);
            let known = cuts.flat_map(|cut| cut.messages.values());
            let known: Vec<_> = known.filter(|(_, by)| by.as_ref() == Some(key)).map(|(id, _)| *id).collect();
            let rows = self.rows.values().rev().filter(|row| known.contains(&row.record.envelope.id));
            let sent = |row: &Row| SentMessage {
                attempt: row.last_attempt(),
                waits: row.is_in_a_file() || row.record.state.kind() == StateKind::Dead,
                envelope: row.record.envelope.clone(),
                payload: row.record.payload.clone(),
            };
            rows.map(sent).collect()
        };
        keys.iter().map(of).collect()
    }

    pub(in crate::testing) fn settle_sent(
        &mut self,
        answers: Vec<FileAnswer>,
        now: Timestamp,
    ) -> Vec<MessageId> {
        let mut settled = Vec::new();
        for FileAnswer { id, outcome, .. } in answers {
            let sent = self.last_cut(id).is_some();
            let Ok(row) = self.row(id) else { continue };
            let dead = row.record.state.kind() == StateKind::Dead;
            if row.is_in_a_file() {
                row.end(None, now);
            } else if !(dead && sent) {
                continue;
            }
            row.record.state = State::Finished { outcome, at: now };
            self.leave_event(id);
            settled.push(id);
        }
        settled
    }

    /// What is not remembered is in no file any more.
    pub(super) fn forget_sent(&mut self, forgotten: &[MessageId]) {
        for cut in &mut self.cuts {
            cut.messages.retain(|_, (id, _)| !forgotten.contains(id));
        }
    }
}
