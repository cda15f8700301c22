//! `portolan serve` in a folder of its own, and the other commands beside it.

use std::{
    fs,
    io::{BufRead, BufReader, Read},
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Output, Stdio},
    sync::{Arc, Mutex, mpsc},
    time::{Duration, Instant},
};

use super::{binary, repository};

/// A folder with `portolan.yaml` and mappings; its database lives as long as it does, through any number of gateways.
pub(crate) struct House {
    folder: tempfile::TempDir,
    systems: String,
    settings: String,
}

impl House {
    /// With a copy of these folders of the repository as mappings.
    pub(crate) fn new(folders: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for from in folders {
            let name = Path::new(from).file_name().unwrap();
            let to = folder.path().join("mappings").join(name);
            fs::create_dir_all(&to).unwrap();
            for entry in fs::read_dir(repository().join(from)).unwrap() {
                let path = entry.unwrap().path();
                if path.is_file() {
                    fs::copy(&path, to.join(path.file_name().unwrap())).unwrap();
                }
            }
        }
        let house = Self { folder, systems: String::new(), settings: String::new() };
        house.write();
        house
    }

    /// With the orders of `routes/orders`, whose system listens at `address`.
    pub(crate) fn orders(address: SocketAddr) -> Self {
        let mut house = Self::new(&["tests/gateway/routes/orders"]);
        house.system("orders", &format!("endpoint: 'http://{address}/soap', max-concurrency: 64"));
        house
    }

    /// Adds the same routes in the package `test.NAME.v1`, whose system listens at `address`.
    pub(crate) fn orders_too(&mut self, name: &str, address: SocketAddr) {
        fs::create_dir(self.path(&format!("mappings/{name}"))).unwrap();
        for file in ["orders.proto", "orders.wsdl", "orders.yaml"] {
            let text =
                fs::read_to_string(repository().join("tests/gateway/routes/orders").join(file)).unwrap();
            let text = text.replace("test.orders.v1", &format!("test.{name}.v1"));
            let text = text.replace("system: orders", &format!("system: {name}"));
            let text = text.replace("route: orders.", &format!("route: {name}."));
            fs::write(self.path(&format!("mappings/{name}/{file}")), text).unwrap();
        }
        self.system(name, &format!("endpoint: 'http://{address}/soap', max-concurrency: 64"));
    }

    /// Changes the mapping of the orders; a running gateway has to be told.
    pub(crate) fn remap(&self, from: &str, to: &str) {
        let path = self.path("mappings/orders/orders.yaml");
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.contains(from), "the mapping has no {from}");
        fs::write(path, text.replace(from, to)).unwrap();
    }

    /// Adds a system, or replaces it: the keys of its `soap`, as YAML writes them in one line.
    pub(crate) fn system(&mut self, name: &str, soap: &str) {
        let line = format!("  {name}: {{ soap: {{ {soap} }} }}\n");
        let begins = format!("  {name}: ");
        let others: String =
            self.systems.lines().filter(|l| !l.starts_with(&begins)).map(|l| format!("{l}\n")).collect();
        self.systems = others + &line;
        self.write();
    }

    /// The same of a system that speaks something else: what it has, as YAML writes it in one line.
    pub(crate) fn party(&mut self, name: &str, kind: &str) {
        self.systems.push_str(&format!("  {name}: {{ {kind} }}\n"));
        self.write();
    }

    /// Says how a system may be asked: `breaker: off`, as YAML writes it in one line.
    pub(crate) fn bears(&mut self, name: &str, keys: &str) {
        let begins = format!("  {name}: ");
        let line = |line: &str| match line.strip_suffix(" }") {
            Some(whole) if line.starts_with(&begins) => format!("{whole}, {keys} }}\n"),
            _ => format!("{line}\n"),
        };
        self.systems = self.systems.lines().map(line).collect();
        self.write();
    }

    /// The same taken back.
    pub(crate) fn lacks(&mut self, name: &str, keys: &str) {
        let begins = format!("  {name}: ");
        let line = |line: &str| match line.starts_with(&begins) {
            true => format!("{}\n", line.replace(&format!(", {keys}"), "")),
            false => format!("{line}\n"),
        };
        self.systems = self.systems.lines().map(line).collect();
        self.write();
    }

    /// Adds a line to `portolan.yaml`.
    pub(crate) fn setting(&mut self, line: &str) {
        self.settings = format!("{}{line}\n", self.settings);
        self.write();
    }

    fn write(&self) {
        let listen = "listen: { grpc: '127.0.0.1:0', http: '127.0.0.1:0' }\n";
        let listen = if self.settings.contains("listen:") { "" } else { listen };
        let queue = "queue: 'sqlite:portolan.db'\n";
        let queue = if self.settings.contains("queue:") { "" } else { queue };
        let text =
            format!("{listen}routes: [ mappings ]\n{queue}{}systems:\n{}", self.settings, self.systems);
        fs::write(self.path("portolan.yaml"), text).unwrap();
    }

    /// A file of the folder.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Starts the gateway and waits until it is ready.
    pub(crate) fn serve(&self) -> Gateway {
        self.serve_with(&[], &[])
    }

    /// The same with environment variables and arguments.
    pub(crate) fn serve_with(&self, environment: &[(&str, &str)], arguments: &[&str]) -> Gateway {
        let mut command = self.command(&["serve", "--config", "portolan.yaml"]);
        command.args(arguments).envs(environment.iter().copied());
        let mut gateway = Gateway::start(&mut command);
        gateway.ready();
        gateway
    }

    /// Starts the gateway and kills it, ready or not.
    pub(crate) fn serve_for(&self, time: Duration) {
        let gateway = Gateway::start(&mut self.command(&["serve", "--config", "portolan.yaml"]));
        std::thread::sleep(time);
        gateway.kill();
    }

    /// Starts it by a command that becomes `portolan serve`.
    pub(crate) fn serve_by(&self, mut command: Command) -> Gateway {
        let mut gateway = Gateway::start(command.current_dir(self.folder.path()).stdin(Stdio::null()));
        gateway.ready();
        gateway
    }

    /// Starts the gateway where what it needs is not there yet.
    pub(crate) fn serve_unready(&self) -> Gateway {
        Gateway::start(&mut self.command(&["serve", "--config", "portolan.yaml"]))
    }

    /// Starts the gateway where it must not come up, and gives what it said.
    pub(crate) fn refuses_to_serve(&self) -> (ExitStatus, String) {
        let mut gateway = Gateway::start(&mut self.command(&["serve", "--config", "portolan.yaml"]));
        let status = gateway.wait(Duration::from_secs(20)).expect("it should have ended by itself");
        // What it wrote last is read by then.
        while gateway.lines.recv().is_ok() {}
        (status, gateway.said())
    }

    /// A command of `portolan`, run in the folder.
    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    /// The same, which must succeed, and what it printed.
    pub(crate) fn told(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        let (out, error) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(
            output.status.success(),
            "portolan {}: {}\n{out}\n{error}",
            arguments.join(" "),
            output.status
        );
        out.into_owned()
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(binary());
        command.current_dir(self.folder.path()).args(arguments).env_remove("RUST_LOG").stdin(Stdio::null());
        command
    }
}

/// A running gateway; killed when dropped.
pub(crate) struct Gateway {
    child: Child,
    said: Arc<Mutex<String>>,
    lines: mpsc::Receiver<String>,
    /// Where it takes gRPC calls.
    pub(crate) grpc: SocketAddr,
    /// Where it answers operators.
    pub(crate) http: SocketAddr,
}

impl Gateway {
    fn start(command: &mut Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let said = Arc::new(Mutex::new(String::new()));
        let (sender, lines) = mpsc::channel();
        follow(child.stdout.take().unwrap(), said.clone(), sender.clone());
        follow(child.stderr.take().unwrap(), said.clone(), sender);
        let nowhere = SocketAddr::from(([127, 0, 0, 1], 0));
        Self { child, said, lines, grpc: nowhere, http: nowhere }
    }

    /// Waits for `portolan ready grpc=ADDRESS http=ADDRESS`.
    pub(crate) fn ready(&mut self) {
        let until = Instant::now() + Duration::from_secs(30);
        loop {
            let left = until.saturating_duration_since(Instant::now());
            let Ok(line) = self.lines.recv_timeout(left) else {
                panic!("the gateway did not become ready:\n{}", self.said());
            };
            if !line.starts_with("portolan ready ") {
                continue;
            }
            let value =
                |key: &str| line.split(' ').find_map(|word| word.strip_prefix(key)).unwrap().parse().unwrap();
            (self.grpc, self.http) = (value("grpc="), value("http="));
            return;
        }
    }

    /// An operator's command to this gateway, which must succeed, and what it printed.
    pub(crate) fn operator(&self, house: &House, arguments: &[&str]) -> String {
        let address = self.http.to_string();
        house.told(&[arguments, &["--admin", &address]].concat())
    }

    /// All that it has written to its standard output and error so far.
    pub(crate) fn said(&self) -> String {
        self.said.lock().unwrap().clone()
    }

    /// The process.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Resident memory, in KiB.
    pub(crate) fn resident_kib(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid())).unwrap();
        let line = status.lines().find(|l| l.starts_with("VmRSS:")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    }

    /// SIGKILL, as a power cut would be for the process.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// A signal by name, for what std cannot send.
    pub(crate) fn signal(&self, name: &str) {
        let status =
            Command::new("kill").args([format!("-{name}"), self.pid().to_string()]).status().unwrap();
        assert!(status.success());
    }

    /// Waits for its end; `None` when it has not ended by then.
    pub(crate) fn wait(&mut self, limit: Duration) -> Option<ExitStatus> {
        let until = Instant::now() + limit;
        loop {
            match self.child.try_wait().unwrap() {
                Some(status) => return Some(status),
                None if Instant::now() >= until => return None,
                None => std::thread::sleep(Duration::from_millis(10)),
            }
        }
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            println!("the gateway said:\n{}", self.said());
        }
    }
}

/// Keeps what a process writes, line by line.
fn follow(stream: impl Read + Send + 'static, said: Arc<Mutex<String>>, lines: mpsc::Sender<String>) {
    std::thread::spawn(move || {
        for line in BufReader::new(stream).split(b'\n').map_while(Result::ok) {
            let line = String::from_utf8_lossy(&line).into_owned();
            let mut said = said.lock().unwrap();
            said.push_str(&line);
            said.push('\n');
            let _ = lines.send(line);
        }
    });
}
