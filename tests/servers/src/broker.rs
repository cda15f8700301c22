//! A RabbitMQ node of the test's own: its data, its Erlang cookie and its port mapper (`epmd`) are nobody else's.

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
const START: Duration = Duration::from_secs(60);

/// A running RabbitMQ node; killed when dropped, with all its data.
pub struct Broker {
    folder: tempfile::TempDir,
    node: String,
    port: u16,
    distribution: u16,
    mapper_port: u16,
    /// Started by us and in the foreground, so that it ends with us. Erlang would leave a daemon behind.
    mapper: Mutex<Child>,
    server: Mutex<Option<Child>>,
}

impl Broker {
    /// Starts an empty node, and waits until it answers.
    pub fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (port, distribution, mapper_port) = (free_port(), free_port(), free_port());
        let mut epmd = Command::new("epmd");
        epmd.args(["-address", "127.0.0.1", "-port", &mapper_port.to_string()]).process_group(0);
        let mapper = quiet(&mut epmd).spawn().expect("tests/install installs RabbitMQ");
        let node = format!("portolan-{}-{port}@localhost", std::process::id());
        let broker = Self {
            folder,
            node,
            port,
            distribution,
            mapper_port,
            mapper: Mutex::new(mapper),
            server: Mutex::default(),
        };
        broker.write_configuration();
        broker.restart();
        broker
    }

    /// `amqp://...`, of the administrator.
    pub fn url(&self) -> String {
        format!("amqp://guest:guest@127.0.0.1:{}/%2f", self.port)
    }

    /// SIGKILL to all of its processes.
    pub fn kill(&self) {
        if let Some(server) = self.server().take() {
            kill_group(server);
        }
        // Its port is free again once the kernel has taken the process apart.
        let until = Instant::now() + Duration::from_secs(10);
        while TcpStream::connect(self.address()).is_ok() && Instant::now() < until {
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Starts it again over the same data, and waits until it answers.
    pub fn restart(&self) {
        self.kill();
        let log = fs::OpenOptions::new().create(true).append(true).open(self.output()).unwrap();
        let mut server = self.command("rabbitmq-server");
        server.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log).process_group(0);
        *self.server() = Some(server.spawn().unwrap());
        let until = Instant::now() + START;
        while !self.answers() {
            let ended = self.server().as_mut().is_none_or(|server| server.try_wait().unwrap().is_some());
            assert!(!ended && Instant::now() < until, "RabbitMQ does not start:\n{}", self.said());
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// What `rabbitmqctl` says to these arguments.
    pub fn ctl(&self, args: &[&str]) -> String {
        let output = self.command("rabbitmqctl").args(["-q", "-n", &self.node]).args(args).output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(
            output.status.success(),
            "rabbitmqctl {args:?}: {said}{}",
            String::from_utf8_lossy(&output.stderr)
        );
        said
    }

    fn write_configuration(&self) {
        let folder = self.folder.path();
        let cookie = folder.join(".erlang.cookie");
        // A cookie that others can read is refused. It guards nothing: all is on 127.0.0.1, for the length of a test.
        fs::write(&cookie, format!("PORTOLAN{}{}", std::process::id(), self.port)).unwrap();
        fs::set_permissions(&cookie, fs::Permissions::from_mode(0o400)).unwrap();
        let configuration =
            format!("listeners.tcp.1 = 127.0.0.1:{}\ndisk_free_limit.absolute = 1MB\n", self.port);
        fs::write(folder.join("rabbitmq.conf"), configuration).unwrap();
        fs::write(folder.join("enabled_plugins"), "[].\n").unwrap();
        fs::create_dir(folder.join("conf.d")).unwrap();
    }

    /// One of RabbitMQ's own scripts; those in /usr/sbin change to the user `rabbitmq`.
    fn command(&self, script: &str) -> Command {
        let folder = self.folder.path();
        let mut command = Command::new(programs().join(script));
        command
            .current_dir(folder)
            .env("HOME", folder)
            .env("ERL_EPMD_PORT", self.mapper_port.to_string())
            .env("RABBITMQ_NODENAME", &self.node)
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
    fn answers(&self) -> bool {
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

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], self.port))
    }

    fn server(&self) -> std::sync::MutexGuard<'_, Option<Child>> {
        self.server.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        self.kill();
        let mapper = self.mapper.get_mut().unwrap_or_else(PoisonError::into_inner);
        let _ = mapper.kill();
        let _ = mapper.wait();
    }
}

/// Kills a child and what it started, and waits for the child. The group is its own (`process_group(0)`).
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
