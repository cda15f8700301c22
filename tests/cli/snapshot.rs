//! A command, run, against what it must print.

use std::{
    fmt::Write,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

/// `portolan` with these words, in this folder, without anything of the tester's environment that could show.
pub(crate) fn portolan(folder: &Path, words: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_portolan"));
    command.args(words).current_dir(folder).stdin(Stdio::null());
    command.env_remove("NO_COLOR").env("COLUMNS", "100");
    command
}

/// Runs a command and holds what it prints against `snapshots/NAME.txt`.
#[track_caller]
pub(crate) fn check(name: &str, folder: &Path, words: &[&str]) {
    let output = portolan(folder, words).output().unwrap();
    check_with(name, folder, words, &output);
}

/// Holds what a command has printed against `snapshots/NAME.txt`.
#[track_caller]
pub(crate) fn check_with(name: &str, folder: &Path, words: &[&str], output: &Output) {
    let found = describe(output, folder, words);
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(format!("tests/cli/snapshots/{name}.txt"));
    if std::env::var_os("UPDATE_SNAPSHOTS").is_some() {
        std::fs::write(path, found).unwrap();
        return;
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(found == expected, "{} differs; found:\n{found}\nexpected:\n{expected}", path.display());
}

/// The command line, the exit code, and both outputs; the folder's own name is nobody's matter.
fn describe(output: &Output, folder: &Path, words: &[&str]) -> String {
    let mut text = format!("$ portolan {}\n", words.join(" "));
    let _ = writeln!(text, "exit code: {}", output.status.code().unwrap());
    for (name, bytes) in [("stdout", &output.stdout), ("stderr", &output.stderr)] {
        if !bytes.is_empty() {
            let _ = write!(text, "--- {name}\n{}", String::from_utf8_lossy(bytes));
        }
    }
    text.replace(&folder.display().to_string(), "[FOLDER]")
}
