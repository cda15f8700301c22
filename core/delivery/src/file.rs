//! Files that are taken: known by their content for good, so that none is taken twice, and taken in blocks, each of which is durable with
//! how far the file has come.

use std::{fmt, sync::Arc};

use bytes::Bytes;
use portolan_schema::layout::{Layout, NodeId};
use uuid::{Builder, Uuid};

use crate::{Accept, BoxFuture, BundleHash, DeliveryError, FileAnswer, GatewayId, MessageId, Timestamp};

/// The SHA-256 of a file's content, by which it is known whatever its name.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileHash(pub [u8; 32]);

impl fmt::Display for FileHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|b| write!(f, "{b:02x}"))
    }
}

impl fmt::Debug for FileHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl MessageId {
    /// The id of the message that a record of a file is to a route: always the same, in the order of records, by when the file came.
    pub fn of_record(route: &str, file: FileHash, received: Timestamp, record: u64) -> Self {
        let [a, b, c, d, e, f, ..] = file.0;
        // By FNV-1a: the same file may come to another route in the same millisecond.
        let basis = 0xCBF2_9CE4_8422_2325_u64;
        let mixed =
            route.bytes().fold(basis, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01B3));
        let both = u64::from_be_bytes([0, 0, a, b, c, d, e, f]) ^ (mixed ^ mixed >> 32);
        let millis = u64::try_from(received.0 / 1000).unwrap_or(0);
        // Of UUID version 7 (RFC 9562, 5.7) the random bits: 12 of file and route, then 34 of the record's number and 28 of both again.
        let tail = (record & 0x3_FFFF_FFFF) << 28 | both & 0xFFF_FFFF;
        let mut random = [0; 10];
        random[..2].copy_from_slice(&((both >> 28) as u16 & 0xFFF).to_be_bytes());
        random[2..].copy_from_slice(&tail.to_be_bytes());
        let uuid: Uuid = Builder::from_unix_timestamp_millis(millis, &random).into_uuid();
        Self(uuid)
    }
}

/// A file that came in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Arrival {
    /// What it is known by.
    pub hash: FileHash,
    /// The route that takes it.
    pub route: Arc<str>,
    /// The version of the route.
    pub bundle: BundleHash,
    /// Its name, where it was dropped.
    pub name: Arc<str>,
    /// How many bytes it has.
    pub bytes: u64,
    /// When it was found.
    pub received: Timestamp,
}

/// What is known of a file that came in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Arrived {
    /// It is to be taken, from behind the records of which it says that they were.
    Open(Box<FileRecord>),
    /// It was taken before, by this name or another.
    Known(Box<FileRecord>),
    /// Another gateway is at it.
    Elsewhere(Box<FileRecord>),
}

/// A file, as the ledger knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileRecord {
    /// As it came.
    pub arrival: Arrival,
    /// How far it is.
    pub state: FileState,
    /// Who takes it, or took it.
    pub gateway: GatewayId,
    /// The number of the last record that was gone through.
    pub position: u64,
    /// What became of the records up to there.
    pub counts: FileCounts,
    /// When it ended.
    pub ended: Option<Timestamp>,
    /// The receipt, as JSON, once it ended.
    pub receipt: Option<Arc<str>>,
    /// That an operator lets it be taken, until it begins anew without that.
    pub release: Option<FileRelease>,
}

/// An operator's word that a file which was refused is to be taken all the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileRelease {
    /// When.
    pub at: Timestamp,
    /// Why, for people.
    pub reason: Arc<str>,
}

/// How far a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileState {
    /// It is being taken.
    Open,
    /// All of it is durable.
    Taken,
    /// It was refused whole: none of it was taken, and it may come again.
    Refused,
    /// It was refused, and an operator lets it be taken: it is when it is found.
    Released,
}

impl FileState {
    /// As commands and receipts write it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Taken => "taken",
            Self::Refused => "refused",
            Self::Released => "released",
        }
    }
}

/// What became of records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
pub struct FileCounts {
    /// Messages that were accepted.
    pub messages: u64,
    /// Messages that the route leaves out.
    pub skipped: u64,
    /// Messages that failed.
    pub rejected: u64,
}

/// A piece of a file that becomes durable at once.
#[derive(Debug, Clone)]
pub struct Block {
    /// The route, and its file.
    pub route: Arc<str>,
    /// The file.
    pub file: FileHash,
    /// The number of the last record before it, and of its last.
    pub from: u64,
    /// The last.
    pub to: u64,
    /// Its messages.
    pub messages: Vec<Accept>,
    /// What it answers, where it is a file of answers.
    pub answers: Vec<FileAnswer>,
    /// What became of all records up to its end.
    pub counts: FileCounts,
    /// When it is accepted: which of its messages are due then.
    pub now: Timestamp,
}

impl Block {
    /// Messages that a block has at most.
    pub const MOST: usize = 1000;
}

/// How a file ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileEnd {
    /// The route, and its file.
    pub route: Arc<str>,
    /// The file.
    pub file: FileHash,
    /// Taken or refused.
    pub state: FileState,
    /// The receipt, as JSON.
    pub receipt: Arc<str>,
    /// When.
    pub now: Timestamp,
}

/// What remembers files. Each method is one transaction.
///
/// A file is of the gateway that began it, until that is no more: then another one goes on with it, from where it was. What the first
/// still tells of it, should it live after all, changes nothing.
pub trait FileStore: Send + Sync {
    /// Begins a file, or goes on with one that was begun. A file that was taken is known; one that was refused is begun anew, with its release
    /// where an operator has released it since; one that a gateway is at which lives is elsewhere.
    fn begin_file(
        &self,
        arrival: Arrival,
        gateway: GatewayId,
    ) -> BoxFuture<'_, Result<Arrived, DeliveryError>>;

    /// Makes messages durable, and that the file has come as far. Nothing is done where it is not where the block begins, or was begun
    /// by another gateway: `false`.
    fn accept_block(&self, block: Block, gateway: GatewayId) -> BoxFuture<'_, Result<bool, DeliveryError>>;

    /// Ends a file. `false`, and nothing is done, where it is over, or another gateway has taken it over.
    fn end_file(&self, end: FileEnd, gateway: GatewayId) -> BoxFuture<'_, Result<bool, DeliveryError>>;

    /// Lets a file be taken that was refused; what is known of its refusal stays until it begins. `false`, and nothing is done, where it is in
    /// another state.
    fn release_file(
        &self,
        route: Arc<str>,
        file: FileHash,
        release: FileRelease,
    ) -> BoxFuture<'_, Result<bool, DeliveryError>>;

    /// Files that were released and have not ended since, without their receipts: [`FileFilter::MOST`] at most.
    fn released(&self) -> BoxFuture<'_, Result<Vec<FileRecord>, DeliveryError>>;

    /// Files, the newest first, without their receipts.
    fn files(&self, filter: FileFilter) -> BoxFuture<'_, Result<Vec<FileRecord>, DeliveryError>>;

    /// A file of a route, with its receipt.
    fn file(
        &self,
        route: Arc<str>,
        file: FileHash,
    ) -> BoxFuture<'_, Result<Option<FileRecord>, DeliveryError>>;

    /// Of these gateways, which are others than the one that asks, those that are no more.
    fn gone(&self, gateways: Vec<GatewayId>) -> BoxFuture<'_, Result<Vec<GatewayId>, DeliveryError>>;
}

/// Which files are asked for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FileFilter {
    /// Those of this route only.
    pub route: Option<String>,
    /// Those that are being taken, or were released and are not begun, only.
    pub open: bool,
    /// Those of this name, and those whose hash begins so, in hexadecimal.
    pub called: Option<String>,
    /// At most this many; 0 stands for 100.
    pub limit: usize,
}

impl FileFilter {
    /// The most files that are told of at once.
    pub const MOST: usize = 1000;

    /// How many files are told of at most.
    pub fn most(&self) -> usize {
        if self.limit == 0 { 100 } else { self.limit.min(Self::MOST) }
    }

    /// The first and the last hash that begin as `called` does; `None` where that is no hexadecimal number, or is a number of a file.
    pub fn hashes(&self) -> Option<(FileHash, FileHash)> {
        /// A number of a file has fewer digits, and does not begin with a zero.
        const MANY: usize = 10;
        let is_number = |called: &str| {
            called.len() < MANY
                && !called.starts_with('0')
                && called.bytes().all(|byte| byte.is_ascii_digit())
        };
        let called = self.called.as_deref().filter(|called| (1..=64).contains(&called.len()));
        let digits = called.filter(|called| !is_number(called))?;
        let (mut first, mut last) = ([0; 32], [0xFF; 32]);
        for (place, digit) in digits.chars().enumerate() {
            let digit = u8::try_from(digit.to_digit(16)?).ok()?;
            let (shift, keep) = if place % 2 == 0 { (4, 0x0F) } else { (0, 0xF0) };
            for hash in [&mut first, &mut last] {
                let byte = hash.get_mut(place / 2)?;
                *byte = *byte & keep | digit << shift;
            }
        }
        Some((FileHash(first), FileHash(last)))
    }
}

/// A route that takes files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileRoute {
    /// Its name.
    pub route: Arc<str>,
    /// The system that drops them.
    pub system: Arc<str>,
    /// The names of the files that it takes; all, where `None`.
    pub pattern: Option<Arc<str>>,
}

/// A file that is whole, and is to be taken.
#[derive(Clone)]
pub struct Dropped {
    /// The route that takes it.
    pub route: Arc<str>,
    /// Its name.
    pub name: Arc<str>,
    /// What it is known by.
    pub hash: FileHash,
    /// How many bytes it has.
    pub bytes: u64,
    /// When it was found.
    pub received: Timestamp,
    /// It was under way when an earlier gateway ended: what it became may not have been set aside.
    pub again: bool,
    /// Opens it, from its beginning each time.
    pub open: Arc<OpenFile>,
}

/// Opens a file that was dropped.
pub type OpenFile = dyn Fn() -> std::io::Result<Box<dyn std::io::Read + Send>> + Send + Sync;

/// What became of a file.
#[derive(Debug, Clone)]
pub enum FileFate {
    /// It was taken, but for some of it.
    Taken(FileTold, Option<RejectedRecords>),
    /// None of it was taken.
    Refused(FileTold),
    /// What is in it was taken before.
    Duplicate(FileTold),
    /// It was taken by a gateway that ended then, and what else became of it cannot be found out again.
    Ended,
    /// It cannot be taken now, and is to be left where it is.
    NotNow(String),
}

/// What is told of a file that ended.
#[derive(Debug, Clone)]
pub struct FileTold {
    /// To operators.
    pub receipt: Box<FileReceipt>,
    /// To whoever dropped it, where the route does that.
    pub acknowledgement: Option<Acknowledgement>,
}

/// A file that tells whoever dropped one what became of it.
#[derive(Clone)]
pub struct Acknowledgement {
    /// What it is called.
    pub name: String,
    /// What is in it.
    pub content: Bytes,
}

impl std::fmt::Debug for Acknowledgement {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Acknowledgement({}, {} bytes)", self.name, self.content.len())
    }
}

/// Messages that were refused, of which a file may be made.
#[derive(Debug, Clone)]
pub struct RejectedRecords {
    /// How the file is read.
    pub layout: Arc<Layout>,
    /// The record of a message.
    pub each: NodeId,
    /// The numbers of their records, in order.
    pub records: Arc<Vec<u64>>,
}

/// What is said of a file that ended.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct FileReceipt {
    /// The file.
    pub name: String,
    /// The route that took it.
    pub route: String,
    /// The SHA-256 of its content.
    pub sha256: String,
    /// How many bytes it has.
    pub bytes: u64,
    /// `taken`, `refused`, or `duplicate` where the same was taken before.
    pub state: String,
    /// When it was found, and when it ended, by RFC 3339.
    pub received: String,
    /// The end.
    pub ended: String,
    /// How many records it has.
    pub records: u64,
    /// What became of messages.
    #[serde(flatten)]
    pub counts: FileCounts,
    /// Why all of it was refused; of one that was taken, why it was no sound one.
    pub reason: Option<String>,
    /// That an operator has released it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub released: Option<ReleaseTold>,
    /// Messages that were left out, by why.
    pub skipped_by_reason: std::collections::BTreeMap<String, u64>,
    /// What is wrong, the first so many of it.
    pub errors: Vec<FileError>,
    /// What the file is called that tells whoever dropped this one, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acknowledgement: Option<String>,
    /// Why that could not be made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_acknowledged: Option<String>,
}

impl FileReceipt {
    /// Of a file of which nothing was read for this, and why.
    pub fn unread(
        (name, route): (String, String),
        state: &str,
        reason: String,
        (received, ended): (Timestamp, Timestamp),
    ) -> Self {
        Self {
            name,
            route,
            sha256: String::new(),
            bytes: 0,
            state: state.to_owned(),
            received: received.to_rfc3339(),
            ended: ended.to_rfc3339(),
            records: 0,
            counts: FileCounts::default(),
            reason: Some(reason),
            released: None,
            skipped_by_reason: std::collections::BTreeMap::new(),
            errors: Vec::new(),
            acknowledgement: None,
            not_acknowledged: None,
        }
    }
}

/// A release, as a receipt tells it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct ReleaseTold {
    /// When, by RFC 3339.
    pub at: String,
    /// Why.
    pub reason: String,
}

impl From<&FileRelease> for ReleaseTold {
    fn from(release: &FileRelease) -> Self {
        Self { at: release.at.to_rfc3339(), reason: release.reason.to_string() }
    }
}

/// Something that is wrong with a file. No value stands in it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct FileError {
    /// The number of the record, from 1.
    pub record: u64,
    /// Where it begins, or the field: bytes from the beginning.
    pub offset: u64,
    /// Which record it is, where that is known.
    pub kind: Option<String>,
    /// The field.
    pub field: Option<String>,
    /// What is wrong.
    pub reason: String,
}

/// What the engine offers to adapters that find files.
pub trait FileIntake: Send + Sync + 'static {
    /// The routes that take files now.
    fn file_routes(&self) -> Vec<FileRoute>;

    /// Takes a file, or goes on with it where that was interrupted.
    fn take_file(&self, dropped: Dropped) -> BoxFuture<'_, FileFate>;

    /// This run of this gateway: by it others know what it has taken.
    fn gateway(&self) -> GatewayId;

    /// Files that operators have released and that nobody is at, as they came: whoever finds one where it was set aside gives it to its route again. `Err` says why
    /// it is not known now.
    fn released(&self) -> BoxFuture<'_, Result<Vec<Arrival>, String>>;

    /// Of these other gateways, those that are no more: what they had taken is taken over. `Err` says why it is not known now.
    fn gone(&self, gateways: Vec<GatewayId>) -> BoxFuture<'_, Result<Vec<GatewayId>, String>>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_id_of_a_record_is_always_the_same_and_in_order() {
        let file = FileHash(std::array::from_fn(|index| index as u8 * 7));
        let other = FileHash([9; 32]);
        let at = Timestamp(1_764_000_000_000_000);
        let ids: Vec<_> =
            [1, 2, 255, 256, 1 << 33].map(|record| MessageId::of_record("r", file, at, record)).into();
        assert!(ids.is_sorted());
        assert_eq!(ids[1], MessageId::of_record("r", file, at, 2));
        assert_ne!(ids[1], MessageId::of_record("r", other, at, 2));
        assert_ne!(ids[1], MessageId::of_record("s", file, at, 2));
        assert!(ids.iter().all(|id| id.0.get_version_num() == 7));
        assert!(MessageId::of_record("r", file, Timestamp(at.0 + 1000), 1) > ids[4]);
    }

    #[test]
    fn a_file_is_called_by_the_beginning_of_its_hash() {
        let called = |text: &str| {
            let filter = FileFilter { called: Some(text.to_owned()), ..FileFilter::default() };
            filter.hashes().map(|(first, last)| (first.to_string(), last.to_string()))
        };
        let (first, last) = called("9Fa").unwrap();
        assert_eq!((first, last), (format!("9fa{}", "0".repeat(61)), format!("9fa{}", "f".repeat(61))));
        let whole = "0123456789abcdef".repeat(4);
        assert_eq!(called(&whole), Some((whole.clone(), whole.clone())));
        for none in ["", "a.txt", "wages", &format!("{whole}0"), "é"] {
            assert_eq!(called(none), None, "{none}");
        }
    }
}
