//! A disk that is full, by a filesystem of 256 KiB; and where none can be mounted, by a limit of a file's size.

use std::{io::Write, process::Command};

use portolan_batch::{FolderError, Place};

use super::*;

#[test]
fn a_full_disk_is_said_and_leaves_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let run = |script: &str| {
        let mut command = Command::new("sh");
        command.args(["-c", script, "sh"]).arg(dir.path()).arg(std::env::current_exe().unwrap());
        command.args(["--exact", "full::a_process_without_room", "--ignored", "--nocapture"]);
        command.env("DROP_FOLDER", dir.path()).output()
    };
    let mounted = Command::new("unshare")
        .args(["-m", "sh", "-c", r#"mount -t tmpfs -o size=256k none "$1""#, "sh"])
        .arg(dir.path())
        .output();
    let output = match mounted.is_ok_and(|output| output.status.success()) {
        true => run(
            r#"exec unshare -m sh -c 'mount -t tmpfs -o size=256k none "$1" && chmod 700 "$1" && shift && exec "$@"' sh "$@""#,
        ),
        false => run(r#"trap "" XFSZ; ulimit -f 256; shift; exec "$@""#),
    };
    let output = output.unwrap();
    let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.contains("it went on"), "{said}");
}

#[test]
#[ignore = "the process of the test above"]
fn a_process_without_room() {
    let path = std::env::var_os("DROP_FOLDER").unwrap();
    let path = Path::new(&path);
    let mut folder = open(path, Complete::Renamed);
    fs::write(path.join("a.dat"), [b'a'; 100 << 10]).unwrap();
    let write = |folder: &Folder, bytes: usize| {
        folder.write(Place::Rejected, "a.dat", NOW, |aside| {
            let block = [b'r'; 1024];
            (0..bytes / 1024).try_for_each(|_| aside.write_all(&block))
        })
    };
    let before = files(path);
    let said = write(&folder, 1 << 20).unwrap_err();
    assert!(matches!(said, FolderError::Full { .. }), "{said}");
    assert!(
        said.to_string().contains("rejected/a.dat: ") && said.to_string().contains("make room"),
        "{said}"
    );
    assert_eq!(files(path), before);
    // Renaming needs no room, and what is smaller has some.
    let claim = claim(&mut folder, "a.dat");
    claim.identify().unwrap();
    assert_eq!(write(&folder, 32 << 10).unwrap(), "a.dat");
    claim.move_to(Place::Archive, NOW).unwrap();
    assert_eq!(files(path), set(["archive/a.dat", "rejected/a.dat"]));
    println!("it went on");
}
