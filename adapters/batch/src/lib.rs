//! Files that are dropped and picked up: taken once and only when complete, set aside without overwriting anything, written
//! whole or not at all.
//!
//! The folders of this machine, whatever they are mounted from, and those of SFTP servers. Nothing here knows of routes or ledgers: who
//! takes a file decides by its [`Identity`] what becomes of it. Everything blocks, for as long as the disk or the server does; time is an
//! argument.

mod behind;
mod claim;
mod dir;
mod drop;
mod error;
mod folder;
mod identity;
mod listed;
mod local;
mod look;
mod manifest;
mod name;
mod options;
mod pattern;
mod probe;
mod reclaim;
pub mod reject;
mod sftp;
mod source;
mod write;

pub use claim::{Claim, Identity, Orphan, Reading};
pub use drop::FolderDrop;
pub use error::FolderError;
pub use folder::Folder;
pub use look::{Candidate, Hostile, Ignored, Look, Why};
pub use options::{Complete, FolderOptions, Place};
pub use pattern::{Pattern, PatternError};
pub use portolan_delivery::Patch;
pub use probe::{ProbeError, Strangers, probe};
pub use sftp::{HostKeys, KeyFile, SftpOptions, SftpOptionsError};
pub use source::{FolderSource, serve};
pub use write::{Aside, Written};
