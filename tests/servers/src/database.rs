//! A PostgreSQL server of the test's own. `initdb` refuses root, so it runs as the user `postgres`.

use std::{
    io::Write,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use crate::{ServerTls, free_port};

/// A running PostgreSQL server; stopped when dropped, with all its data.
pub struct Database {
    folder: tempfile::TempDir,
    port: u16,
    /// Whether the folder is a disk of its own.
    mounted: bool,
}

impl Database {
    /// Makes a cluster and starts it.
    pub fn start() -> Self {
        Self::start_in(tempfile::tempdir().unwrap(), false)
    }

    /// The same with TLS, and nothing else.
    pub fn start_with(tls: &ServerTls<'_>) -> Self {
        let database = Self::prepare(tempfile::tempdir().unwrap(), false);
        // The server's user reads them, and a key that others can read is refused.
        let files = [
            (&tls.shows.certificate, "server.pem"),
            (&tls.shows.key, "server.key"),
            (&tls.clients.file(), "ca.pem"),
        ];
        for (from, name) in files {
            let mut install = Command::new("install");
            succeed(install.args(["-o", "postgres", "-m", "600"]).arg(from).arg(database.data().join(name)));
        }
        let client = if tls.demands { "clientcert=verify-ca" } else { "" };
        let access = format!("hostssl all all 127.0.0.1/32 trust {client}\n");
        std::fs::write(database.data().join("pg_hba.conf"), access).unwrap();
        database.configure(
            "ssl = on\nssl_cert_file = 'server.pem'\nssl_key_file = 'server.key'\nssl_ca_file = 'ca.pem'\n",
        );
        database.restart();
        database
    }

    /// The same on a disk of so many MiB, in memory: it can be filled. Needs the right to mount.
    pub fn start_on_disk_of(mebibytes: u32) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let size = format!("size={mebibytes}m");
        succeed(Command::new("mount").args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(folder.path()));
        Self::start_in(folder, true)
    }

    fn start_in(folder: tempfile::TempDir, mounted: bool) -> Self {
        let database = Self::prepare(folder, mounted);
        database.restart();
        database
    }

    /// Not started yet.
    fn prepare(folder: tempfile::TempDir, mounted: bool) -> Self {
        let database = Self { folder, port: free_port(), mounted };
        succeed(Command::new("chown").arg("postgres").arg(database.folder.path()));
        let mut initdb = database.command("initdb");
        succeed(
            initdb
                .args(["--auth=trust", "--username=postgres", "--encoding=UTF8", "--no-sync", "-D"])
                .arg(database.data()),
        );
        database.configure("min_wal_size = 32MB\nmax_wal_size = 64MB\n");
        database
    }

    fn configure(&self, settings: &str) {
        let file = self.data().join("postgresql.auto.conf");
        let mut file = std::fs::OpenOptions::new().create(true).append(true).open(file).unwrap();
        file.write_all(settings.as_bytes()).unwrap();
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], self.port))
    }

    /// From now on it says of a commit that it is durable long before it is: to show that a test finds loss.
    pub fn be_careless(&self) {
        let mut psql = self.command("psql");
        psql.args(["-q", "-c", "ALTER SYSTEM SET synchronous_commit = off", "-c", "SELECT pg_reload_conf()"]);
        succeed(psql.arg(self.url()));
        // The process that would write the journal all the same.
        let postmaster = self.postmaster().expect("it runs");
        succeed(Command::new("pkill").args(["-STOP", "-P", &postmaster, "-f", "walwriter"]));
    }

    /// Stops all of its processes where they are: it takes connections, and says nothing on any.
    pub fn freeze(&self) {
        self.signal("-STOP");
    }

    /// They go on.
    pub fn thaw(&self) {
        self.signal("-CONT");
    }

    fn signal(&self, signal: &str) {
        let postmaster = self.postmaster().expect("it runs");
        succeed(Command::new("kill").args([signal, &postmaster]));
        succeed(Command::new("pkill").args([signal, "-P", &postmaster]));
    }

    /// Leaves nothing of its disk ([`Database::start_on_disk_of`]).
    pub fn fill_disk(&self) {
        assert!(self.mounted, "this would fill the machine's own disk");
        let mut file = std::fs::File::create(self.ballast()).unwrap();
        while file.write_all(&[0; 4096]).is_ok() {}
    }

    /// Gives back what [`Database::fill_disk`] took.
    pub fn free_disk(&self) {
        std::fs::remove_file(self.ballast()).unwrap();
    }

    fn ballast(&self) -> PathBuf {
        self.folder.path().join("ballast")
    }

    /// Starts it if it has ended.
    pub fn ensure_running(&self) {
        let status =
            self.command("pg_ctl").arg("-D").arg(self.data()).arg("status").stdout(Stdio::null()).status();
        if !status.unwrap().success() {
            self.restart();
        }
    }

    /// `postgres://...`, of the superuser, without a password.
    pub fn url(&self) -> String {
        format!("postgres://postgres@127.0.0.1:{}/postgres", self.port)
    }

    /// The same by TLS, or not at all.
    pub fn tls_url(&self) -> String {
        format!("postgres://postgres@localhost:{}/postgres?sslmode=require", self.port)
    }

    /// Starts it again over the same data, and waits until it answers.
    pub fn restart(&self) {
        let log = self.folder.path().join("log");
        let options = format!(
            "-p {} -c listen_addresses=127.0.0.1 -c unix_socket_directories='' -c max_connections=200",
            self.port
        );
        let mut start = self.command("pg_ctl");
        start
            .arg("-D")
            .arg(self.data())
            .arg("-l")
            .arg(&log)
            .args(["-w", "-t", "60", "-o", &options, "start"]);
        // What it starts keeps what it inherits open.
        start.stdout(Stdio::null()).stderr(Stdio::null()).stdin(Stdio::null());
        let until = Instant::now() + Duration::from_secs(60);
        while !start.status().unwrap().success() {
            let said = std::fs::read_to_string(&log).unwrap_or_default();
            assert!(Instant::now() < until, "PostgreSQL does not start:\n{said}");
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// SIGKILL to all of its processes.
    pub fn kill(&self) {
        let Some(pid) = self.postmaster() else { return };
        // Its children are no group of its own. It goes first, so that it starts nothing anew.
        let children = Command::new("pgrep").args(["-P", &pid]).output().unwrap().stdout;
        let children = String::from_utf8_lossy(&children).into_owned();
        let mut kill = Command::new("kill");
        kill.args(["-KILL", &pid]).args(children.split_whitespace());
        let _ = kill.stderr(Stdio::null()).status();
    }

    fn postmaster(&self) -> Option<String> {
        let file = std::fs::read_to_string(self.data().join("postmaster.pid")).ok()?;
        file.lines().next().map(str::to_owned)
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn command(&self, name: &str) -> Command {
        let mut command = Command::new("runuser");
        command.args(["-u", "postgres", "--"]).arg(programs().join(name)).current_dir(self.folder.path());
        command
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        let mut stop = self.command("pg_ctl");
        stop.arg("-D").arg(self.data()).args(["-m", "immediate", "-W", "stop"]);
        let _ = stop.stdout(Stdio::null()).stderr(Stdio::null()).status();
        if self.mounted {
            let _ = Command::new("umount").arg("-l").arg(self.folder.path()).status();
        }
    }
}

/// Debian keeps a server's programs in a folder by version.
fn programs() -> PathBuf {
    let versions = std::fs::read_dir("/usr/lib/postgresql").expect("tests/install installs PostgreSQL");
    let newest = versions.filter_map(Result::ok).map(|entry| entry.path().join("bin"));
    newest.filter(|bin| bin.join("initdb").exists()).max().unwrap_or_else(|| Path::new("/usr/bin").to_owned())
}

fn succeed(command: &mut Command) {
    let output = command.stdin(Stdio::null()).output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}
