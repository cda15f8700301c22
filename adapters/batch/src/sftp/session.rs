//! A connection that is logged in: to the server that it should be, and to no other.

use std::{borrow::Cow, io, sync::Arc, time::Duration};

use russh::{
    ChannelMsg, Preferred,
    client::{self, AuthResult, Handle, Handler},
    keys::{Algorithm, HashAlg, PrivateKeyWithHashAlg, PublicKey, PublicKeyOrCertificate},
};
use russh_sftp::{
    client::{Config as SftpConfig, RawSftpSession, error::Error as SftpError},
    extensions,
};
use tokio::{net::TcpStream, time::timeout};

use super::{
    SftpOptions,
    options::{KeyFile, Known},
};
use crate::FolderError;

/// Asked whether it is still there after so long a silence; after three without an answer it is not.
const SILENCE: Duration = Duration::from_secs(15);

/// A connection.
pub(crate) struct Session {
    /// Dropped, it ends the connection.
    _ssh: Handle<Door>,
    pub(crate) sftp: RawSftpSession,
    /// It renames over what has the name (`posix-rename@openssh.com`).
    pub(crate) renames_over: bool,
    /// `fsync@openssh.com`
    pub(crate) syncs: bool,
    /// `statvfs@openssh.com`
    pub(crate) tells_room: bool,
}

impl Session {
    /// Connects and logs in.
    pub(crate) async fn open(options: &SftpOptions) -> Result<Self, FolderError> {
        let within = options.timeout;
        let opened = timeout(within, Self::opened(options)).await;
        opened.unwrap_or_else(|_| {
            Err(FolderError::Away {
                said: format!("the SFTP server has let nobody in within {within:?}"),
                todo: "look whether a firewall swallows the packets, and whether the server is well",
            })
        })
    }

    async fn opened(options: &SftpOptions) -> Result<Self, FolderError> {
        let known = options.host_keys.known(&options.host, options.port).map_err(denied)?;
        let socket = TcpStream::connect((&*options.host, options.port)).await.map_err(unconnected)?;
        // What waits for an answer is not to be gathered.
        socket.set_nodelay(true).map_err(unconnected)?;
        let mut preferred = Preferred::default();
        if let Known::Keys(keys) = &known {
            preferred.key = Cow::Owned(shown_first(keys, &preferred.key));
        }
        let config = client::Config {
            preferred,
            keepalive_interval: Some(SILENCE),
            nodelay: true,
            ..client::Config::default()
        };
        let mut ssh = client::connect_stream(Arc::new(config), socket, Door { known }).await.map_err(shut)?;
        log_in(&mut ssh, options).await?;
        let mut channel = ssh.channel_open_session().await.map_err(|error| shut(error.into()))?;
        channel.request_subsystem(true, "sftp").await.map_err(|error| shut(error.into()))?;
        loop {
            match channel.wait().await {
                Some(ChannelMsg::Success) => break,
                Some(ChannelMsg::WindowAdjusted { .. }) => {}
                _ => {
                    let todo = "have the server's owner give it the subsystem `sftp`".to_owned();
                    return Err(FolderError::Denied {
                        said: "the server has let the user in, and offers no SFTP".to_owned(),
                        todo,
                    });
                }
            }
        }
        let config =
            SftpConfig { request_timeout_secs: options.timeout.as_secs().max(1), ..SftpConfig::default() };
        let sftp = RawSftpSession::new_with_config(channel.into_stream(), config);
        let offered = sftp.init().await.map_err(|error| lost(&error))?.extensions;
        let offers = |name: &str, version: &str| offered.get(name).is_some_and(|offered| offered == version);
        let (renames_over, syncs) = (offers(RENAME_OVER, "1"), offers(extensions::FSYNC, "1"));
        Ok(Self { _ssh: ssh, sftp, renames_over, syncs, tells_room: offers(extensions::STATVFS, "2") })
    }
}

/// An extension that the library does not know.
pub(crate) const RENAME_OVER: &str = "posix-rename@openssh.com";

/// The connection is no more.
pub(crate) fn lost(error: &SftpError) -> FolderError {
    let said = match error {
        SftpError::Timeout => "the SFTP server has not answered in time",
        SftpError::UnexpectedPacket | SftpError::Limited(_) => {
            "the SFTP server has answered what makes no sense"
        }
        _ => "the connection to the SFTP server was cut",
    };
    FolderError::Away { said: said.to_owned(), todo: "it is connected anew, and nothing is lost" }
}

fn denied(error: impl ToString) -> FolderError {
    FolderError::Denied { said: error.to_string(), todo: "see the system's `sftp`".to_owned() }
}

fn unconnected(error: io::Error) -> FolderError {
    let (said, todo) = match error.kind() {
        io::ErrorKind::ConnectionRefused => {
            ("the connection to the SFTP server was refused", "is it up, and is `port` right?")
        }
        io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable => {
            ("there is no way to the SFTP server", "look into the machine's network")
        }
        // A name server says so in ways of its own.
        _ if error.raw_os_error().is_none() => {
            ("the SFTP server's name has no address", "see `host`, and the machine's DNS")
        }
        _ => ("the SFTP server cannot be reached", "look into the machine's network"),
    };
    FolderError::Away { said: said.to_owned(), todo }
}

/// The algorithms of keys that are known, so that the server shows one of those.
fn shown_first(known: &[PublicKey], all: &[Algorithm]) -> Vec<Algorithm> {
    let is_of = |key: &PublicKey, shown: &Algorithm| {
        key.algorithm() == *shown || key.algorithm().is_rsa() && matches!(shown, Algorithm::Rsa { .. })
    };
    let shown: Vec<_> =
        all.iter().filter(|shown| known.iter().any(|key| is_of(key, shown))).cloned().collect();
    // Where none is known, one is to be seen, to be told.
    if shown.is_empty() { all.to_vec() } else { shown }
}

/// Who is let past by the key that it shows.
struct Door {
    known: Known,
}

/// Why it was not come in.
#[derive(Debug)]
enum Shut {
    /// Another key.
    Key(Box<str>),
    Ssh(russh::Error),
}

impl From<russh::Error> for Shut {
    fn from(error: russh::Error) -> Self {
        Self::Ssh(error)
    }
}

impl Handler for Door {
    type Error = Shut;

    async fn check_server_key(&mut self, shown: &PublicKeyOrCertificate) -> Result<bool, Shut> {
        let key = shown.public_key();
        let fingerprint = key.fingerprint(HashAlg::Sha256);
        let known = match &self.known {
            Known::Fingerprints(known) => known.contains(&fingerprint),
            Known::Keys(known) => known.iter().any(|known| known.key_data() == key.key_data()),
        };
        match known {
            true => Ok(true),
            false => Err(Shut::Key(format!("{fingerprint} ({})", key.algorithm()).into())),
        }
    }
}

fn shut(why: Shut) -> FolderError {
    let away = |said: &str, todo| FolderError::Away { said: said.to_owned(), todo };
    match why {
        Shut::Key(seen) => FolderError::Denied {
            said: format!("the server shows a host key that is not known: {seen}"),
            todo: "if its owner says that this is its key, name that as `host-key` or write it into `known-hosts`; else somebody stands between".to_owned(),
        },
        Shut::Ssh(russh::Error::NoCommonAlgo { kind, theirs, .. }) => FolderError::Denied {
            said: format!("the server offers no algorithm ({kind:?}) that is safe, only {}", theirs.join(", ")),
            todo: "have its owner allow a newer one".to_owned(),
        },
        Shut::Ssh(russh::Error::Version) => away("what answers there is no SSH server", "see `host` and `port`"),
        Shut::Ssh(_) => {
            away("the server has ended the connection before it let anybody in", "ask its owner what its log says of it")
        }
    }
}

async fn log_in(ssh: &mut Handle<Door>, options: &SftpOptions) -> Result<(), FolderError> {
    let failed = |error: russh::Error| shut(error.into());
    let mut refused = None;
    if let Some(key) = &options.key {
        let by_key = with_key(ssh, key, &options.user).await?;
        match by_key {
            AuthResult::Success => return Ok(()),
            AuthResult::Failure { remaining_methods, partial_success } => {
                refused = Some(("key", remaining_methods, partial_success));
            }
        }
    }
    if let Some(password) = &options.password {
        match ssh.authenticate_password(&*options.user, &**password).await.map_err(failed)? {
            AuthResult::Success => return Ok(()),
            AuthResult::Failure { remaining_methods, partial_success } => {
                refused = Some(("password", remaining_methods, partial_success));
            }
        }
    }
    // A connection that was cut is told as a refusal.
    if ssh.is_closed() {
        return Err(shut(russh::Error::Disconnect.into()));
    }
    let Some((what, takes, enough)) = refused else { return Err(denied(super::SftpOptionsError::NoLogin)) };
    let takes: Vec<&str> = takes.iter().map(Into::into).collect();
    let takes = if takes.is_empty() { "nothing else".to_owned() } else { takes.join(", ") };
    let said = match enough {
        true => format!("the server has taken the {what}, and wants more besides: {takes}"),
        false => format!("the server does not let the user in by this {what}; it takes {takes}"),
    };
    let todo = match what {
        "key" => "see `user` and `key`, and whether the server's owner has the public key",
        _ => "see `user` and `password`",
    };
    Err(FolderError::Denied { said, todo: todo.to_owned() })
}

async fn with_key(ssh: &mut Handle<Door>, key: &KeyFile, user: &str) -> Result<AuthResult, FolderError> {
    let failed = |error: russh::Error| shut(error.into());
    let key = key.read().map_err(denied)?;
    let hash = match key.algorithm().is_rsa() {
        // SHA-1, which is the default, is refused nowadays.
        true => ssh.best_supported_rsa_hash().await.map_err(failed)?.unwrap_or(Some(HashAlg::Sha256)),
        false => None,
    };
    let key = PrivateKeyWithHashAlg::new(Arc::new(key), hash);
    ssh.authenticate_publickey(user, key).await.map_err(failed)
}
