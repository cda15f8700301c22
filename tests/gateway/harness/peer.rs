//! Peers that nobody here wrote: see `tests/peers`, installed by `tests/install`.

use std::{
    io::{BufRead, BufReader},
    net::SocketAddr,
    path::Path,
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex, mpsc},
    thread::JoinHandle,
    time::Duration,
};

use serde_json::Value;

use super::{binary, repository};

fn interpreter() -> Command {
    let interpreter = repository().join(".venv/bin/python");
    assert!(interpreter.exists(), "the Python peers are not installed: run tests/install");
    let mut command = Command::new(interpreter);
    command.stdin(Stdio::null());
    command
}

fn python(script: &str) -> Command {
    let mut command = interpreter();
    command.arg(repository().join("tests/peers/python").join(script));
    command
}

fn node(script: &str) -> Command {
    let folder = repository().join("tests/peers/node");
    assert!(folder.join("node_modules").exists(), "the Node peers are not installed: run tests/install");
    let mut command = Command::new("node");
    command.arg(folder.join(script)).stdin(Stdio::null());
    command
}

/// Runs `portal.py` and gives its answers, one a call.
pub(crate) fn python_portal(gateway: SocketAddr, arguments: &[&str]) -> Vec<Value> {
    answers(python("portal.py").arg(gateway.to_string()).args(arguments))
}

/// Runs `stranger.py` and gives what it was told, with the classes of the claim's contract made in `folder` as its team does.
pub(crate) fn python_stranger(folder: &Path, arguments: &[&str]) -> Vec<Value> {
    let contract =
        ["-I", "mappings/benefits-claim", "-I", "proto", "claims.proto", "portolan/v1/operation.proto"];
    let mut protoc = interpreter();
    protoc.current_dir(repository()).args(["-m", "grpc_tools.protoc"]).args(contract);
    let made = protoc.arg("--python_out").arg(folder).output().unwrap();
    assert!(made.status.success(), "protoc failed: {}", String::from_utf8_lossy(&made.stderr));
    answers(python("stranger.py").env("PYTHONPATH", folder).args(arguments))
}

/// Runs `portal.js` with a contract and gives its answers, one a call.
pub(crate) fn node_portal(gateway: SocketAddr, contract: &str, arguments: &[&str]) -> Vec<Value> {
    let proto = repository().join(contract);
    let mut command = node("portal.js");
    command.arg(gateway.to_string()).args(arguments);
    command.arg("--proto").arg(proto).arg("--include").arg(repository().join("proto"));
    answers(&mut command)
}

/// Runs `web_portal.js` with a contract and gives its answer.
pub(crate) fn web_portal(gateway: SocketAddr, contract: &str, arguments: &[&str]) -> Value {
    let contract = Path::new(contract);
    let descriptors = tempfile::NamedTempFile::new().unwrap();
    let mut protoc = interpreter();
    protoc.current_dir(repository()).args(["-m", "grpc_tools.protoc", "--include_imports", "-I", "proto"]);
    protoc.arg("-I").arg(contract.parent().unwrap()).arg(contract.file_name().unwrap());
    let made = protoc.arg("-o").arg(descriptors.path()).output().unwrap();
    assert!(made.status.success(), "protoc failed: {}", String::from_utf8_lossy(&made.stderr));
    let mut command = node("web_portal.js");
    command.arg(gateway.to_string()).args(arguments).arg("--descriptors").arg(descriptors.path());
    answers(&mut command).remove(0)
}

fn answers(command: &mut Command) -> Vec<Value> {
    let output = command.output().unwrap();
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "the peer failed: {error}");
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// A legacy system as a process of its own; killed when dropped.
pub(crate) struct Peer {
    child: Child,
    asked: Arc<Mutex<Vec<String>>>,
    reading: Option<JoinHandle<()>>,
    /// Where it listens.
    pub(crate) address: SocketAddr,
}

impl Peer {
    /// The permit office on spyne: SOAP 1.1 at `/soap11`, SOAP 1.2 at `/soap12`.
    pub(crate) fn spyne() -> Self {
        Self::start(&mut python("legacy_spyne.py"))
    }

    /// `register` or `vies` on node-soap, from its WSDL.
    pub(crate) fn node_soap(system: &str, wsdl: &Path) -> Self {
        Self::start(node("legacy_soap.js").arg(system).arg(wsdl))
    }

    /// The notice board on node-soap, which takes notices from this user, whose password is shown like this.
    pub(crate) fn node_board(wsdl: &Path, user: &str, password: &str, kind: &str) -> Self {
        Self::start(node("legacy_board.js").arg(wsdl).args([user, password, kind]))
    }

    /// `portolan simulate soap`.
    pub(crate) fn simulator(arguments: &[&str]) -> Self {
        let mut command = Command::new(binary());
        command.args(["simulate", "soap"]).args(arguments).current_dir(repository()).stdin(Stdio::null());
        Self::start(&mut command)
    }

    /// Starts a process and waits for a line that begins with `ready` and ends with its port.
    fn start(command: &mut Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let (ready, port) = mpsc::channel();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let kept = asked.clone();
        let reading = std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                match line.contains("ready") {
                    true => drop(ready.send(line)),
                    false => kept.lock().unwrap().push(line),
                }
            }
        });
        let line = port.recv_timeout(Duration::from_secs(30)).expect("the peer did not become ready");
        let digits = line.trim_end_matches(|c: char| !c.is_ascii_digit());
        let port = digits.rsplit(|c: char| !c.is_ascii_digit()).next().unwrap().parse().unwrap();
        Self { child, asked, reading: Some(reading), address: SocketAddr::from(([127, 0, 0, 1], port)) }
    }

    /// The requests that it was asked, a line each.
    pub(crate) fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }

    /// Has it end in order, and gives all that it said.
    pub(crate) fn ends(mut self) -> Vec<String> {
        let told = Command::new("kill").arg(self.child.id().to_string()).status().unwrap();
        assert!(told.success() && self.child.wait().is_ok());
        self.reading.take().unwrap().join().unwrap();
        self.asked()
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
