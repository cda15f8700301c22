//! Folders on a real OpenSSH server: what is taken and when, by whom, and what is left when the connection is cut.
#![allow(clippy::unwrap_used, reason = "a test that fails may panic")]
#![allow(clippy::disallowed_methods, reason = "tests wait for processes")]

mod cut;
mod door;
mod put;
mod take;

use std::{
    collections::BTreeSet,
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    time::Duration,
};

use portolan_batch::{Claim, Complete, Folder, FolderOptions, HostKeys, KeyFile, Look, Pattern, SftpOptions};
use portolan_delivery::Timestamp;
use portolan_test_servers::Sshd;
use tempfile::TempDir;
use tokio::runtime::Runtime;

/// 2026-11-29T21:30:00Z.
const NOW: Timestamp = Timestamp(1_795_987_800_000_000);

/// A server with a folder `in`, and what a gateway has to reach it.
struct Site {
    server: Sshd,
    spool: TempDir,
    runtime: Runtime,
}

impl Site {
    fn new() -> Self {
        Self::with(Sshd::start())
    }

    fn with(server: Sshd) -> Self {
        fs::create_dir(server.files().join("in")).unwrap();
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        Self { server, spool: tempfile::tempdir().unwrap(), runtime: runtime.unwrap() }
    }

    fn at(&self, name: &str) -> PathBuf {
        self.server.files().join("in").join(name)
    }

    fn put(&self, name: &str, content: impl AsRef<[u8]>) {
        fs::write(self.at(name), content).unwrap();
    }

    fn sftp(&self, address: SocketAddr) -> SftpOptions {
        SftpOptions {
            host: address.ip().to_string(),
            port: address.port(),
            user: self.server.user(),
            key: Some(KeyFile { path: self.server.key(), passphrase: None }),
            password: None,
            host_keys: HostKeys::Fingerprints(vec![self.server.fingerprint()]),
            spool: self.spool.path().join("spool"),
            timeout: Duration::from_secs(30),
        }
    }

    fn options(&self, complete: Complete) -> FolderOptions {
        let sftp = Some(Box::new(self.sftp(self.server.address())));
        FolderOptions { complete, sftp, ..FolderOptions::new("in") }
    }

    fn open(&self, complete: Complete) -> Folder {
        self.open_with(self.options(complete))
    }

    /// By a way of its own to the server.
    fn open_by(&self, address: SocketAddr) -> Folder {
        let sftp = Some(Box::new(self.sftp(address)));
        self.open_with(FolderOptions { sftp, ..FolderOptions::new("in") })
    }

    fn open_with(&self, options: FolderOptions) -> Folder {
        self.try_open(options).unwrap()
    }

    fn try_open(&self, options: FolderOptions) -> Result<Folder, portolan_batch::FolderError> {
        let _in = self.runtime.enter();
        Folder::open(options)
    }

    /// The files on the server, below its folder, hidden ones too.
    fn files(&self) -> BTreeSet<String> {
        fn walk(root: &Path, folder: &Path, found: &mut BTreeSet<String>) {
            for entry in fs::read_dir(folder).unwrap().flatten() {
                match entry.file_type().unwrap().is_dir() {
                    true => walk(root, &entry.path(), found),
                    false => {
                        let path = entry.path();
                        found.insert(path.strip_prefix(root).unwrap().to_string_lossy().into_owned());
                    }
                }
            }
        }
        let mut found = BTreeSet::new();
        walk(&self.at(""), &self.at(""), &mut found);
        found
    }

    /// Nothing is left of what was on its way.
    fn spool_is_empty(&self) -> bool {
        fs::read_dir(self.spool.path().join("spool")).unwrap().next().is_none()
    }
}

fn patterns(texts: &[&str]) -> Vec<Pattern> {
    texts.iter().map(|text| text.parse().unwrap()).collect()
}

fn look_at(folder: &mut Folder, now: Timestamp) -> Look {
    folder.look(&patterns(&["*"]), now).unwrap()
}

fn look(folder: &mut Folder) -> Look {
    look_at(folder, NOW)
}

fn names(look: &Look) -> Vec<&str> {
    look.candidates.iter().map(|candidate| &*candidate.name).collect()
}

fn claim(folder: &mut Folder, name: &str) -> Claim {
    let found = look(folder).candidates;
    let candidate = found.iter().find(|candidate| &*candidate.name == name).expect("it is complete");
    folder.claim(candidate, "gw-1").unwrap().expect("nobody else takes it")
}

fn content(claim: &Claim) -> Vec<u8> {
    let mut content = Vec::new();
    std::io::Read::read_to_end(&mut claim.open().unwrap(), &mut content).unwrap();
    content
}

/// Bytes that are nowhere alike.
fn noise(length: usize) -> Vec<u8> {
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    };
    std::iter::repeat_with(&mut next).flatten().take(length).collect()
}

fn sha256(content: &[u8]) -> [u8; 32] {
    use sha2::Digest as _;
    sha2::Sha256::digest(content).into()
}

fn set<const N: usize>(names: [&str; N]) -> BTreeSet<String> {
    names.map(str::to_owned).into()
}
