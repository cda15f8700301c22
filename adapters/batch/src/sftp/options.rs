//! How an SFTP server is reached, and by what it is known.

use std::{
    fmt,
    path::{Path, PathBuf},
    time::Duration,
};

use russh::keys::{self, PrivateKey, PublicKey, ssh_key::Fingerprint};

/// An SFTP server.
#[derive(Clone, PartialEq, Eq)]
pub struct SftpOptions {
    /// Its name or address.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// Who logs in.
    pub user: String,
    /// By this key; it may take a password besides.
    pub key: Option<KeyFile>,
    /// By this password.
    pub password: Option<String>,
    /// By what the server is known.
    pub host_keys: HostKeys,
    /// A folder of this machine, of nobody else's, for what is fetched and what is to be sent. It is made. Nothing stays in it.
    pub spool: PathBuf,
    /// How long it may take to connect and to log in, and to answer a request.
    pub timeout: Duration,
}

/// A private key.
#[derive(Clone, PartialEq, Eq)]
pub struct KeyFile {
    /// As OpenSSH or PKCS#8 write it. It is read for each login.
    pub path: PathBuf,
    /// What it is encrypted with.
    pub passphrase: Option<String>,
}

/// By what a server is known. Nobody else is talked to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HostKeys {
    /// The fingerprint of its key is one of these: `SHA256:...`, as `ssh-keygen -l` prints it.
    Fingerprints(Vec<String>),
    /// Its key stands in a file of known hosts, as OpenSSH writes it.
    KnownHosts(PathBuf),
}

/// What is wrong with options.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SftpOptionsError {
    /// Nothing to log in with.
    #[error("there is neither a `key` nor a `password` to log in with")]
    NoLogin,
    /// What is no fingerprint.
    #[error(
        "a host key is written as its fingerprint, `SHA256:` and 43 letters, as `ssh-keyscan HOST | ssh-keygen -lf -` prints it"
    )]
    Fingerprint,
    /// A file of known hosts that cannot be read.
    #[error("the file of known hosts {} cannot be read: {why}", path.display())]
    KnownHosts {
        /// Which.
        path: PathBuf,
        /// Why not.
        why: String,
    },
    /// A key that cannot be used.
    #[error("the key {} cannot be used: {why}", path.display())]
    Key {
        /// Where it is.
        path: PathBuf,
        /// Why not.
        why: String,
    },
}

impl SftpOptions {
    /// That they can be used, as far as that can be told without the server.
    ///
    /// # Errors
    /// They cannot.
    pub fn check(&self) -> Result<(), SftpOptionsError> {
        if self.key.is_none() && self.password.is_none() {
            return Err(SftpOptionsError::NoLogin);
        }
        if let Some(key) = &self.key {
            key.read()?;
        }
        self.host_keys.known(&self.host, self.port).map(drop)
    }
}

impl KeyFile {
    pub(crate) fn read(&self) -> Result<PrivateKey, SftpOptionsError> {
        keys::load_secret_key(&self.path, self.passphrase.as_deref()).map_err(|error| SftpOptionsError::Key {
            path: self.path.clone(),
            why: match (error, &self.passphrase) {
                (keys::Error::KeyIsEncrypted, None) => {
                    "it is encrypted, and there is no `passphrase`".to_owned()
                }
                (keys::Error::IO(error), _) => error.to_string(),
                (_, Some(_)) => "it is no private key, or its `passphrase` is another".to_owned(),
                (_, None) => "it is no private key as OpenSSH or PKCS#8 write it".to_owned(),
            },
        })
    }
}

/// What is known of a server's keys.
#[derive(Debug, Clone)]
pub(crate) enum Known {
    Fingerprints(Vec<Fingerprint>),
    Keys(Vec<PublicKey>),
}

impl HostKeys {
    pub(crate) fn known(&self, host: &str, port: u16) -> Result<Known, SftpOptionsError> {
        match self {
            Self::Fingerprints(texts) => {
                let all = texts.iter().map(|text| match text.parse() {
                    Ok(fingerprint @ Fingerprint::Sha256(_)) => Ok(fingerprint),
                    _ => Err(SftpOptionsError::Fingerprint),
                });
                Ok(Known::Fingerprints(all.collect::<Result<_, _>>()?))
            }
            Self::KnownHosts(path) => known_hosts(path, host, port),
        }
    }
}

fn known_hosts(path: &Path, host: &str, port: u16) -> Result<Known, SftpOptionsError> {
    let unreadable = |why: String| SftpOptionsError::KnownHosts { path: path.to_owned(), why };
    // Whether it can be read at all, the library does not tell.
    std::fs::File::open(path).map_err(|error| unreadable(error.to_string()))?;
    let known = keys::known_hosts::known_host_keys_path(host, port, path);
    let known = known.map_err(|error| unreadable(error.to_string()))?;
    Ok(Known::Keys(known.into_iter().map(|(_, key)| key).collect()))
}

/// Without what is secret.
impl fmt::Debug for SftpOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SftpOptions")
            .field("host_keys", &self.host_keys)
            .field("spool", &self.spool)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for KeyFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyFile").field("path", &self.path).finish_non_exhaustive()
    }
}
