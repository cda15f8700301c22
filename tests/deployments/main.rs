//! What lies in `deployments/`, read by those who read it at its users': Helm, docker compose, systemd, Prometheus, RabbitMQ. There is no
//! engine for containers here, so images and clusters are not run; `deployments/README.md` says what that leaves open.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that fails may panic")]

mod broker;
mod chart;
mod compose;
mod image;
mod local;
mod room;
mod unit;
mod watch;

use std::{
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use serde_json::Value;

/// How long calls that are under way have at the end of a gateway, where its configuration says nothing (`drain-timeout`).
const DRAIN_SECONDS: u64 = 30;

/// The repository.
fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn deployments(path: &str) -> PathBuf {
    repository().join("deployments").join(path)
}

/// A tool that `tests/deployments/install` brings. None where it is not built for this machine, which is said.
fn tool(name: &str) -> Option<Command> {
    if !cfg!(target_arch = "x86_64") {
        println!("SKIPPED: there is no {name} for this machine");
        return None;
    }
    let path = repository().join("tests/deployments/.tools").join(name);
    assert!(path.exists(), "{} is not there: run tests/install", path.display());
    Some(Command::new(path))
}

/// Python with the packages of the tests.
fn python(script: &str) -> Command {
    let mut python = Command::new(repository().join(".venv/bin/python"));
    python.arg(repository().join("tests/deployments").join(script));
    python
}

/// What a command prints to this input, and that it ends well.
#[track_caller]
fn fed(command: &mut Command, input: &str) -> String {
    let (input, mut child) = (input.to_owned(), spawned(command));
    let mut pipe = child.stdin.take().unwrap();
    // While it is read, for neither side may wait for the other; a child that reads nothing is no failure.
    let writing = std::thread::spawn(move || drop(pipe.write_all(input.as_bytes())));
    let output = child.wait_with_output().unwrap();
    writing.join().unwrap();
    well(command, &output)
}

/// What a command prints, and that it ends well.
#[track_caller]
fn said(command: &mut Command) -> String {
    let output = command.stdin(Stdio::null()).output().unwrap();
    well(command, &output)
}

fn spawned(command: &mut Command) -> std::process::Child {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

#[track_caller]
fn well(command: &Command, output: &Output) -> String {
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let failed = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {}\n{text}{failed}", output.status);
    text
}

/// The documents of a YAML text.
#[track_caller]
fn documents(yaml: &str) -> Vec<Value> {
    serde_json::from_str(&fed(&mut python("documents.py"), yaml)).unwrap()
}

/// The texts of a list.
fn texts(list: &Value) -> Vec<&str> {
    list.as_array().into_iter().flatten().filter_map(Value::as_str).collect()
}
