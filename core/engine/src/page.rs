//! Messages of a cut, a page at a time, with their records: translated apart from the file that they are written into.

use std::io;

use portolan_delivery::{CutMessage, DeliveryError, Failure, MessageId};

use crate::{route::Route, translate::Context};

/// Gives the messages of a cut, a page at a time; at the end an empty one.
pub(crate) type Pages<'p> = dyn FnMut() -> Result<Page, DeliveryError> + Send + 'p;

/// Some messages of a cut, with their records.
#[derive(Default)]
pub(crate) struct Page {
    messages: Vec<CutMessage>,
    /// One behind the other, as plans make them.
    records: Vec<u8>,
    /// Where the record of each ends.
    ends: Vec<usize>,
    /// Why the message behind them has none.
    pub(crate) refused: Option<io::Error>,
}

impl Page {
    /// Translates messages, up to the first that cannot be.
    pub(crate) fn of(route: &Route, messages: Vec<CutMessage>) -> Self {
        let mut page = Self { ends: Vec::with_capacity(messages.len()), ..Self::default() };
        // A record is often as long as what it is made of.
        page.records.reserve(messages.iter().map(|message| message.payload.len() + 16).sum());
        for message in &messages {
            let context = Context::of_cut(message);
            if let Err(failure) = route.translate.request(&message.payload, context, &mut page.records) {
                page.refused = Some(refused(message.claim.id, &failure));
                break;
            }
            page.ends.push(page.records.len());
        }
        page.messages = messages;
        page.messages.truncate(page.ends.len());
        page
    }

    /// Whether there are no more messages.
    pub(crate) fn is_end(&self) -> bool {
        self.messages.is_empty() && self.refused.is_none()
    }

    /// Each message with its record.
    pub(crate) fn each(&self) -> impl Iterator<Item = (&CutMessage, &[u8])> {
        let begins = [0].into_iter().chain(self.ends.iter().copied());
        let records = begins.zip(&self.ends).map(|(from, to)| self.records.get(from..*to));
        self.messages.iter().zip(records.map(Option::unwrap_or_default))
    }
}

fn refused(message: MessageId, failure: &Failure) -> io::Error {
    io::Error::other(format!("message {message} does not fit its record any more: {}", failure.message))
}
