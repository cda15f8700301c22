//! Files that came in, and files that are made.

use bytes::Bytes;
use prost_types::Timestamp;

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct ListFilesRequest {
    #[prost(string, tag = "1")]
    pub(crate) route: String,
    #[prost(bool, tag = "2")]
    pub(crate) open: bool,
    #[prost(string, tag = "3")]
    pub(crate) called: String,
    #[prost(uint32, tag = "4")]
    pub(crate) page_size: u32,
    #[prost(enumeration = "Direction", tag = "5")]
    pub(crate) direction: i32,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct ListSentRequest {
    #[prost(string, repeated, tag = "1")]
    pub(crate) ids: Vec<String>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct ListSentResponse {
    #[prost(message, repeated, tag = "1")]
    pub(crate) sent: Vec<SentIn>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct SentIn {
    #[prost(string, tag = "1")]
    pub(crate) id: String,
    #[prost(uint64, tag = "2")]
    pub(crate) sequence: u64,
    #[prost(string, optional, tag = "3")]
    pub(crate) name: Option<String>,
    #[prost(enumeration = "FileState", tag = "4")]
    pub(crate) state: i32,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct CutFileRequest {
    #[prost(string, tag = "1")]
    pub(crate) route: String,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct DecideFileRequest {
    #[prost(string, tag = "1")]
    pub(crate) route: String,
    #[prost(uint64, tag = "2")]
    pub(crate) sequence: u64,
    #[prost(oneof = "FileDecision", tags = "3, 4")]
    pub(crate) decision: Option<FileDecision>,
}

#[derive(Clone, PartialEq, prost::Oneof)]
pub(crate) enum FileDecision {
    #[prost(message, tag = "3")]
    Retry(super::Empty),
    #[prost(message, tag = "4")]
    Refuse(RefuseFile),
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct RefuseFile {
    #[prost(string, tag = "1")]
    pub(crate) reason: String,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct ReleaseFileRequest {
    #[prost(string, tag = "1")]
    pub(crate) route: String,
    #[prost(bytes = "bytes", tag = "2")]
    pub(crate) sha256: Bytes,
    #[prost(string, tag = "3")]
    pub(crate) reason: String,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct CutFileResponse {
    #[prost(message, optional, tag = "1")]
    pub(crate) file: Option<File>,
    #[prost(uint64, tag = "2")]
    pub(crate) left: u64,
    #[prost(string, optional, tag = "3")]
    pub(crate) trouble: Option<String>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct ListFilesResponse {
    #[prost(message, repeated, tag = "1")]
    pub(crate) files: Vec<File>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct GetFileRequest {
    #[prost(string, tag = "1")]
    pub(crate) route: String,
    #[prost(bytes = "bytes", tag = "2")]
    pub(crate) sha256: Bytes,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct GetFileResponse {
    #[prost(message, optional, tag = "1")]
    pub(crate) file: Option<File>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct File {
    #[prost(enumeration = "Direction", tag = "1")]
    pub(crate) direction: i32,
    #[prost(string, tag = "2")]
    pub(crate) route: String,
    #[prost(string, tag = "3")]
    pub(crate) name: String,
    #[prost(bytes = "bytes", tag = "4")]
    pub(crate) sha256: Bytes,
    #[prost(bytes = "bytes", tag = "5")]
    pub(crate) bundle: Bytes,
    #[prost(uint64, tag = "6")]
    pub(crate) bytes: u64,
    #[prost(message, optional, tag = "7")]
    pub(crate) receive_time: Option<Timestamp>,
    #[prost(enumeration = "FileState", tag = "8")]
    pub(crate) state: i32,
    #[prost(string, tag = "9")]
    pub(crate) gateway: String,
    #[prost(uint64, tag = "10")]
    pub(crate) position: u64,
    #[prost(message, optional, tag = "11")]
    pub(crate) counts: Option<FileCounts>,
    #[prost(message, optional, tag = "12")]
    pub(crate) end_time: Option<Timestamp>,
    #[prost(string, optional, tag = "13")]
    pub(crate) receipt: Option<String>,
    #[prost(string, optional, tag = "14")]
    pub(crate) system: Option<String>,
    #[prost(message, optional, tag = "15")]
    pub(crate) progress: Option<FileProgress>,
    #[prost(uint64, tag = "16")]
    pub(crate) sequence: u64,
    #[prost(uint64, tag = "17")]
    pub(crate) outstanding: u64,
    #[prost(string, optional, tag = "18")]
    pub(crate) trouble: Option<String>,
    #[prost(message, optional, tag = "19")]
    pub(crate) release: Option<FileRelease>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct FileRelease {
    #[prost(message, optional, tag = "1")]
    pub(crate) at: Option<Timestamp>,
    #[prost(string, tag = "2")]
    pub(crate) reason: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, prost::Enumeration)]
#[repr(i32)]
pub(crate) enum Direction {
    Unspecified = 0,
    In = 1,
    Out = 2,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, prost::Enumeration)]
#[repr(i32)]
pub(crate) enum FileState {
    Unspecified = 0,
    Open = 1,
    Taken = 2,
    Refused = 3,
    Gathering = 4,
    Ready = 5,
    Delivered = 6,
    Released = 7,
}

#[derive(Clone, Copy, PartialEq, prost::Message)]
pub(crate) struct FileCounts {
    #[prost(uint64, tag = "1")]
    pub(crate) messages: u64,
    #[prost(uint64, tag = "2")]
    pub(crate) skipped: u64,
    #[prost(uint64, tag = "3")]
    pub(crate) rejected: u64,
}

#[derive(Clone, Copy, PartialEq, prost::Message)]
pub(crate) struct FileProgress {
    #[prost(enumeration = "Phase", tag = "1")]
    pub(crate) phase: i32,
    #[prost(message, optional, tag = "2")]
    pub(crate) since: Option<Timestamp>,
    #[prost(message, optional, tag = "3")]
    pub(crate) at: Option<Timestamp>,
    #[prost(uint64, tag = "4")]
    pub(crate) bytes: u64,
    #[prost(uint64, tag = "5")]
    pub(crate) bytes_passed: u64,
    #[prost(uint64, tag = "6")]
    pub(crate) records: u64,
    #[prost(uint64, tag = "7")]
    pub(crate) records_passed: u64,
    #[prost(message, optional, tag = "8")]
    pub(crate) counts: Option<FileCounts>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, prost::Enumeration)]
#[repr(i32)]
pub(crate) enum Phase {
    Unspecified = 0,
    Verifying = 1,
    Releasing = 2,
}
