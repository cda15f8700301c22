//! A ledger's tables in memory, written for plainness: each method is what one transaction does.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use bytes::Bytes;

use crate::{
    Accept, Accepted, Attempt, BundleHash, Claim, Claimed, Control, Controls, Count, DeadLetter,
    DeliveryError, Envelope, Failure, FileRecord, FileState, Filter, GatewayId, Lost, MessageId, Mode,
    Orphan, Outcome, Page, PayloadDigest, Reconciled, Record, RequestKey, Start, State, StateKind, Timestamp,
    composite::{Parcel, Unannounced, Unclaimed},
    settle_lost,
};

mod cuts;
mod events;
mod files;
mod line;
mod suspects;

/// Rows in order of acceptance.
#[derive(Debug, Default)]
pub(super) struct Store {
    rows: BTreeMap<u64, Row>,
    next: u64,
    keys: HashMap<(Arc<str>, RequestKey), MessageId>,
    bundles: HashMap<BundleHash, Bytes>,
    controls: Controls,
    events: Vec<Unannounced>,
    files: Vec<FileRecord>,
    cuts: Vec<cuts::Cut>,
    /// Gateways of the process that has the store open, and of others beside it.
    alive: Vec<GatewayId>,
    /// Kept by the process that has the store open.
    served: Vec<BundleHash>,
}

#[derive(Debug)]
struct Row {
    record: Record,
    published: bool,
    /// The last so many attempts ended with their gateway.
    lost: u32,
}

impl Row {
    /// The attempt that comes next.
    fn next_attempt(&self) -> u32 {
        self.record.attempts.last().map_or(0, |last| last.number).saturating_add(1)
    }

    fn parcel(&self, due: Timestamp) -> Parcel {
        let envelope = &self.record.envelope;
        Parcel { id: envelope.id, route: envelope.route.clone(), attempt: self.next_attempt(), due }
    }

    fn is_unclaimed(&self) -> bool {
        self.published && self.record.state.kind() == StateKind::Waiting
    }

    /// Ends the attempt that runs.
    fn end(&mut self, failure: Option<Failure>, now: Timestamp) {
        if let Some(last) = self.record.attempts.last_mut() {
            last.ended = Some(now);
            last.failure = failure;
        }
    }

    fn wait(&mut self, due: Timestamp) {
        self.record.state = State::Waiting { due };
        self.published = false;
    }

    /// Of questions in a row that found no answer, the last is enough; the attempt that brought the ticket stays.
    fn forget_question_before(&mut self) {
        let attempts = &mut self.record.attempts;
        let before = attempts.len().saturating_sub(2);
        let (earlier, last) = attempts.split_at(before);
        let asked = |attempt: &Attempt| attempt.failure.is_none();
        if earlier.iter().any(asked) && last.first().is_some_and(asked) {
            attempts.remove(before);
        }
    }

    fn bury(&mut self, letter: DeadLetter, now: Timestamp) {
        self.end(Some(letter.failure.clone()), now);
        self.record.state = State::Dead { letter, at: now };
    }
}

impl Store {
    /// Another process opens it.
    pub(super) fn reopened(&mut self) {
        self.served.clear();
        self.alive.clear();
    }

    fn row(&mut self, id: MessageId) -> Result<&mut Row, DeliveryError> {
        self.rows.values_mut().find(|row| row.record.envelope.id == id).ok_or(DeliveryError::NotFound(id))
    }

    fn claimed(&mut self, claim: Claim) -> Result<&mut Row, DeliveryError> {
        let superseded = DeliveryError::Superseded(claim);
        let row = self.row(claim.id).map_err(|_| superseded.clone())?;
        let number = row.record.attempts.last().map(|attempt| attempt.number);
        let by = match row.record.state {
            State::Claimed { gateway, .. } => Some(gateway),
            _ => None,
        };
        if number == Some(claim.attempt) && by == Some(claim.gateway) { Ok(row) } else { Err(superseded) }
    }

    fn dead(&mut self, id: MessageId) -> Result<&mut Row, DeliveryError> {
        let row = self.row(id)?;
        if row.record.state.kind() == StateKind::Dead { Ok(row) } else { Err(DeliveryError::NotDead(id)) }
    }

    fn kept(&self, hash: BundleHash) -> Result<(), DeliveryError> {
        let missing = || DeliveryError::Unavailable(format!("bundle {hash} is not kept"));
        self.bundles.contains_key(&hash).then_some(()).ok_or_else(missing)
    }

    pub(super) fn insert(&mut self, accept: Accept) -> Result<Accepted, DeliveryError> {
        let Accept { envelope, payload, start } = accept;
        self.kept(envelope.bundle)?;
        let key = envelope.request_key.clone().map(|key| (envelope.route.clone(), key));
        let known = key.as_ref().and_then(|key| self.keys.get(key).copied()).unwrap_or(envelope.id);
        if let Some(record) = self.get(known) {
            return Ok(if record.payload == payload {
                Accepted::Repeated(Box::new(record))
            } else {
                Accepted::Conflict(known)
            });
        }
        let (id, received) = (envelope.id, envelope.received);
        let mut record = Record {
            digest: key.as_ref().map(|_| PayloadDigest::of(&payload)),
            envelope,
            payload,
            ticket: None,
            state: State::Waiting { due: received },
            behind: None,
            lost: 0,
            attempts: Vec::new(),
        };
        let parked = record.envelope.order.is_some_and(|order| self.line(order.key).next().is_some());
        let accepted = match start {
            Start::Due(due) => {
                record.state = State::Waiting { due };
                if parked { Accepted::Parked } else { Accepted::New(None) }
            }
            Start::Now(_) if parked => Accepted::Parked,
            Start::Now(gateway) => {
                record.state = State::Claimed { gateway, since: received };
                record.attempts.push(Attempt { number: 1, started: received, ended: None, failure: None });
                Accepted::New(Some(Claim { id, attempt: 1, gateway }))
            }
        };
        self.next += 1;
        self.rows.insert(self.next, Row { record, published: false, lost: 0 });
        self.keys.extend(key.map(|key| (key, id)));
        Ok(accepted)
    }

    /// Messages that may be published, with the time at which they are due.
    fn unpublished(&self, except: &[Arc<str>]) -> impl Iterator<Item = (Timestamp, &Row)> {
        let rows = self.rows.iter().filter_map(|(seq, row)| match row.record.state {
            State::Waiting { due } if !row.published => Some((seq, due, row)),
            _ => None,
        });
        let suspect = self.next_suspect(except);
        rows.filter(move |(seq, _, row)| {
            !except.contains(&row.record.envelope.route)
                && self.behind(**seq, row).is_none()
                && (!row.is_suspect() || Some(**seq) == suspect)
        })
        .map(|(_, due, row)| (due, row))
    }

    pub(super) fn due(&self, limit: usize, except: &[Arc<str>], now: Timestamp) -> Vec<Parcel> {
        let mut due: Vec<_> = self.unpublished(except).filter(|(due, _)| *due <= now).collect();
        due.sort_by_key(|(due, _)| *due);
        due.into_iter().take(limit).map(|(due, row)| row.parcel(due)).collect()
    }

    /// When the next message that is not published is due.
    pub(super) fn next_due(&self, except: &[Arc<str>]) -> Option<Timestamp> {
        self.unpublished(except).map(|(due, _)| due).min()
    }

    pub(super) fn mark_published(&mut self, parcel: &Parcel) {
        if let Ok(row) = self.row(parcel.id)
            && row.next_attempt() == parcel.attempt
        {
            row.published = true;
        }
    }

    /// Every publication is a good while ago.
    pub(super) fn unclaimed(&self) -> Vec<Unclaimed> {
        let mut all: Vec<Unclaimed> = Vec::new();
        for row in self.rows.values().filter(|row| row.is_unclaimed()) {
            let route = &row.record.envelope.route;
            match all.iter_mut().find(|one| one.route == *route) {
                Some(one) => one.parcels += 1,
                None => all.push(Unclaimed { route: route.clone(), parcels: 1 }),
            }
        }
        all
    }

    pub(super) fn republish(&mut self, route: &str, limit: u64) -> u64 {
        let unclaimed = |row: &&mut Row| row.is_unclaimed() && *row.record.envelope.route == *route;
        let mut count = 0;
        for row in self.rows.values_mut().filter(unclaimed).take(usize::try_from(limit).unwrap_or(usize::MAX))
        {
            row.published = false;
            count += 1;
        }
        count
    }

    pub(super) fn claim(&mut self, parcel: &Parcel, gateway: GatewayId, now: Timestamp) -> Option<Claimed> {
        let parked = self.get(parcel.id)?.behind.is_some();
        let another = self.suspect_at_work();
        let row = self.row(parcel.id).ok()?;
        if row.record.state.kind() != StateKind::Waiting || row.next_attempt() != parcel.attempt {
            return None;
        }
        if parked || (row.is_suspect() && another) {
            // This parcel is spent; when it is its turn, another one is published.
            row.published = false;
            return None;
        }
        row.record.state = State::Claimed { gateway, since: now };
        row.record.attempts.push(Attempt {
            number: parcel.attempt,
            started: now,
            ended: None,
            failure: None,
        });
        Some(Claimed {
            claim: Claim { id: parcel.id, attempt: parcel.attempt, gateway },
            envelope: row.record.envelope.clone(),
            payload: row.record.payload.clone(),
            ticket: row.record.ticket.clone(),
        })
    }

    pub(super) fn finish(
        &mut self,
        claim: Claim,
        outcome: Outcome,
        now: Timestamp,
    ) -> Result<(), DeliveryError> {
        let row = self.claimed(claim)?;
        let failure = match &outcome {
            Outcome::Failed(failure) => Some(failure.clone()),
            Outcome::Reply(_) => None,
        };
        row.end(failure, now);
        row.record.state = State::Finished { outcome, at: now };
        self.leave_event(claim.id);
        Ok(())
    }

    pub(super) fn retry_at(
        &mut self,
        claim: Claim,
        due: Timestamp,
        failure: Failure,
        now: Timestamp,
    ) -> Result<(), DeliveryError> {
        let row = self.claimed(claim)?;
        row.lost = 0;
        row.end(Some(failure), now);
        row.wait(due);
        Ok(())
    }

    pub(super) fn poll_at(
        &mut self,
        claim: Claim,
        due: Timestamp,
        ticket: Option<Bytes>,
        now: Timestamp,
    ) -> Result<(), DeliveryError> {
        let row = self.claimed(claim)?;
        row.lost = 0;
        row.end(None, now);
        row.wait(due);
        match ticket {
            Some(ticket) => row.record.ticket = Some(ticket),
            None => row.forget_question_before(),
        }
        Ok(())
    }

    pub(super) fn bury(
        &mut self,
        claim: Claim,
        letter: DeadLetter,
        now: Timestamp,
    ) -> Result<(), DeliveryError> {
        let row = self.claimed(claim)?;
        row.lost = 0;
        row.bury(letter, now);
        self.leave_event(claim.id);
        Ok(())
    }

    pub(super) fn reconcile(&mut self, me: GatewayId, now: Timestamp) -> Reconciled {
        self.alive.push(me);
        let mut reconciled = Reconciled::default();
        let mut buried = Vec::new();
        for row in self.rows.values_mut() {
            let State::Claimed { gateway, .. } = row.record.state else { continue };
            if gateway == me || gateway == GatewayId::FILE {
                continue;
            }
            row.lost += 1;
            let Envelope { id, route, received, .. } = row.record.envelope.clone();
            let orphan = Orphan { id, route, received, gateway };
            match settle_lost(&row.record.envelope, row.record.ticket.is_some(), row.lost, gateway) {
                Lost::Again(failure) => {
                    row.end(Some(failure), now);
                    row.wait(now);
                    reconciled.requeued.push(orphan);
                }
                Lost::Bury(letter) => {
                    row.bury(letter, now);
                    buried.push(id);
                    reconciled.buried.push(orphan);
                }
            }
        }
        buried.into_iter().for_each(|id| self.leave_event(id));
        reconciled
    }

    pub(super) fn get(&self, id: MessageId) -> Option<Record> {
        let (seq, row) = self.rows.iter().find(|(_, row)| row.record.envelope.id == id)?;
        Some(Record { behind: self.behind(*seq, row), lost: row.lost, ..row.record.clone() })
    }

    pub(super) fn settled(&self, mut ids: Vec<MessageId>) -> Vec<MessageId> {
        let open = |id: &MessageId| {
            let row = self.rows.values().find(|row| row.record.envelope.id == *id);
            row.is_some_and(|row| matches!(row.record.state.kind(), StateKind::Waiting | StateKind::Claimed))
        };
        ids.retain(|id| !open(id));
        ids
    }

    pub(super) fn list(&self, filter: &Filter) -> Page {
        let limit = if filter.limit == 0 { 100 } else { filter.limit.min(1000) };
        let mut page = Page::default();
        for (seq, row) in self.rows.iter().rev() {
            let record = &row.record;
            let class = match &record.state {
                State::Dead { letter, .. } => Some(letter.failure.class),
                _ => None,
            };
            let fits = filter.route.as_ref().is_none_or(|route| **route == *record.envelope.route)
                && filter.state.is_none_or(|state| state == record.state.kind())
                && filter.class.is_none_or(|wanted| class == Some(wanted))
                && filter.before.is_none_or(|before| record.envelope.id < before);
            if !fits {
                continue;
            }
            if page.records.len() == limit {
                page.next = page.records.last().map(|last: &Record| last.envelope.id);
                break;
            }
            let behind = self.behind(*seq, row);
            let mut listed =
                Record { payload: Bytes::new(), digest: None, behind, lost: row.lost, ..record.clone() };
            listed.ticket = listed.ticket.map(|_| Bytes::new());
            page.records.push(listed);
        }
        page
    }

    pub(super) fn counts(&self) -> Vec<Count> {
        let mut counts: Vec<Count> = Vec::new();
        for Row { record, .. } in self.rows.values() {
            let (route, state) = (&*record.envelope.route, record.state.kind());
            if state == StateKind::Finished {
                continue;
            }
            match counts.iter_mut().find(|count| count.route == route && count.state == state) {
                Some(count) => count.messages += 1,
                None => {
                    let oldest = record.envelope.received;
                    counts.push(Count { route: route.to_owned(), state, messages: 1, oldest });
                }
            }
        }
        counts
    }

    pub(super) fn retry(
        &mut self,
        id: MessageId,
        bundle: Option<BundleHash>,
        now: Timestamp,
    ) -> Result<(), DeliveryError> {
        bundle.map_or(Ok(()), |hash| self.kept(hash))?;
        let row = self.dead(id)?;
        row.record.envelope.bundle = bundle.unwrap_or(row.record.envelope.bundle);
        row.record.envelope.deadline = None;
        row.record.envelope.mode = Mode::Operation;
        row.wait(now);
        Ok(())
    }

    pub(super) fn resolve(
        &mut self,
        id: MessageId,
        outcome: Outcome,
        now: Timestamp,
    ) -> Result<(), DeliveryError> {
        self.dead(id)?.record.state = State::Finished { outcome, at: now };
        self.leave_event(id);
        Ok(())
    }

    pub(super) fn withdraw(&mut self, id: MessageId, outcome: Outcome, now: Timestamp) -> bool {
        match self.row(id) {
            Ok(row) if row.record.state.kind() == StateKind::Waiting => {
                row.record.state = State::Finished { outcome, at: now };
                self.leave_event(id);
                true
            }
            _ => false,
        }
    }

    pub(super) fn erase(&mut self, id: MessageId, failure: Failure) -> bool {
        match self.row(id).map(|row| &mut row.record) {
            Ok(record @ Record { state: State::Finished { .. }, .. }) => {
                (record.payload, record.ticket) = (Bytes::new(), None);
                record.digest = record.digest.map(|_| PayloadDigest::of(&[]));
                for attempt in &mut record.attempts {
                    attempt.failure = attempt.failure.take().map(Failure::without_words);
                }
                if let State::Finished { outcome, .. } = &mut record.state {
                    *outcome = Outcome::Failed(failure);
                }
                true
            }
            _ => false,
        }
    }

    pub(super) fn recall(&mut self, route: Arc<str>, key: RequestKey) -> Option<Record> {
        let id = self.keys.get(&(route, key)).copied()?;
        self.get(id)
    }

    pub(super) fn control(&mut self, route: Arc<str>, control: Control) {
        match control {
            Control::Running => drop(self.controls.remove(&route)),
            _ => drop(self.controls.insert(route, control)),
        }
    }

    pub(super) fn controls(&self) -> Controls {
        self.controls.clone()
    }

    pub(super) fn keep_bundle(&mut self, hash: BundleHash, content: Bytes) {
        self.bundles.entry(hash).or_insert(content);
        self.served.push(hash);
    }

    pub(super) fn bundle(&self, hash: BundleHash) -> Option<Bytes> {
        self.bundles.get(&hash).cloned()
    }

    pub(super) fn forget(&mut self, before: Timestamp, limit: usize) -> usize {
        let old: Vec<(u64, MessageId)> = self
            .rows
            .iter()
            .filter(|(_, row)| matches!(row.record.state, State::Finished { at, .. } if at < before))
            .map(|(seq, row)| (*seq, row.record.envelope.id))
            .take(limit)
            .collect();
        for (seq, id) in &old {
            self.rows.remove(seq);
            self.keys.retain(|_, known| known != id);
        }
        self.forget_sent(&old.iter().map(|(_, id)| *id).collect::<Vec<_>>());
        let Self { rows, bundles, files, served, .. } = self;
        bundles.retain(|hash, _| {
            let open = |file: &FileRecord| file.state == FileState::Open && file.arrival.bundle == *hash;
            served.contains(hash)
                || rows.values().any(|row| row.record.envelope.bundle == *hash)
                || files.iter().any(open)
        });
        old.len()
    }
}
