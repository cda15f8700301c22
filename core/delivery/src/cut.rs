//! Files that are made of messages. Messages gather in the ledger, accepted with [`Timestamp::NEVER`] as the time at which they are due.
//! A *cut* takes what has gathered, as one as far as anybody sees, and gives it the route's next number: from then on it is known which
//! messages are in which file. The file is built of them as often as needed, the same bytes each time; written aside; and given its name
//! once. A message in a cut counts as claimed by [`GatewayId::FILE`], so that no gateway takes it for one that was lost, until an answer
//! comes, or for good where none is awaited.

use std::{
    io::{self, Read, Write},
    sync::Arc,
};

use bytes::Bytes;

use crate::{
    BoxFuture, BundleHash, Claim, DeliveryError, Envelope, FileHash, GatewayId, MessageId, Outcome, SentIn,
    Timestamp,
};

/// Messages of a route that have gathered and are in no file yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gathered {
    /// The route.
    pub route: Arc<str>,
    /// How many there are.
    pub messages: u64,
    /// When the oldest was accepted.
    pub oldest: Timestamp,
}

/// A file that was cut, as the ledger knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CutRecord {
    /// The route.
    pub route: Arc<str>,
    /// Its number among the files of the route, from 1, without gaps.
    pub sequence: u64,
    /// The version of the route; of all its messages.
    pub bundle: BundleHash,
    /// When it was cut.
    pub at: Timestamp,
    /// How many messages are in it.
    pub messages: u64,
    /// How far it is.
    pub state: CutState,
    /// Its name, once it is ready.
    pub name: Option<Arc<str>>,
    /// Under which name it was put aside, once it is ready.
    pub aside: Option<Arc<str>>,
    /// What is in it, once it is ready.
    pub hash: Option<FileHash>,
    /// How many bytes it has, once it is ready.
    pub bytes: u64,
    /// When it was delivered.
    pub delivered: Option<Timestamp>,
    /// How many of its messages are neither finished nor a dead letter.
    pub outstanding: u64,
}

/// How far a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CutState {
    /// Its messages are known, and it is being built.
    Open,
    /// It is whole and safe on the disk, and has no name yet, or the ledger does not know that it has.
    Ready,
    /// It was given its name where it is picked up.
    Delivered,
}

impl CutState {
    /// As commands write it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Ready => "ready",
            Self::Delivered => "delivered",
        }
    }
}

/// Where a message stands in a cut: behind it the next page begins.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct CutPlace {
    /// What it shares with the messages of its groups.
    pub group: Arc<str>,
    /// Its number in the ledger.
    pub seq: i64,
}

/// A message of a cut.
#[derive(Debug, Clone)]
pub struct CutMessage {
    /// Where it stands.
    pub place: CutPlace,
    /// The right to settle it.
    pub claim: Claim,
    /// When it was accepted.
    pub received: Timestamp,
    /// What it shares with the messages of its groups, where it has some.
    pub group: Option<Arc<str>>,
    /// What a mapping may know of whoever sent it; nothing, where it was not asked for.
    pub sender: Sender,
    /// What came in.
    pub payload: Bytes,
}

/// What a mapping may know of whoever sent a message.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sender {
    /// Who called.
    pub caller: Option<Arc<str>>,
    /// The caller's id for it.
    pub request_id: Option<String>,
    /// The metadata that the mapping reads.
    pub metadata: Vec<(String, String)>,
}

impl From<Envelope> for Sender {
    fn from(Envelope { caller, request_key, metadata, .. }: Envelope) -> Self {
        Self { caller, request_id: request_key.map(|key| key.id), metadata }
    }
}

/// Which messages of a cut are asked for.
#[derive(Debug, Clone)]
pub struct CutPage {
    /// Behind which message they stand; from the first, where `None`.
    pub after: Option<CutPlace>,
    /// How many, at most.
    pub limit: usize,
    /// Whether it is asked who sent them.
    pub senders: bool,
}

/// A message that was sent in a file, and is not answered in time.
#[derive(Debug, Clone)]
pub struct LateMessage {
    /// The file in which it was sent last.
    pub file: Option<Arc<str>>,
    /// The right to settle it.
    pub claim: Claim,
    /// Everything but the payload.
    pub envelope: Envelope,
}

/// A message that was sent in a file, found by its key.
#[derive(Debug, Clone)]
pub struct SentMessage {
    /// The last attempt.
    pub attempt: u32,
    /// Whether it waits for an answer: it is in a file, or a dead letter that was.
    pub waits: bool,
    /// Everything but the payload.
    pub envelope: Envelope,
    /// What came in.
    pub payload: Bytes,
}

/// What answers a message that was sent in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileAnswer {
    /// The message.
    pub id: MessageId,
    /// When it was accepted.
    pub received: Timestamp,
    /// How it ends.
    pub outcome: Outcome,
}

/// What is known of a cut that is ready.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Built {
    /// Its name.
    pub name: Arc<str>,
    /// Under which name it was put aside ([`FileDrop::prepare`]).
    pub aside: Arc<str>,
    /// What is in it.
    pub hash: FileHash,
    /// How many bytes it has.
    pub bytes: u64,
}

/// What remembers files that are made. Each method is one transaction, as far as anybody sees.
pub trait CutStore: Send + Sync {
    /// What has gathered, by route.
    fn gathered(&self) -> BoxFuture<'_, Result<Vec<Gathered>, DeliveryError>>;

    /// Cuts a file: the oldest messages that have gathered for a route, of one version of it, up to a limit. Nothing is done where there
    /// are none, or where the last file of the route is not delivered yet: `None`. Where a process ends meanwhile, what it had taken is a
    /// file, and the rest gathers for the next.
    fn cut(
        &self,
        route: Arc<str>,
        limit: u64,
        now: Timestamp,
    ) -> BoxFuture<'_, Result<Option<CutRecord>, DeliveryError>>;

    /// The same, and tells whenever there is more of it: where that takes a while, what is taken so far can be read meanwhile
    /// ([`CutStore::cut_messages`]). It says nothing of how many messages there will be.
    fn cut_telling(
        &self,
        route: Arc<str>,
        limit: u64,
        now: Timestamp,
        step: Box<dyn FnMut(&CutRecord) + Send>,
    ) -> BoxFuture<'_, Result<Option<CutRecord>, DeliveryError>> {
        drop(step);
        self.cut(route, limit, now)
    }

    /// Files that were cut, the newest first; those that are not delivered yet only, where that is asked.
    fn cuts(&self, open: bool, limit: usize) -> BoxFuture<'_, Result<Vec<CutRecord>, DeliveryError>>;

    /// Takes a cut that is not delivered, to go on with it. `false`: another gateway that lives has it, or it is delivered. Who has it saves
    /// others the work; that a file is named once does not hang on it ([`CutStore::cut_ready`]).
    fn hold(&self, cut: (Arc<str>, u64), gateway: GatewayId) -> BoxFuture<'_, Result<bool, DeliveryError>>;

    /// Forgets a cut of which no file was built, and in which no message waits; its number is free again. Only who holds it may. `false`:
    /// there is none, another gateway has it, it was built, or messages wait in it.
    fn forget_cut(
        &self,
        cut: (Arc<str>, u64),
        gateway: GatewayId,
    ) -> BoxFuture<'_, Result<bool, DeliveryError>>;

    /// Messages of a cut, by group and then as they were accepted. There may be more where it gives fewer than were asked for, but not where it
    /// gives none.
    fn cut_messages(
        &self,
        cut: (Arc<str>, u64),
        page: CutPage,
    ) -> BoxFuture<'_, Result<Vec<CutMessage>, DeliveryError>>;

    /// Messages of a route that wait for an answer, were sent in files that are delivered, and whose deadline was before `now`; those that
    /// have none, as what an operator had sent again, where their file was delivered before `delivered`. Of all files, the oldest messages
    /// first.
    fn late(
        &self,
        route: Arc<str>,
        now: Timestamp,
        delivered: Timestamp,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<LateMessage>, DeliveryError>>;

    /// Notes by which keys messages of a cut are known to whoever answers them.
    fn note_keys(
        &self,
        cut: (Arc<str>, u64),
        keys: Vec<(CutPlace, String)>,
    ) -> BoxFuture<'_, Result<(), DeliveryError>>;

    /// The file is whole, and safe on the disk. Gives what was built first of it, which is what counts from then on: of several that build
    /// the same file, all go on with that one.
    fn cut_ready(&self, cut: (Arc<str>, u64), built: Built) -> BoxFuture<'_, Result<Built, DeliveryError>>;

    /// The file has its name.
    fn cut_delivered(&self, cut: (Arc<str>, u64), now: Timestamp)
    -> BoxFuture<'_, Result<(), DeliveryError>>;

    /// The messages of a route that were sent by these keys; for each key those that there are, the newest first.
    fn sent_by(
        &self,
        route: Arc<str>,
        keys: Vec<String>,
    ) -> BoxFuture<'_, Result<Vec<Vec<SentMessage>>, DeliveryError>>;

    /// In which file each message was sent last; those that are in none are left out.
    fn sent_in(&self, messages: Vec<MessageId>) -> BoxFuture<'_, Result<Vec<SentIn>, DeliveryError>>;

    /// Settles messages that were sent in files, where they wait for it. Gives those that were.
    fn settle_sent(
        &self,
        answers: Vec<FileAnswer>,
        now: Timestamp,
    ) -> BoxFuture<'_, Result<Vec<MessageId>, DeliveryError>>;
}

/// Something that is written from front to back, and of which bytes may be written over that were written before they were known.
pub trait Patch: Write {
    /// Writes over what was written too early, as totals that stand before what they count.
    ///
    /// # Errors
    /// It cannot be written, or was not written before.
    fn patch(&mut self, at: u64, bytes: &[u8]) -> io::Result<()>;
}

impl Patch for Vec<u8> {
    fn patch(&mut self, at: u64, bytes: &[u8]) -> io::Result<()> {
        let from = usize::try_from(at).unwrap_or(usize::MAX);
        let not_written = || io::Error::new(io::ErrorKind::InvalidInput, "it was not written yet");
        let slot = self.get_mut(from..from.saturating_add(bytes.len())).ok_or_else(not_written)?;
        slot.copy_from_slice(bytes);
        Ok(())
    }
}

/// Writes what is in a file.
pub type FileContent<'c> = dyn FnMut(&mut dyn Patch) -> io::Result<()> + Send + 'c;

/// Where files are put that a system picks up. Its methods may wait for a disk or a network.
pub trait FileDrop: Send + Sync + 'static {
    /// Writes a file that has no name yet: whole and safe on the disk, or not at all. Gives the name under which it is aside, which no
    /// other one has or had: whatever is written at once, here or by another gateway, what is aside is never written again.
    ///
    /// # Errors
    /// What is in the way, and what to do.
    fn prepare(&self, name: &str, content: &mut FileContent<'_>) -> Result<Arc<str>, String>;

    /// Reads what was prepared by this process.
    ///
    /// # Errors
    /// It is not there, or cannot be read.
    fn prepared(&self, aside: &str) -> Result<Box<dyn Read + Send>, String>;

    /// Takes away what was prepared and is of no use. What cannot be removed now goes away when a file gets the name.
    fn discard(&self, aside: &str);

    /// Gives what was prepared, by whichever gateway, its name, where nothing has that. What is not aside any more has its name, or had it,
    /// and was picked up. Whatever else was put aside for that name goes away.
    ///
    /// # Errors
    /// Something has its name, or what else is in the way.
    fn publish(&self, name: &str, aside: &str) -> Result<(), String>;
}
