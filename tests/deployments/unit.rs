//! systemd's unit and user, by systemd.

use std::{fs, process::Command};

use crate::{DRAIN_SECONDS, deployments, said};

/// The unit, with the binary where it is.
fn unit() -> (tempfile::TempDir, std::path::PathBuf) {
    let text = fs::read_to_string(deployments("systemd/portolan.service")).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("portolan.service");
    fs::write(&path, text.replace("/usr/local/bin/portolan", env!("CARGO_BIN_EXE_portolan"))).unwrap();
    (folder, path)
}

#[test]
fn the_unit_is_sound() {
    let (_folder, path) = unit();
    let output = Command::new("systemd-analyze").args(["verify", "--man=no"]).arg(path).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    // It looks at what the unit wants of this machine as well, which is none of the unit's.
    let ours: Vec<_> = said.lines().filter(|line| line.contains("portolan")).collect();
    assert!(output.status.success() && ours.is_empty(), "{said}");
}

/// 0 is a service that can do nothing, 10 one that can do anything; below 2 is what systemd calls fine.
#[test]
fn the_unit_may_do_little() {
    let mut analyze = Command::new("systemd-analyze");
    let (_folder, path) = unit();
    said(analyze.args(["security", "--offline=true", "--no-pager", "--threshold=15"]).arg(path));
}

#[test]
fn the_unit_stops_when_calls_are_finished() {
    let text = fs::read_to_string(deployments("systemd/portolan.service")).unwrap();
    let stops = text.lines().find_map(|line| line.strip_prefix("TimeoutStopSec=")).unwrap();
    assert!(stops.parse::<u64>().unwrap() > DRAIN_SECONDS + 5);
}

#[test]
fn the_user_can_be_made() {
    let root = tempfile::tempdir().unwrap();
    fs::create_dir(root.path().join("etc")).unwrap();
    let mut sysusers = Command::new("systemd-sysusers");
    said(sysusers.arg("--root").arg(root.path()).arg(deployments("systemd/portolan.sysusers.conf")));
    let users = fs::read_to_string(root.path().join("etc/passwd")).unwrap();
    assert!(users.contains("portolan:") && users.contains(":/var/lib/portolan:"), "{users}");
}
