//! Every subcommand explains itself, with examples, and says what is wrong with how it is used.

use crate::{
    folder,
    snapshot::{check, portolan},
};

/// The texts themselves are `docs/reference/cli.md`, which `tests/tidy` holds against the command.
#[test]
fn every_command_explains_itself() {
    let (_kept, folder) = folder(&[]);
    let help = |words: &[&str]| {
        let output = portolan(&folder, words).arg("--help").output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{words:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    for code in ["0  fine", "1  findings", "2  wrong usage"] {
        assert!(help(&[]).contains(code));
    }
    let single = [
        "serve",
        "check",
        "describe",
        "translate",
        "decode",
        "encode",
        "simulate",
        "queue",
        "batch",
        "routes",
        "explain",
        "schema",
        "topology",
        "reload",
        "demo",
    ];
    let queue = ["list", "show", "retry", "resolve", "discard"].map(|w| vec!["queue", w]);
    let routes = ["list", "pause", "resume", "drain"].map(|w| vec!["routes", w]);
    let topology = ["show", "apply"].map(|w| vec!["topology", w]);
    let batch = ["list", "show"].map(|w| vec!["batch", w]);
    let double =
        queue.into_iter().chain(batch).chain(routes).chain(topology).chain([vec!["simulate", "soap"]]);
    for words in single.map(|w| vec![w]).into_iter().chain(double) {
        assert!(help(&words).contains(&format!("Examples:\n  portolan {}", words.join(" "))), "{words:?}");
    }
}

#[test]
fn wrong_usage_exits_2() {
    let (_kept, folder) = folder(&[]);
    check("usage-no-command", &folder, &["chekc"]);
    check("usage-no-path", &folder, &["check", "nowhere"]);
    check("usage-no-configuration-json", &folder, &["reload", "--format", "json"]);
    check("usage-no-token", &folder, &["routes", "--token-file", "nope"]);
    check("usage-no-request", &folder, &["call", "r", "--request", "nope.json"]);
    check("usage-no-wsdl", &folder, &["simulate", "soap", "--wsdl", "x.wsdl"]);
    check("usage-no-configuration", &folder, &["serve"]);
    check("usage-quantities", &folder, &["simulate", "soap", "--wsdl", "x.wsdl", "--fault", "5"]);
    check("usage-resolve", &folder, &["queue", "resolve", "019a3f2e-7c1b-7000-8000-000000000001"]);
    check(
        "usage-status",
        &folder,
        &["queue", "resolve", "019a3f2e-7c1b-7000-8000-000000000001", "--failed", "--status", "NOTFOUND"],
    );
}
