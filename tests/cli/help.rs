//! Every subcommand explains itself, with examples.

use crate::{folder, snapshot::check};

#[test]
fn every_command_explains_itself() {
    let (_kept, folder) = folder(&[]);
    for words in [
        &[][..],
        &["serve"],
        &["check"],
        &["describe"],
        &["translate"],
        &["simulate"],
        &["simulate", "soap"],
        &["queue"],
        &["queue", "list"],
        &["queue", "show"],
        &["queue", "retry"],
        &["queue", "resolve"],
        &["queue", "discard"],
        &["routes"],
        &["reload"],
    ] {
        let name = format!("help{}", words.iter().map(|w| format!("-{w}")).collect::<String>());
        let mut words = words.to_vec();
        words.push("--help");
        check(&name, &folder, &words);
    }
}

#[test]
fn wrong_usage_exits_2() {
    let (_kept, folder) = folder(&[]);
    check("usage-no-command", &folder, &["chekc"]);
    check("usage-no-path", &folder, &["check", "nowhere"]);
    check("usage-no-configuration", &folder, &["serve"]);
    check("usage-quantities", &folder, &["simulate", "soap", "--wsdl", "x.wsdl", "--fault", "5"]);
    check("usage-resolve", &folder, &["queue", "resolve", "019a3f2e-7c1b-7000-8000-000000000001"]);
    check(
        "usage-status",
        &folder,
        &["queue", "resolve", "019a3f2e-7c1b-7000-8000-000000000001", "--failed", "--status", "NOTFOUND"],
    );
}
