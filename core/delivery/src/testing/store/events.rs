//! What is left to be announced, in the transaction that settles a message.

use super::Store;
use crate::{Event, Happened, MessageId, Outcome, State, composite::Unannounced};

impl Store {
    /// After the message was finished, or became a dead letter.
    pub(super) fn leave_event(&mut self, id: MessageId) {
        let Ok(row) = self.row(id) else { return };
        let (envelope, attempts) = (&row.record.envelope, &row.record.attempts);
        let (happened, at) = match row.record.state.clone() {
            State::Finished { outcome: Outcome::Reply(reply), at } => (Happened::Finished(reply), at),
            State::Finished { outcome: Outcome::Failed(failure), at } => (Happened::Failed(failure), at),
            State::Dead { letter, at } => (Happened::NeedsAttention(letter.failure), at),
            State::Waiting { .. } | State::Claimed { .. } => return,
        };
        if !envelope.announced {
            return;
        }
        let event = Event {
            message: id,
            route: envelope.route.clone(),
            attempt: attempts.last().map_or(0, |last| last.number),
            at,
            happened,
            request_id: envelope.request_key.as_ref().map(|key| key.id.clone()),
            traceparent: envelope.traceparent.clone(),
        };
        let number = self.events.last().map_or(1, |last| last.number + 1);
        self.events.push(Unannounced { number, event });
    }

    pub(in crate::testing) fn unannounced(&self, limit: usize) -> Vec<Unannounced> {
        self.events.iter().take(limit).cloned().collect()
    }

    pub(in crate::testing) fn mark_announced(&mut self, numbers: &[i64]) {
        self.events.retain(|one| !numbers.contains(&one.number));
    }
}
