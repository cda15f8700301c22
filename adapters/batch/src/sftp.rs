//! Folders on an SFTP server (SSH File Transfer Protocol, version 3, as OpenSSH and most others speak it).

mod connection;
mod fetch;
mod file;
mod options;
mod put;
mod remote;
mod session;

pub(crate) use connection::Connection;
pub(crate) use fetch::Fetched;
pub(crate) use file::RemoteFile;
pub use options::{HostKeys, KeyFile, SftpOptions, SftpOptionsError};
pub(crate) use remote::Remote;
