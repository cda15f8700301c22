//! A closed room that is like a container of our image: the binary, the C library and the authorities are there and nothing else, the root is
//! read-only, the user is 65532 without capabilities, and there is a network of its own. So a path that a container is not
//! given, and a library that its image does not have, is found missing here as it would be there.

use std::{
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use crate::said;

/// What `gcr.io/distroless/cc-debian12` has of what the binary asks for; everything else of it is files of data.
const LIBRARIES: [&str; 4] = [
    "/lib/x86_64-linux-gnu/libc.so.6",
    "/lib/x86_64-linux-gnu/libm.so.6",
    "/lib/x86_64-linux-gnu/libgcc_s.so.1",
    "/lib64/ld-linux-x86-64.so.2",
];

pub(crate) const BINARY: &str = "/usr/local/bin/portolan";

pub(crate) struct Room {
    mounts: Vec<(&'static str, PathBuf, String)>,
    folder: tempfile::TempDir,
}

impl Room {
    /// None where this machine gives no namespaces, which is said.
    pub(crate) fn new() -> Option<Self> {
        let mut room = Self { mounts: Vec::new(), folder: tempfile::tempdir().unwrap() };
        if !cfg!(target_arch = "x86_64") {
            println!("SKIPPED: the image is looked into on x86_64 alone");
            return None;
        }
        for library in LIBRARIES {
            room.read(library, Path::new(library));
        }
        room.read("/etc/ssl/certs/ca-certificates.crt", Path::new("/etc/ssl/certs/ca-certificates.crt"));
        room.read(BINARY, Path::new(env!("CARGO_BIN_EXE_portolan")));
        let tried = room.command(&["--version"]).output().expect("tests/install installs bubblewrap");
        let complaint = String::from_utf8_lossy(&tried.stderr);
        if !tried.status.success() && complaint.contains("namespace") {
            println!("SKIPPED: this machine makes no closed room: {complaint}");
            return None;
        }
        assert!(tried.status.success(), "the binary does not start with the image's libraries: {complaint}");
        Some(room)
    }

    /// A file or folder that can be read there.
    pub(crate) fn read(&mut self, at: &str, what: &Path) {
        assert!(what.exists(), "{} is mounted and not there", what.display());
        self.mounts.push(("--ro-bind", what.to_owned(), at.to_owned()));
    }

    /// An empty folder that is the user's.
    pub(crate) fn empty(&mut self, at: &str) -> PathBuf {
        let folder = self.folder.path().join(self.mounts.len().to_string());
        std::fs::create_dir(&folder).unwrap();
        self.mounts.push(("--bind", folder.clone(), at.to_owned()));
        folder
    }

    /// A folder with these files that can be read there.
    pub(crate) fn files(&mut self, at: &str, files: &[(&str, &str)]) {
        let folder = self.empty(at);
        self.mounts.last_mut().unwrap().0 = "--ro-bind";
        for (name, text) in files {
            std::fs::write(folder.join(name), text).unwrap();
        }
    }

    /// `portolan` with these words.
    pub(crate) fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new("bwrap");
        command.args([
            "--unshare-user",
            "--unshare-net",
            "--unshare-ipc",
            "--unshare-uts",
            "--cap-drop",
            "ALL",
        ]);
        command.args([
            "--uid",
            "65532",
            "--gid",
            "65532",
            "--clearenv",
            "--dev",
            "/dev",
            "--die-with-parent",
        ]);
        let mut mounts: Vec<_> = self.mounts.iter().collect();
        // What is mounted within another comes after it.
        mounts.sort_by_key(|(_, _, at)| at.matches('/').count());
        for (how, what, at) in mounts {
            command.arg(how).arg(what).arg(at);
        }
        command.args(["--remount-ro", "/", "--chdir", "/", BINARY]).args(words);
        command
    }

    /// Finds nothing wrong with the configuration that these words of `serve` name.
    #[track_caller]
    pub(crate) fn check(&self, serve: &[&str]) {
        let config = serve.iter().position(|word| *word == "--config").expect("it names a configuration");
        said(&mut self.command(&["check", "--config", serve[config + 1]]));
    }

    /// Starts with these words until it says that it is ready, and ends it in good order.
    #[track_caller]
    pub(crate) fn starts(&self, words: &[&str]) {
        let mut command = self.command(words);
        let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::inherit());
        let mut child = child.spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let first = lines.next().map(Result::unwrap).unwrap_or_default();
        terminate(&child);
        let status = child.wait().unwrap();
        assert!(
            first.starts_with("portolan ") && first.contains(" ready "),
            "{words:?}: {first:?}, {status}"
        );
        assert!(status.success(), "{words:?}: {status}");
    }
}

/// To what runs in the room, which is a process of a process that waits for it.
fn terminate(room: &Child) {
    let mut process = room.id().to_string();
    loop {
        let children = Command::new("pgrep").args(["-P", &process]).output().unwrap();
        match String::from_utf8(children.stdout).unwrap().trim() {
            "" => break,
            child => process = child.to_owned(),
        }
    }
    let sent = Command::new("kill").args(["-TERM", &process]).status().unwrap();
    assert!(sent.success());
}
