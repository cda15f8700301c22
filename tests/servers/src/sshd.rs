//! An OpenSSH server that offers SFTP, for the user of the test alone.

use std::{
    fs,
    net::{SocketAddr, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use crate::free_port;

/// A running server; ended when dropped, with all its data.
pub struct Sshd {
    folder: tempfile::TempDir,
    port: u16,
    child: Child,
}

impl Sshd {
    /// Starts one that lets this user in by [`Sshd::key`], and waits until it listens.
    ///
    /// # Panics
    /// Where it does not start.
    pub fn start() -> Self {
        Self::start_with("")
    }

    /// The same with more lines of configuration.
    ///
    /// # Panics
    /// Where it does not start.
    pub fn start_with(more: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        for name in ["host_key", "id_ed25519", "other_key"] {
            let mut keygen = Command::new("ssh-keygen");
            let made =
                keygen.args(["-q", "-t", "ed25519", "-N", "", "-C", "test", "-f"]).arg(at(name)).status();
            assert!(made.expect("ssh-keygen is there").success());
        }
        fs::copy(at("id_ed25519.pub"), at("authorized_keys")).unwrap();
        fs::create_dir(at("files")).unwrap();
        // As root it separates what strangers talk to, and wants this folder for that.
        let _ = fs::create_dir_all("/run/sshd");
        let port = free_port();
        let configuration = format!(
            "Port {port}\nListenAddress 127.0.0.1\nHostKey {0}/host_key\nAuthorizedKeysFile {0}/authorized_keys\n\
             PidFile none\nUsePAM no\nStrictModes no\nPermitRootLogin yes\nKbdInteractiveAuthentication no\n\
             MaxStartups 1000\nMaxSessions 1000\n{more}\nSubsystem sftp internal-sftp -d {0}/files\n",
            folder.path().display()
        );
        fs::write(at("sshd_config"), configuration).unwrap();
        let log = fs::File::create(at("log")).unwrap();
        // It starts itself anew for each connection, and wants to know where it is.
        let child = Command::new("/usr/sbin/sshd")
            .args(["-D", "-e", "-f"])
            .arg(at("sshd_config"))
            .stdin(Stdio::null())
            .stderr(log)
            .spawn()
            .expect("sshd is there: tests/install brings it");
        let server = Self { folder, port, child };
        let begun = Instant::now();
        while TcpStream::connect(server.address()).is_err() {
            assert!(begun.elapsed() < Duration::from_secs(30), "sshd does not start:\n{}", server.log());
            std::thread::sleep(Duration::from_millis(20));
        }
        server
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], self.port))
    }

    /// Its folder `files`, where a user is after the login.
    pub fn files(&self) -> PathBuf {
        self.folder.path().join("files")
    }

    /// The private key that it lets in.
    pub fn key(&self) -> PathBuf {
        self.folder.path().join("id_ed25519")
    }

    /// A private key that it knows nothing of.
    pub fn other_key(&self) -> PathBuf {
        self.folder.path().join("other_key")
    }

    /// The user of the test.
    ///
    /// # Panics
    /// Where he has no name.
    pub fn user(&self) -> String {
        output(Command::new("id").arg("-un")).trim().to_owned()
    }

    /// Of its key: `SHA256:...`.
    ///
    /// # Panics
    /// Where `ssh-keygen` does not say it.
    pub fn fingerprint(&self) -> String {
        fingerprint(&self.folder.path().join("host_key.pub"))
    }

    /// The fingerprint of another key.
    ///
    /// # Panics
    /// Where `ssh-keygen` does not say it.
    pub fn other_fingerprint(&self) -> String {
        fingerprint(&self.folder.path().join("other_key.pub"))
    }

    /// A line of a file of known hosts, for the address that it listens at.
    ///
    /// # Panics
    /// Where its key cannot be read.
    pub fn known_host(&self) -> String {
        let key = fs::read_to_string(self.folder.path().join("host_key.pub")).unwrap();
        format!("[127.0.0.1]:{} {key}", self.port)
    }

    /// How many processes serve connections.
    pub fn sessions(&self) -> usize {
        below(self.child.id()).len()
    }

    /// SIGKILL to all that serve connections; it goes on to listen. How many they were.
    pub fn kill_sessions(&self) -> usize {
        let found = below(self.child.id());
        for id in &found {
            let _ = Command::new("kill").args(["-KILL", &id.to_string()]).stderr(Stdio::null()).status();
        }
        found.len()
    }

    /// What it has said.
    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }
}

impl Drop for Sshd {
    fn drop(&mut self) {
        self.kill_sessions();
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The processes that a process has started, and theirs.
fn below(process: u32) -> Vec<u32> {
    let children = fs::read_to_string(format!("/proc/{process}/task/{process}/children")).unwrap_or_default();
    let children = children.split_whitespace().filter_map(|id| id.parse().ok());
    children.flat_map(|id| [vec![id], below(id)].concat()).collect()
}

fn fingerprint(public_key: &Path) -> String {
    let said = output(Command::new("ssh-keygen").arg("-lf").arg(public_key));
    said.split_whitespace().nth(1).expect("the second word is the fingerprint").to_owned()
}

fn output(command: &mut Command) -> String {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}");
    String::from_utf8(output.stdout).unwrap()
}
