//! A RabbitMQ node of the test's own: its data and its ports are nobody else's.

use std::{
    fs,
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    os::unix::{fs::PermissionsExt, process::CommandExt},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use crate::free_port;

/// Within this it answers, or the test fails.
const START: Duration = Duration::from_secs(120);

/// What maps names of nodes to ports (`epmd`): started by us and in the foreground, so that it ends with us. Erlang would
/// leave a daemon behind.
pub(crate) struct Mapper {
    process: Mutex<Option<Child>>,
    port: u16,
}

impl Mapper {
    pub(crate) fn start() -> Self {
        let port = free_port();
        let mut epmd = Command::new("epmd");
        epmd.args(["-address", "127.0.0.1", "-port", &port.to_string()]);
        let process = quiet(&mut watched(&epmd)).spawn().unwrap();
        Self { process: Mutex::new(Some(process)), port }
    }
}

impl Drop for Mapper {
    fn drop(&mut self) {
        if let Some(process) = self.process.get_mut().unwrap_or_else(PoisonError::into_inner).take() {
            kill_group(process);
        }
    }
}

/// A node; killed when dropped, with all its data.
pub(crate) struct Node {
    folder: tempfile::TempDir,
    pub(crate) name: String,
    port: u16,
    distribution: u16,
    mapper_port: u16,
    server: Mutex<Option<Child>>,
}

impl Node {
    /// Not started yet. `configuration` is added to its own.
    pub(crate) fn new(mapper: &Mapper, configuration: &str) -> Self {
        let (port, distribution) = (free_port(), free_port());
        let name = format!("portolan-{}-{port}@localhost", std::process::id());
        let folder = tempfile::tempdir().unwrap();
        let node =
            Self { folder, name, port, distribution, mapper_port: mapper.port, server: Mutex::default() };
        node.write_configuration(configuration);
        node
    }

    /// `127.0.0.1` and its port.
    pub(crate) fn address(&self) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], self.port))
    }

    /// SIGKILL to all of its processes.
    pub(crate) fn kill(&self) {
        if let Some(server) = self.server().take() {
            kill_group(server);
        }
        // Its port is free again once the kernel has taken the process apart.
        let until = Instant::now() + Duration::from_secs(10);
        while TcpStream::connect(self.address()).is_ok() && Instant::now() < until {
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// A signal to all of its processes.
    pub(crate) fn signal(&self, name: &str) {
        let group = self.server().as_ref().map(|server| format!("-{}", server.id())).expect("it runs");
        let sent = quiet(Command::new("kill").args([&format!("-{name}"), "--", &group])).status().unwrap();
        assert!(sent.success(), "no process to send {name} to");
    }

    /// Starts it, over the data that it has.
    pub(crate) fn start(&self) {
        self.kill();
        let log = fs::OpenOptions::new().create(true).append(true).open(self.output()).unwrap();
        let mut server = watched(&self.command("rabbitmq-server"));
        server.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
        *self.server() = Some(server.spawn().unwrap());
    }

    /// Waits until it answers.
    pub(crate) fn started(&self) {
        let until = Instant::now() + START;
        while !self.answers() {
            let ended = self.server().as_mut().is_none_or(|server| server.try_wait().unwrap().is_some());
            assert!(!ended && Instant::now() < until, "RabbitMQ does not start:\n{}", self.said());
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// What `rabbitmqctl` says to these arguments.
    pub(crate) fn ctl(&self, args: &[&str]) -> String {
        let output = self.command("rabbitmqctl").args(["-q", "-n", &self.name]).args(args).output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(
            output.status.success(),
            "rabbitmqctl {args:?}: {said}{}",
            String::from_utf8_lossy(&output.stderr)
        );
        said
    }

    fn write_configuration(&self, more: &str) {
        let folder = self.folder.path();
        let cookie = folder.join(".erlang.cookie");
        // A cookie that others can read is refused. It guards nothing: all is on 127.0.0.1, for the length of a test.
        fs::write(&cookie, format!("PORTOLAN{}{}", std::process::id(), self.mapper_port)).unwrap();
        fs::set_permissions(&cookie, fs::Permissions::from_mode(0o400)).unwrap();
        let configuration =
            format!("listeners.tcp.1 = 127.0.0.1:{}\ndisk_free_limit.absolute = 1MB\n{more}", self.port);
        fs::write(folder.join("rabbitmq.conf"), configuration).unwrap();
        fs::write(folder.join("enabled_plugins"), "[].\n").unwrap();
        fs::create_dir(folder.join("conf.d")).unwrap();
    }

    /// One of RabbitMQ's own scripts; those in /usr/sbin change to the user `rabbitmq`.
    fn command(&self, script: &str) -> Command {
        self.script(&programs().join(script))
    }

    /// Any script, which finds RabbitMQ's own first, and this node by them.
    pub(crate) fn script(&self, script: &Path) -> Command {
        let folder = self.folder.path();
        let mut path = programs().into_os_string();
        path.push(":");
        path.push(std::env::var_os("PATH").unwrap_or_default());
        let mut command = Command::new(script);
        command
            .env("PATH", path)
            .current_dir(folder)
            .env("HOME", folder)
            .env("ERL_EPMD_PORT", self.mapper_port.to_string())
            .env("RABBITMQ_NODENAME", &self.name)
            .env("RABBITMQ_NODE_PORT", self.port.to_string())
            .env("RABBITMQ_DIST_PORT", self.distribution.to_string())
            .env("RABBITMQ_MNESIA_BASE", folder.join("data"))
            .env("RABBITMQ_LOG_BASE", folder.join("log"))
            .env("RABBITMQ_PID_FILE", folder.join("pid"))
            .env("RABBITMQ_ENABLED_PLUGINS_FILE", folder.join("enabled_plugins"))
            .env("RABBITMQ_CONFIG_FILE", folder.join("rabbitmq.conf"))
            .env("RABBITMQ_CONFIG_FILES", folder.join("conf.d"))
            // The machine's own settings are not the test's.
            .env("RABBITMQ_CONF_ENV_FILE", folder.join("no-such-file"))
            .env("RABBITMQ_ADVANCED_CONFIG_FILE", folder.join("no-such-file"))
            .env("RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS", "+S 2:2 -kernel inet_dist_use_interface {127,0,0,1}");
        command
    }

    /// Whether it speaks AMQP: the listener is the last that a node starts.
    pub(crate) fn answers(&self) -> bool {
        let Ok(mut stream) = TcpStream::connect(self.address()) else { return false };
        let mut first = [0];
        let asked = stream
            .set_read_timeout(Some(Duration::from_secs(2)))
            .and_then(|()| stream.write_all(b"AMQP\0\0\x09\x01"))
            .and_then(|()| stream.read_exact(&mut first));
        // A method frame: `connection.start`.
        asked.is_ok() && first == [1]
    }

    fn said(&self) -> String {
        let said = fs::read_to_string(self.output()).unwrap_or_default();
        let lines: Vec<_> = said.lines().collect();
        lines[lines.len().saturating_sub(40)..].join("\n")
    }

    fn output(&self) -> PathBuf {
        self.folder.path().join("output")
    }

    fn server(&self) -> std::sync::MutexGuard<'_, Option<Child>> {
        self.server.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.kill();
    }
}

/// The command in a group of its own, which ends with it, and when this process is gone, whatever ended it.
fn watched(command: &Command) -> Command {
    let script =
        "\"$0\" \"$@\" & while kill -0 $! && kill -0 $TEST; do sleep 1; done 2>/dev/null; kill -KILL 0";
    let mut watched = Command::new("sh");
    watched.args(["-c", script]).arg(command.get_program()).args(command.get_args());
    watched.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    watched.env("TEST", std::process::id().to_string()).process_group(0);
    if let Some(folder) = command.get_current_dir() {
        watched.current_dir(folder);
    }
    watched
}

/// Kills a child and what it started, and waits for the child. The group is its own ([`watched`]).
fn kill_group(mut child: Child) {
    let group = format!("-{}", child.id());
    let _ = quiet(Command::new("kill").args(["-KILL", "--", &group])).status();
    let _ = child.kill();
    let _ = child.wait();
}

fn quiet(command: &mut Command) -> &mut Command {
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null())
}

/// RabbitMQ keeps its scripts in a folder by version.
fn programs() -> PathBuf {
    let versions = fs::read_dir("/usr/lib/rabbitmq/lib").expect("tests/install installs RabbitMQ");
    let newest = versions.filter_map(Result::ok).map(|entry| entry.path().join("sbin"));
    newest
        .filter(|sbin| sbin.join("rabbitmq-server").exists())
        .max()
        .unwrap_or_else(|| Path::new("/usr/lib/rabbitmq/bin").to_owned())
}
