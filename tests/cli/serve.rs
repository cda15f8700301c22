//! `portolan serve` from start to end, with the commands that speak to it.

use std::{
    io::{BufRead, BufReader},
    process::Stdio,
};

use crate::{folder, repository, snapshot::portolan};

/// The examples that are called, and ask a SOAP service.
fn mappings() -> String {
    ["population-register", "benefits-claim", "tax-certificate"]
        .map(|name| format!("{:?}", repository().join("mappings").join(name)))
        .join(", ")
}

#[test]
fn what_is_unsound_is_told_before_a_broker_is_waited_for() {
    let config =
        "routes: [ none.yaml ]\nqueue: \"amqp://127.0.0.1:1\"\nledger: \"postgres://127.0.0.1:1/none\"\n";
    let (_kept, folder) = folder(&[("portolan.yaml", config)]);
    let output = portolan(&folder, &["serve"]).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.code() == Some(2) && said.contains("none.yaml"), "{said}");
}

#[test]
fn serves_answers_operators_and_stops_when_asked() {
    let mappings = mappings();
    let config = format!(
        "listen: {{ grpc: \"127.0.0.1:0\", http: \"127.0.0.1:0\" }}
routes: [ {mappings} ]
systems:
  population-register: {{ soap: {{ endpoint: \"http://127.0.0.1:1/\" }} }}
  benefits: {{ soap: {{ endpoint: \"http://127.0.0.1:1/\" }} }}
  tax-office: {{ soap: {{ endpoint: \"http://127.0.0.1:1/\" }} }}
"
    );
    let (_kept, folder) = folder(&[("portolan.yaml", &config)]);
    let mut gateway =
        portolan(&folder, &["serve"]).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(gateway.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let http = line.split_whitespace().find_map(|w| w.strip_prefix("http=")).unwrap_or_default().to_owned();
    assert!(line.starts_with("portolan ready grpc=127.0.0.1:") && line.ends_with(" routes=3\n"), "{line}");

    let ask = |words: &[&str]| {
        let output = portolan(&folder, words).args(["--admin", &http]).output().unwrap();
        assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    assert!(ask(&["routes"]).contains("/civic.registry.v1.PopulationRegister/GetPerson"));
    assert!(ask(&["reload", "--format", "json"]).contains("\"benefits.submit-claim\""));
    assert_eq!(ask(&["queue", "list"]), "no messages\n");
    // Beside the gateway nobody touches its database.
    let beside = portolan(&folder, &["queue", "list"]).output().unwrap();
    assert_eq!(beside.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&beside.stderr).contains("in use by another process"));

    // A broken mapping changes nothing.
    let broken = format!("{config}  extra: {{}}\n");
    std::fs::write(folder.join("portolan.yaml"), broken).unwrap();
    let refused = portolan(&folder, &["reload", "--admin", &http, "--token-file", "portolan.db.admin-token"])
        .output()
        .unwrap();
    assert_eq!(refused.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("the system `extra` has no `soap`"));

    let id = gateway.id().to_string();
    assert!(std::process::Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
    assert_eq!(gateway.wait().unwrap().code(), Some(0));
}

/// Nobody can read its log, and it answers all the same.
#[test]
fn serves_with_a_log_that_is_full() {
    let mappings = mappings();
    let config = format!(
        "listen: {{ grpc: \"127.0.0.1:0\", http: \"127.0.0.1:0\" }}
routes: [ {mappings} ]
systems:
  population-register: {{ soap: {{ endpoint: \"http://127.0.0.1:1/\", timeout: 1s }} }}
  benefits: {{ soap: {{ endpoint: \"http://127.0.0.1:1/\" }} }}
  tax-office: {{ soap: {{ endpoint: \"http://127.0.0.1:1/\" }} }}
"
    );
    let request = "{ \"national_id\": \"39001010001\", \"purpose\": \"PURPOSE_TAX\" }";
    let (_kept, folder) = folder(&[("portolan.yaml", &config), ("request.json", request)]);
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let mut gateway = portolan(&folder, &["serve", "--log-level", "debug"])
        .stdout(Stdio::piped())
        .stderr(full)
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(gateway.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let grpc = line.split_whitespace().find_map(|w| w.strip_prefix("grpc=")).unwrap_or_default().to_owned();
    for _ in 0..2 {
        let words = ["call", "registry.get-person", "--request", "request.json", "--address", &grpc];
        let answer = portolan(&folder, &words).output().unwrap();
        let told = String::from_utf8_lossy(&answer.stdout).into_owned();
        assert_eq!(answer.status.code(), Some(1), "{told}");
        assert!(told.contains("\"status\": \"UNAVAILABLE\"") && !told.contains("refused"), "{told}");
    }
    gateway.kill().unwrap();
    gateway.wait().unwrap();
}
