//! `portolan doctor` before a gateway starts, beside one that runs, and where things are wrong.

use std::{
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::TcpListener,
    os::unix::fs::PermissionsExt,
    path::Path,
    process::Stdio,
};

use rcgen::{CertificateParams, KeyPair, date_time_ymd};

use crate::{
    folder, repository,
    snapshot::{check, portolan},
};

/// Exit code, and what was found: state, check, of what, finding and what to do.
struct Found {
    code: i32,
    findings: Vec<[String; 5]>,
}

impl Found {
    fn by(folder: &Path, words: &[&str]) -> Self {
        let output = portolan(folder, &[&["doctor", "--format", "json"], words].concat()).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let json: serde_json::Value = serde_json::from_str(&text).unwrap_or_else(|e| panic!("{e}: {text}"));
        let findings = json["findings"].as_array().unwrap().iter().map(|one| {
            ["state", "check", "of", "finding", "todo"]
                .map(|key| one[key].as_str().unwrap_or_default().to_owned())
        });
        let findings: Vec<_> = findings.collect();
        let problems = findings.iter().filter(|one| one[0] == "problem").count();
        assert_eq!(json["problems"], problems);
        assert!(findings.iter().all(|one| (one[0] == "ok") == one[4].is_empty()), "{findings:#?}");
        Self { code: output.status.code().unwrap(), findings }
    }

    /// One of these was found; the finding and the advice by their beginnings.
    #[track_caller]
    fn has(&self, state: &str, check: &str, of: &str, finding: &str, todo: &str) {
        let fits = |one: &[String; 5]| {
            (&*one[0], &*one[1], &*one[2]) == (state, check, of)
                && one[3].starts_with(finding)
                && one[4].starts_with(todo)
        };
        assert!(
            self.findings.iter().any(fits),
            "no {state} {check} {of} {finding} {todo} in {:#?}",
            self.findings
        );
    }
}

/// A system that answers every GET with this, and ends with the test.
fn system(answer: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let _ = stream.read(&mut [0; 4096]);
            let _ = stream.write_all(answer.as_bytes());
        }
    });
    format!("http://{address}/soap")
}

fn config(listen: &str, systems: &str) -> String {
    let mappings = ["population-register", "benefits-claim", "tax-certificate"]
        .map(|name| format!("{:?}", repository().join("mappings").join(name)))
        .join(", ");
    format!("listen: {{ {listen} }}\nroutes: [ {mappings} ]\nsystems:\n{systems}")
}

fn soap(name: &str, keys: &str) -> String {
    format!("  {name}: {{ soap: {{ {keys} }} }}\n")
}

fn by_grpc(name: &str, keys: &str) -> String {
    format!("  {name}: {{ grpc: {{ {keys} }} }}\n")
}

#[test]
fn a_configuration_that_cannot_be_read_is_all_there_is_to_say() {
    let (_kept, folder) = folder(&[("portolan.yaml", "listen: {}\nretain: 3d\n")]);
    check("doctor-configuration", &folder, &["doctor"]);
    check("doctor-none", &folder, &["doctor", "--config", "none.yaml", "--format", "json"]);
}

#[test]
fn before_a_start() {
    let answers = system("HTTP/1.1 405 Method Not Allowed\r\ncontent-length: 0\r\n\r\n");
    let old = system("HTTP/1.1 200 OK\r\ndate: Sun, 06 Nov 1994 08:49:37 GMT\r\ncontent-length: 0\r\n\r\n");
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let grpc = taken.local_addr().unwrap();
    let free = std::net::SocketAddr::from(([127, 0, 0, 1], portolan_test_servers::free_port()));
    let systems = [
        soap("population-register", &format!("endpoint: '{answers}'")),
        soap("benefits", &format!("endpoint: '{old}'")),
        soap("tax-office", &format!("endpoint: '{answers}'")),
        soap("gone", "endpoint: 'http://127.0.0.1:1/', auth: { username: u, password: canary }"),
        soap("locked", &format!("endpoint: '{}'", system("HTTP/1.1 401 No\r\ncontent-length: 0\r\n\r\n"))),
        soap(
            "readable",
            "endpoint: 'http://register.invalid/', ws-security: { username: u, password: '${file:secret}', type: text }",
        ),
        soap("behind", &format!("endpoint: '{}'", system("HTTP/1.1 503 No\r\ncontent-length: 0\r\n\r\n"))),
        by_grpc("no-ledger", "address: 'http://127.0.0.1:1'"),
        by_grpc(
            "shown",
            "address: 'http://ledger.invalid:1', metadata: { authorization: '${file:secret}', x-tenant: a }",
        ),
    ];
    let text = config(&format!("grpc: '{grpc}', http: '{free}'"), &systems.concat());
    let (_kept, folder) = folder(&[("portolan.yaml", &text), ("secret", "canary")]);
    let found = Found::by(&folder, &[]);
    assert_eq!(found.code, 1);
    found.has(
        "warning",
        "system",
        "readable",
        "the password crosses the network without TLS",
        "write https://",
    );
    found.has(
        "warning",
        "configuration",
        "portolan.yaml:7:90",
        "a password stands here",
        "write ${env:NAME}",
    );
    found.has("ok", "configuration", "portolan.yaml", "sound, with the mappings of 3 routes", "");
    found.has("ok", "folder", ".", "it can be written to; ", "");
    found.has("ok", "queue", "./portolan.db", "not there yet", "");
    found.has("ok", "system", "population-register", "HTTP 405 to a GET; connected in ", "");
    found.has("warning", "clock", "benefits", "", "one of the two is wrong");
    found.has("problem", "system", "gone", "the connection was refused", "is the system up?");
    found.has("warning", "system", "locked", "HTTP 401 to a GET", "see its `auth`");
    found.has("problem", "system", "behind", "HTTP 503 to a GET", "what stands before the system");
    found.has("problem", "system", "no-ledger", "the connection was refused", "is the system up?");
    found.has("warning", "system", "shown", "the password crosses the network without TLS", "write https://");
    found.has("problem", "system", "shown", "the host's name has no address", "see the system's `address`");
    found.has("ok", "gateway", &free.to_string(), "no gateway runs", "");
    found.has("ok", "listen", &format!("listen.http {free}"), "free", "");
    found.has(
        "problem",
        "listen",
        &format!("listen.grpc {grpc}"),
        "cannot be listened at",
        "another program",
    );
    assert!(!format!("{:?}", found.findings).contains("canary"));
    assert!(!folder.join("portolan.db").exists(), "nothing is made");
}

#[test]
fn beside_a_gateway_that_runs() {
    let answers = system("HTTP/1.1 405 Method Not Allowed\r\ncontent-length: 0\r\n\r\n");
    let systems = ["population-register", "benefits", "tax-office"]
        .map(|name| soap(name, &format!("endpoint: '{answers}'")));
    let text = config("grpc: '127.0.0.1:0', http: '127.0.0.1:0'", &systems.concat());
    let text = format!("{text}telemetry: {{ otlp: 'http://127.0.0.1:1' }}\n");
    let (_kept, folder) = folder(&[("portolan.yaml", &text)]);
    let mut gateway =
        portolan(&folder, &["serve"]).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(gateway.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let http = line.split_whitespace().find_map(|w| w.strip_prefix("http=")).unwrap_or_default().to_owned();
    // A gateway speaks gRPC, and has a health service: it is a system like any other.
    let itself = line.split_whitespace().find_map(|w| w.strip_prefix("grpc=")).unwrap_or_default();
    let itself = by_grpc("itself", &format!("address: 'http://{itself}'"));
    fs::write(folder.join("portolan.yaml"), text.replace("telemetry:", &format!("{itself}telemetry:")))
        .unwrap();
    let found = Found::by(&folder, &["--admin", &http]);
    found.has("ok", "system", "itself", "it serves, by its own account; connected in ", "");
    found.has("ok", "queue", "./portolan.db", "in use by a gateway", "");
    found.has("ok", "gateway", &http, "runs and takes calls", "");
    found.has("ok", "admin API", &http, "answers; routes served: 3", "");
    found.has("ok", "file", "./portolan.db", "its owner alone can read the messages", "");
    found.has("warning", "traces", "telemetry", "the collector does not answer", "see that it runs");
    assert_eq!(found.code, 0, "a warning is no problem");

    fs::set_permissions(folder.join("portolan.db.admin-token"), fs::Permissions::from_mode(0o644)).unwrap();
    let found = Found::by(&folder, &["--admin", &http]);
    found.has(
        "warning",
        "file",
        "./portolan.db.admin-token",
        "others than its owner can read",
        "chmod 600 ./portolan.db",
    );
    fs::remove_file(folder.join("portolan.db.admin-token")).unwrap();
    let found = Found::by(&folder, &["--admin", &http]);
    found.has("problem", "admin API", &http, "the admin token cannot be read", "run as the user");
    assert_eq!(found.code, 1);
    gateway.kill().unwrap();
    gateway.wait().unwrap();
    Found::by(&folder, &["--admin", &http]).has(
        "problem",
        "gateway",
        &http,
        "no gateway answers",
        "its `portolan ready`",
    );
    Found::by(&folder, &[]).has("ok", "queue", "./portolan.db", "sound, and in use by nobody", "");
    fs::write(folder.join("portolan.db"), vec![7; 5000]).unwrap();
    Found::by(&folder, &[]).has(
        "problem",
        "queue",
        "./portolan.db",
        "./portolan.db cannot be used as a queue",
        "keep a copy",
    );
}

/// Writes a certificate that ends in so many days, with its key.
fn certificate(folder: &Path, name: &str, days: i64) {
    let ends = jiff::Timestamp::now().as_second() + days * 24 * 3600;
    let ends = jiff::Timestamp::from_second(ends).unwrap().strftime("%Y %m %d").to_string();
    let mut parts = ends.split(' ').map(|part| part.parse::<u16>().unwrap());
    let mut next = || parts.next().unwrap();
    let mut params = CertificateParams::new(["localhost".to_owned()]).unwrap();
    params.not_after = date_time_ymd(next().into(), next() as u8, next() as u8);
    let key = KeyPair::generate().unwrap();
    fs::write(folder.join(format!("{name}.pem")), params.self_signed(&key).unwrap().pem()).unwrap();
    fs::write(folder.join(format!("{name}.key")), key.serialize_pem()).unwrap();
}

#[test]
fn certificates_are_looked_at_before_they_end() {
    let answers = system("HTTP/1.1 405 Method Not Allowed\r\ncontent-length: 0\r\n\r\n");
    let systems = ["population-register", "benefits", "tax-office"].map(|name| {
        soap(name, &format!("endpoint: '{answers}', tls: {{ ca: old.pem, cert: soon.pem, key: soon.key }}"))
    });
    let listen = "http: '127.0.0.1:0', grpc: { address: '127.0.0.1:0', tls: { cert: long.pem, key: CHOSEN.key, client-ca: both.pem } }";
    let (_kept, folder) = folder(&[]);
    for (name, days) in [("long", 400), ("soon", 10), ("old", -3)] {
        certificate(&folder, name, days);
    }
    let both = ["old.pem", "long.pem"].map(|name| fs::read_to_string(folder.join(name)).unwrap()).concat();
    fs::write(folder.join("both.pem"), both).unwrap();
    let with_key = |key: &str| {
        let text = config(&listen.replace("CHOSEN", key), &systems.concat());
        fs::write(folder.join("portolan.yaml"), text).unwrap();
        Found::by(&folder, &[])
    };
    let found = with_key("long");
    found.has("ok", "certificate", "listen.grpc ./long.pem", "valid for 39", "");
    found.has("ok", "certificate", "listen.grpc ./both.pem", "valid for 39", "");
    found.has("warning", "certificate", "benefits ./soon.pem", "it ends in ", "renew it");
    found.has("problem", "certificate", "benefits ./old.pem", "it ended on 2", "renew it");
    assert!(!found.findings.iter().any(|one| one[2] == "listen.grpc"), "{:#?}", found.findings);
    with_key("soon").has(
        "problem",
        "certificate",
        "listen.grpc",
        "listen.grpc.tls: ./long.pem cannot be used",
        "name the certificate with its own key",
    );
}
