//! The layouts of `docs/reference/layouts.md` are sound.

use std::process::Command;

#[test]
fn layouts_of_the_reference_are_sound() {
    let page = std::fs::read_to_string(super::root().join("docs/reference/layouts.md")).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let mut names = Vec::new();
    for block in page.split("\n```").skip(1).step_by(2) {
        let (info, text) = block.split_once('\n').unwrap();
        let name = match info.split_once(' ') {
            Some((_, file)) => file.to_owned(),
            None if text.starts_with("layout:") => format!("{}.yaml", names.len()),
            None => continue,
        };
        std::fs::write(folder.path().join(&name), text).unwrap();
        names.push(name);
    }
    assert!(names.len() >= 5, "{names:?}");
    let mut command = Command::new(env!("CARGO_BIN_EXE_portolan"));
    let output =
        command.arg("check").args(&names).current_dir(folder.path()).output().expect("portolan runs");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(said.starts_with("no findings;"), "{said}");
}
