//! What a newcomer sees first runs to its end; and a partner that answers files with files.

use std::{fs, process::Command};

use crate::repository;

const PROGRAM: &str = env!("CARGO_BIN_EXE_portolan");

#[test]
fn the_demo_plays_all_its_acts() {
    let output = Command::new(PROGRAM).arg("demo").output().unwrap();
    let (said, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{said}\n{errors}");
    for act in 1..=9 {
        assert!(said.contains(&format!("\n{act}  ")), "act {act}: {said}");
    }
    for wanted in [
        "the register is not asked",
        "taken: 2 messages, 1 rejected",
        "taken: 1 messages, 0 rejected",
        "CLAIM",
        "\"state\":\"SUCCEEDED\"",
        "the income is above the limit",
    ] {
        assert!(said.contains(wanted), "{wanted}: {said}");
    }
    assert_eq!(errors, "");
}

#[test]
fn a_simulated_partner_answers_files_by_a_mapping() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let example = repository().join("mappings/benefits");
    fs::create_dir(path("out")).unwrap();
    fs::create_dir(path("in")).unwrap();
    fs::copy(example.join("samples/claim/file"), path("out/CLAIMS.20261130.0001")).unwrap();
    // What is being written, and what has another name, is let be.
    fs::write(path("out/CLAIMS.20261130.0002.tmp"), "half").unwrap();
    fs::write(path("out/README"), "not a file of claims").unwrap();
    let mapping = example.join("simulate/decide.yaml");
    let run = || {
        let mut command = Command::new(PROGRAM);
        command.args(["simulate", "batch", mapping.to_str().unwrap(), "--once"]);
        command.args(["--from", &path("out"), "--to", &path("in")]).output().unwrap()
    };
    let output = run();
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{said} {}", String::from_utf8_lossy(&output.stderr));
    assert!(said.starts_with("CLAIMS.20261130.0001: 1 record answered by DECISIONS.20"), "{said}");
    assert!(fs::exists(path("out/answered/CLAIMS.20261130.0001")).unwrap());
    let answers: Vec<_> = fs::read_dir(path("in")).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(answers.len(), 1, "{answers:?}");
    let layout = example.join("decisions.layout.yaml");
    let decoded = Command::new(PROGRAM)
        .args(["decode", "--layout", layout.to_str().unwrap(), answers[0].to_str().unwrap()])
        .output()
        .unwrap();
    let decoded = String::from_utf8(decoded.stdout).unwrap();
    assert!(decoded.contains("\"decision_code\":\"A\"") && decoded.lines().count() == 2, "{decoded}");
    assert_eq!(String::from_utf8(run().stdout).unwrap(), "", "nothing is answered twice");

    // A file that cannot be read is not guessed at, and stays.
    fs::write(path("out/CLAIMS.20261130.0003"), "garbage").unwrap();
    let output = run();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success() && said.contains("CLAIMS.20261130.0003: record 1"), "{said}");
    assert!(fs::exists(path("out/CLAIMS.20261130.0003")).unwrap());
}
