//! Configurations with what they read to, and with what is found in them.

use std::path::Path;

use portolan_delivery::system::{BreakerPolicy, Rate, SystemPolicy};
use portolan_diagnostics::{Sources, render};

use super::*;

fn environment(name: &str) -> Option<String> {
    (name == "PORTAL_PASSWORD").then(|| "canary-environment".to_owned())
}

/// A folder with the files that the configurations name.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("mappings")).unwrap();
    std::fs::write(folder.path().join("secret"), "canary-file\n").unwrap();
    folder
}

fn read_in(folder: &Path, text: &str) -> (Option<Config>, String) {
    let mut sources = Sources::default();
    let read = read(&folder.join("portolan.yaml"), text, &environment, &mut sources);
    let rendered: Vec<_> = read.diagnostics.iter().map(|d| render(d, &sources, false)).collect();
    let rendered = rendered.join("\n");
    assert!(!rendered.contains("canary"), "a secret is shown:\n{rendered}");
    assert!(!format!("{:?}", read.value).contains("canary"), "a secret is shown");
    (read.value, rendered)
}

/// Findings of a text, each of the expected strings in its own order.
#[track_caller]
fn check(text: &str, expected: &[&str]) {
    let (_, rendered) = read_in(folder().path(), text);
    let found = rendered.lines().filter(|l| l.starts_with("error[") || l.starts_with("warning[")).count();
    assert_eq!(found, expected.iter().filter(|e| !e.starts_with("help")).count(), "{rendered}");
    for one in expected {
        assert!(rendered.contains(one), "not found: {one}\n{rendered}");
    }
}

#[test]
fn reads_what_a_gateway_needs() {
    let folder = folder();
    let text = "
listen:
  grpc: { address: \"0.0.0.0:8443\", reflection: false, max-request-bytes: 64KiB }
  http: 127.0.0.1:9000
routes: [ mappings ]
queue: \"sqlite:data.db\"
retention: 3d
log: { format: json, level: debug }
systems:
  register:
    soap:
      endpoint: https://register.example/soap
      timeout: 5s
      connect-timeout: 250ms
      max-concurrency: 8
      auth: { username: portal, password: \"${file:secret}\" }
      headers: { x-api-key: \"${env:PORTAL_PASSWORD}\" }
      header: { serviceCode: { const: X } }
";
    let (config, rendered) = read_in(folder.path(), text);
    assert_eq!(rendered, "");
    let config = config.unwrap();
    assert_eq!(config.listen.grpc.listen.port(), 8443);
    assert!(!config.listen.grpc.reflection);
    assert_eq!(config.listen.grpc.max_request_bytes, 65536);
    assert_eq!(config.listen.http.to_string(), "127.0.0.1:9000");
    assert_eq!(config.routes, [Path::new("mappings")]);
    assert_eq!(config.folder, folder.path());
    assert!(matches!(&config.queue, Queue::Sqlite(file) if *file == folder.path().join("data.db")));
    assert_eq!(config.admin_token(), folder.path().join("data.db.admin-token"));
    assert_eq!(config.retention, Duration::from_secs(3 * 24 * 3600));
    assert_eq!(config.log.format, Some(LogFormat::Json));
    let SystemKind::Soap { options, header } = &config.systems["register"].kind else { panic!("no SOAP") };
    assert_eq!(options.timeout, Duration::from_secs(5));
    assert_eq!(options.connect_timeout, Duration::from_millis(250));
    assert_eq!(options.max_concurrency, 8);
    assert!(options.auth.as_ref().is_some_and(|a| a.username == "portal" && a.password == "canary-file"));
    assert_eq!(options.headers["x-api-key"], "canary-environment");
    assert!(header.is_some());
}

#[test]
fn reads_secrets_and_shows_none() {
    let folder = folder();
    std::fs::write(folder.path().join("hex"), "63616e617279\n").unwrap();
    std::fs::write(folder.path().join("base64"), "Y2FuYXJ5\n").unwrap();
    let text = "routes: [ mappings ]\nsecrets:\n  text: '${file:secret}'\n  variable: '${env:PORTAL_PASSWORD}'\n  hex: { hex: '${file:hex}' }\n  base64: { base64: '${file:base64}' }\n";
    let (config, rendered) = read_in(folder.path(), text);
    assert_eq!(rendered, "");
    let secrets = config.unwrap().secrets;
    let signs = |name: &str, secret: &[u8]| {
        let expected = portolan_mapping::secret::Key::new(secret).unwrap().sign(b"message");
        assert_eq!(secrets[name].sign(b"message"), expected, "{name}");
    };
    signs("text", b"canary-file");
    signs("variable", b"canary-environment");
    signs("hex", b"canary");
    signs("base64", b"canary");

    let with = |secret: &str| format!("routes: []\nsecrets: {{ a: {secret} }}\n");
    check(&with("canary"), &["warning[config/secret]: a secret stands here"]);
    check(&with("{ hex: '${file:secret}' }"), &["the secret is not pairs of hexadecimal digits"]);
    check(&with("{ base64: '${file:secret}' }"), &["the secret is not base64"]);
    check(&with("'${file:missing}'"), &["the secret's file `missing` cannot be read: it is not there"]);
    check(&with("{}"), &["the secret `a` is written as `hex` or as `base64`, one of them"]);
    check(
        &with("{ hexx: '${file:secret}' }"),
        &["the secret `a` has no key `hexx`", "is written as `hex` or as"],
    );
}

#[test]
fn reads_what_a_system_bears() {
    let folder = folder();
    let text = "
routes: [ mappings ]
systems:
  register:
    soap: { endpoint: https://register.example/soap, max-concurrency: 20 }
    limits: { concurrency: 8, rate: 50/s, burst: 10, max-wait: 250ms }
    breaker: { failures: 5, open-for: 30s }
    maintenance:
      - { zone: Europe/Tallinn, days: [ mon..fri ], from: 22:00, to: 06:00 }
      - { zone: UTC, dates: [ 2026-12-24, 12-31..01-01 ], except: [ 2027-01-01 ], to: 12:00 }
  tax:
    soap: { endpoint: https://tax.example/soap }
    breaker: off
  old:
    soap: { endpoint: https://old.example/soap }
  narrow:
    soap: { endpoint: https://narrow.example/soap, max-concurrency: 4 }
";
    let (config, rendered) = read_in(folder.path(), text);
    assert_eq!(rendered, "");
    let systems = config.unwrap().systems;
    let policy = &systems["register"].policy;
    let s = Duration::from_secs;
    assert_eq!(policy.concurrency, 8);
    assert_eq!(policy.rate, Rate::try_new(50, s(1), Some(10)).ok());
    assert_eq!(policy.max_wait, Duration::from_millis(250));
    assert_eq!(policy.breaker, BreakerPolicy::try_new(5, s(30), s(30)).ok());
    let windows = &policy.maintenance.0;
    assert_eq!((windows.len(), windows[0].weekdays.len(), windows[1].dates.len()), (2, 5, 2));
    assert_eq!(windows[0].from, portolan_delivery::system::window::time("22:00").unwrap());
    let SystemKind::Soap { options, .. } = &systems["register"].kind else { panic!("no SOAP") };
    assert_eq!(options.max_concurrency, 8, "no more at a time than the system bears, whoever asks");
    assert_eq!(systems["tax"].policy, SystemPolicy { breaker: None, ..SystemPolicy::default() });
    assert_eq!(systems["old"].policy, SystemPolicy::default());
    assert_eq!(systems["narrow"].policy.concurrency, 4, "nothing is begun that only waits for a connection");
}

#[test]
fn what_no_system_bears_is_found() {
    let system = |keys: &str| {
        format!("routes: []\nsystems:\n  register:\n    soap: {{ endpoint: 'http://h/' }}\n    {keys}\n")
    };
    check(
        &system("limits: { concurrency: 0, rate: fast, max-wait: 1, rat: 1/s }"),
        &[
            "`concurrency`: write a whole number greater than zero",
            "`rate`: write how many in a second, minute, hour or day",
            "`max-wait`: write a whole number with its unit",
            "`limits` has no key `rat`",
        ],
    );
    check(&system("limits: { rate: 9000000/s }"), &["a million a second at most"]);
    check(&system("limits: { burst: 5 }"), &["`burst` needs a `rate`"]);
    check(&system("limits: { rate: 100/h, max-wait: 2m }"), &["`max-wait` is at most 60s"]);
    check(&system("limits: 8"), &["`limits` is a single value, not a group of keys"]);
    check(&system("breaker: on"), &["`breaker` is a single value, not a group of keys"]);
    check(&system("breaker: { open-for: 2h, max-open-for: 1h }"), &["at most `max-open-for`"]);
    check(
        &system(
            "maintenance: [ { zone: Europe/Talinn, days: [ monday ], from: 6, dates: [ 2026-02-30 ] }, {} ]",
        ),
        &[
            "there is no such time zone",
            "help: did you mean `Europe/Tallinn`?",
            "`days`: write a day, mon to sun",
            "`dates`: write a date, 2026-12-24",
            "`from`: write the time of day",
            "a window of `maintenance` has no `zone`",
        ],
    );
    check(&system("maintenance: { zone: UTC }"), &["`maintenance` is a group of keys, not a list"]);
}

#[test]
fn little_is_enough() {
    let (config, rendered) = read_in(folder().path(), "routes: [ mappings ]\n");
    assert_eq!(rendered, "");
    assert_eq!(config.unwrap().listen.http.port(), 8080);
}

#[test]
fn finds_everything_at_once() {
    check(
        "listen: { gprc: \"127.0.0.1:1\" }\nroutes: mappings\nretention: soon\nsystem: {}\n",
        &[
            "`listen` has no key `gprc`",
            "help: did you mean `grpc`?",
            "`routes` is a single value, not a list",
            "`retention`: write a whole number with its unit",
            "the configuration has no key `system`",
            "help: did you mean `systems`?",
        ],
    );
    check("", &["the configuration is empty"]);
    check("listen: {}\n", &["the configuration has no `routes`"]);
    check("routes: [ elsewhere ]\n", &["there is no such file or folder"]);
    check(
        "routes: []\nlisten: { grpc: \"0.0.0.0:9000\", http: \"127.0.0.1:9000\" }\n",
        &["callers and operators come in at the same port"],
    );
    check("routes: []\nqueue: \"sqlite:nowhere/p.db\"\n", &["the folder of the queue is not there"]);
    check(
        "routes: []\nqueue: amqps://u@h/\nledger: sqlite:nowhere/p.db\n",
        &["the folder of the queue is not there"],
    );
    check("routes: []\nlisten: { http: localhost }\n", &["`http`: write an address with its port"]);
}

#[test]
fn origins_of_browsers_are_read() {
    let with =
        |web: &str| format!("routes: []\nlisten: {{ grpc: {{ address: '127.0.0.1:1', web: {web} }} }}\n");
    let origins = |web: &str| {
        let (config, rendered) = read_in(folder().path(), &with(web));
        assert_eq!(rendered, "");
        config.unwrap().listen.grpc.web.unwrap().origins
    };
    assert_eq!(origins("{}"), [] as [&str; 0]);
    assert_eq!(
        origins("{ origins: [ 'https://a.example', 'http://localhost:3000' ] }"),
        ["https://a.example", "http://localhost:3000"]
    );
    check(&with("{ origins: [ '*' ] }"), &["`origins`: write scheme and host"]);
    check(&with("{ origins: https://a.example }"), &["`origins` is a single value, not a list"]);
    check(&with("{ origin: [] }"), &["`web` has no key `origin`"]);
}

#[test]
fn users_and_redirections_of_a_system_are_read() {
    let keys = "ws-security: { username: u, password: '${env:PORTAL_PASSWORD}', type: digest, timestamp: 5m, \
                must-understand: true }, max-redirects: 0";
    let text = format!("routes: []\nsystems: {{ r: {{ soap: {{ endpoint: 'http://h/', {keys} }} }} }}\n");
    let (config, rendered) = read_in(folder().path(), &text);
    assert_eq!(rendered, "");
    let config = config.unwrap();
    let SystemKind::Soap { options, .. } = &config.systems["r"].kind else { panic!("no SOAP") };
    let token = options.ws_security.as_ref().unwrap();
    assert_eq!((&*token.username, token.password_type), ("u", portolan_soap::PasswordType::Digest));
    assert_eq!((token.timestamp, token.must_understand), (Some(Duration::from_secs(300)), true));
    assert_eq!(options.max_redirects, 0);
    let with = |keys: &str| {
        format!("routes: []\nsystems: {{ r: {{ soap: {{ endpoint: 'http://h/', {keys} }} }} }}\n")
    };
    check(
        &with("ws-security: { username: u, password: '${env:PORTAL_PASSWORD}' }"),
        &["`ws-security` has no `type`"],
    );
    check(
        &with("ws-security: { username: u, password: '${env:PORTAL_PASSWORD}', type: hash }"),
        &["`type`: write text (the password as it is) or digest"],
    );
    check(
        &with("max-redirects: 11"),
        &["`max-redirects`: write a whole number from 0 (none is followed) to 10"],
    );
}

#[test]
fn a_system_may_speak_grpc() {
    let folder = folder();
    let text = "
routes: [ mappings ]
systems:
  ledger:
    grpc:
      address: https://ledger.example:8443
      timeout: 10s
      connect-timeout: 250ms
      idle-timeout: 5m
      max-concurrency: 16
      max-waiting: 8
      max-reply-bytes: 64KiB
      metadata: { x-tenant: a, authorization: '${file:secret}' }
    limits: { concurrency: 4 }
";
    let (config, rendered) = read_in(folder.path(), text);
    assert_eq!(rendered, "");
    let system = &config.unwrap().systems["ledger"];
    let SystemKind::Grpc(options) = &system.kind else { panic!("no gRPC") };
    assert_eq!(options.address, "https://ledger.example:8443");
    assert_eq!((options.timeout, system.kind.timeout()), (Duration::from_secs(10), Duration::from_secs(10)));
    assert_eq!(options.connect_timeout, Duration::from_millis(250));
    assert_eq!(options.idle_timeout, Duration::from_secs(300));
    assert_eq!((options.max_concurrency, options.max_waiting, system.policy.concurrency), (4, 8, 4));
    assert_eq!(options.max_reply_bytes, 65_536);
    assert_eq!((&*options.metadata["x-tenant"], &*options.metadata["authorization"]), ("a", "canary-file"));

    let with = |keys: &str| format!("routes: []\nsystems: {{ ledger: {{ {keys} }} }}\n");
    let of = |keys: &str| with(&format!("grpc: {{ address: 'http://localhost:1', {keys} }}"));
    check(&with("grpc: {}"), &["`grpc` has no `address`"]);
    check(&with("grpc: { address: 'localhost:1' }"), &["`address` is scheme, host and port"]);
    check(&with("grpc: { address: 'http://user:canary@h' }"), &["`address` must not hold credentials"]);
    check(&with("limits: { concurrency: 1 }"), &["the system `ledger` has no `soap`, and no `grpc` either"]);
    check(
        &with("grpc: { address: 'http://h' }, soap: { endpoint: 'http://h/' }"),
        &["the system `ledger` speaks `soap` or `grpc`, one of them"],
    );
    check(&of("endpoint: x"), &["`grpc` has no key `endpoint`"]);
    check(
        &of("metadata: { grpc-timeout: 1S }"),
        &["`metadata`: `grpc-timeout` is written by Portolan itself"],
    );
    check(&of("metadata: { x: \"a\\nb\" }"), &["`metadata`: `x` is no name of metadata"]);
    check(
        &of("metadata: { authorization: canary }"),
        &["warning[config/secret]: a secret stands here for everybody to read"],
    );
    check(&of("tls: { cert: missing }"), &["`cert`: there is no such file"]);
}

#[test]
fn a_system_may_drop_files() {
    let of = |keys: &str| format!("routes: []\nsystems: {{ x: {{ batch: {{ {keys} }} }} }}\n");
    check(&of(""), &["the system `x` has no `folder`, and no `sftp` either"]);
    check(&of("folder: in, sftp: {}"), &["has a `folder` or is reached by `sftp`, one of them"]);
    check(&of("folder: in, complete: done"), &["`complete` is `renamed`, or a group"]);
    check(&of("folder: in, complete: { quiet: 30s, done-file: .done }"), &["`complete` has one of"]);
    check(&of("folder: in, soap: {}"), &["`batch` has no key `soap`"]);
}

#[test]
fn a_folder_may_be_on_a_server() {
    let of = |keys: &str| format!("routes: []\nsystems: {{ x: {{ batch: {{ sftp: {{ {keys} }} }} }} }}\n");
    let print = "SHA256:jAtqF1AxKc8bsQfIQRIchlh1VH42T2GZuJ0WZrV1dd0";
    let and = |keys: &str| of(&format!("host: h, user: u, path: in, host-key: '{print}'{keys}"));
    check(
        &of(""),
        &[
            "`sftp` has no `host`",
            "`sftp` has no `user`",
            "`sftp` has no `path`",
            "by which the server is known",
        ],
    );
    check(&and(""), &["there is neither a `key` nor a `password` to log in with"]);
    check(&and(", password: canary"), &["warning[config/secret]: a password stands here"]);
    check(&and(", password: '${env:MISSING}'"), &["`MISSING` is not set"]);
    check(&and(", key: missing"), &["`key`: there is no such file"]);
    check(&and(", known-hosts: missing"), &["`host-key` or `known-hosts`, one of them"]);
    check(&and(", port: 70000"), &["`port`: write a port, 1 to 65535"]);
    check(
        &and(", password: p").replace(print, "MD5:x"),
        &["warning[config/secret]", "a host key is written as its fingerprint"],
    );
    check(&and(", folder: in"), &["`sftp` has no key `folder`"]);
}

#[test]
fn secrets_are_never_shown() {
    let system = |soap: &str| format!("routes: []\nsystems:\n  register:\n    soap: {{ {soap} }}\n");
    check(
        &system("endpoint: 'http://h/', auth: { username: portal, password: canary-literal }"),
        &["warning[config/secret]: a password stands here for everybody to read", "help: write ${env:NAME}"],
    );
    check(
        &system("endpoint: 'http://h/', auth: { username: portal, password: '${env:MISSING}' }"),
        &["the environment variable `MISSING` is not set"],
    );
    check(
        &system("endpoint: 'http://h/', auth: { username: portal, password: '${file:missing}' }"),
        &["the secret's file `missing` cannot be read: it is not there"],
    );
    check(&system("endpoint: 'http://user:canary@h/'"), &["`endpoint` must not hold credentials"]);
    check(
        &system("endpoint: 'http://h/', ws-security: { username: canary, password: canary, type: text }"),
        &["warning[config/secret]: a password stands here for everybody to read"],
    );
    check(
        &system("endpoint: 'http://h/', headers: { X-Api-Key: canary, Authorization: canary, X-Plain: x }"),
        &["warning[config/secret]: a secret stands here", "{ X-Api-Key: ********, Authorization: ********, "],
    );
    check(
        &system(
            "endpoint: 'ftp://h/?key=canary', auth: { username: canary, password: '${env:PORTAL_PASSWORD}' }",
        ),
        &["`endpoint` must be a whole address"],
    );
    check(
        &system("endpoint: 'http://h/', headers: { bad name: canary }"),
        &["`bad name` is no HTTP header name"],
    );
    check(
        &system("endpoint: 'http://h/', timeout: '${file:secret}'"),
        &["`timeout`: write a whole number with its unit"],
    );
    check("routes: []\nsystems:\n  r:\n    soap: { auth: { password: canary: x }\n", &["this is not YAML"]);
    check(
        &system("endpoint: 'http://h/', header: { Token: { Key: { const: '${file:secret}' } } }, timeout: x"),
        &["`timeout`: write a whole number with its unit"],
    );
    check(
        &system("endpoint: 'http://h/', header: { Token: { Key: { const: '${env:MISSING}' } } }"),
        &["the environment variable `MISSING` is not set"],
    );
}

#[test]
fn several_gateways_share_a_broker_and_a_ledger() {
    let folder = folder();
    let text = "
routes: [ mappings ]
queue: { url: \"amqps://rabbit.example:5671/civic\", username: portolan, password: \"${file:secret}\", type: classic, prefetch: 8, ingress: [ a.b ], events: [ a.b, c ] }
ledger: \"postgres://portolan:${env:PORTAL_PASSWORD}@db.example/portolan\"
admin-token: run/token
";
    let (config, rendered) = read_in(folder.path(), text);
    assert_eq!(rendered, "");
    let config = config.unwrap();
    assert_eq!(config.admin_token(), folder.path().join("run/token"));
    let Queue::RabbitMq { broker, ledger: Ledger::Postgres(ledger), strangers } = &config.queue else {
        panic!("not RabbitMQ with PostgreSQL")
    };
    assert_eq!(broker.url, "amqps://portolan:canary%2Dfile@rabbit.example:5671/civic");
    assert_eq!((broker.queue_type, broker.prefetch), (portolan_rabbitmq::QueueType::Classic, 8));
    assert_eq!(ledger.url, "postgres://portolan:canary-environment@db.example/portolan");
    assert_eq!(&*strangers.ingress[0].value, "a.b");
    assert!(strangers.hear_of("a.b") && strangers.hear_of("c") && !strangers.hear_of("d"));
}

#[test]
fn one_gateway_may_keep_its_ledger_in_a_file() {
    let folder = folder();
    let text = "routes: []\nqueue: amqps://u@h/\nledger: sqlite:ledger.db\n";
    let (config, rendered) = read_in(folder.path(), text);
    assert_eq!(rendered, "");
    let config = config.unwrap();
    let file = folder.path().join("ledger.db");
    assert!(
        matches!(&config.queue, Queue::RabbitMq { ledger: Ledger::Sqlite(path), .. } if *path == file),
        "{:?}",
        config.queue.file()
    );
    assert_eq!(config.admin_token(), folder.path().join("ledger.db.admin-token"));
}

#[test]
fn what_cannot_work_together_is_refused() {
    check(
        "routes: []\nqueue: amqps://u:canary@h/\n",
        &["a password stands here for everybody to read", "it needs a ledger beside it"],
    );
    check("routes: []\nledger: postgres://u@h/\n", &["a ledger of its own belongs to RabbitMQ"]);
    check(
        "routes: []\nqueue: \"sqlite:p.db\"\nledger: postgres://u@h/\n",
        &["the SQLite queue is its own ledger"],
    );
    check("routes: []\nqueue: postgres://u@h/\n", &["PostgreSQL is a ledger, and no queue"]);
    check("routes: []\nqueue: amqp://h/\nledger: mysql://h/\n", &["this names no ledger"]);
    check("routes: []\nqueue: queue.db\n", &["this names no queue"]);
    check(
        "routes: []\nqueue: { url: amqp://u@h/, ingress: a, events: [ b, b ] }\nledger: postgres://h/\n",
        &["`ingress` is a single value, not a list", "`events` stands here twice"],
    );
    check("routes: []\nqueue: { url: \"sqlite:p.db\", events: [ a ] }\n", &["`queue` has no key `events`"]);
    check(
        "routes: []\nqueue: { url: amqp://h/, password: \"${file:secret}\", type: mirrored }\nledger: postgres://h/\n",
        &["there is a `password` and no `username`", "write quorum or classic"],
    );
    check(
        "routes: []\nqueue: { url: amqp://u@h/, username: u }\nledger: \"postgres://h/x?sslmode=require\"\n",
        &["the user stands in the URL and in `username`"],
    );
    // Half a password would be taken for a host, and be told.
    check(
        "routes: []\nqueue: \"amqp://u:p@w@h/\"\nledger: \"postgres://u:p/w@h/x\"\n",
        &[
            "a user or password in the URL holds a character that ends it",
            "error[config/invalid]: a user or password in the URL",
        ],
    );
    check(
        "routes: []\nqueue: { url: amqp://u@h/, ca: secret }\nledger: { url: \"postgres://h/x?sslmode=disable\", ca: absent.pem }\n",
        &["write amqps:// instead of amqp://", "`ca`: there is no such file"],
    );
    check(
        "routes: []\nqueue: amqps://u@h/\nledger: { url: \"postgres://h/x?sslmode=require\", ca: secret }\n",
        &["secret cannot be used: there is no certificate in it"],
    );
}

#[test]
fn traces_go_to_a_collector() {
    let folder = folder();
    let with = |telemetry: &str| format!("routes: [ mappings ]\ntelemetry: {telemetry}\n");
    let (config, rendered) = read_in(folder.path(), &with("{ otlp: 'http://127.0.0.1:4317' }"));
    assert_eq!(rendered, "");
    let telemetry = config.unwrap().telemetry.unwrap();
    assert_eq!((telemetry.sample, &*telemetry.service), (1.0, "portolan"));
    assert_eq!(telemetry.collector.endpoint, "http://127.0.0.1:4317");
    let group = "{ otlp: { endpoint: 'https://otlp.example', headers: { x-api-key: '${file:secret}' } }, sample: 0.1, service: p }";
    let (config, rendered) = read_in(folder.path(), &with(group));
    assert_eq!(rendered, "");
    let telemetry = config.unwrap().telemetry.unwrap();
    assert_eq!(telemetry.collector.headers["x-api-key"], "canary-file");
    assert_eq!(telemetry.sample, 0.1);
    check(
        &with("{ otlp: '127.0.0.1:4317', sample: 10 }"),
        &["write the collector's address for OTLP over gRPC", "`sample`: write a share from 0 to 1"],
    );
    check(
        &with("{ otlp: { endpoint: 'http://h/', headers: { api-key: canary, 'ä': x } } }"),
        &["a secret stands here for everybody to read", "`ä` cannot be sent as gRPC metadata"],
    );
    check(&with("{ sample: 1 }"), &["`telemetry` has no `otlp`"]);
    check(
        &with("{ otlp: { endpoint: \"http://127.0.0.1:4317\", tls: { ca: secret } } }"),
        &["`tls` needs an https:// address"],
    );
}
