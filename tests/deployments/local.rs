//! Every configuration that there is. Those of compose and of the chart are checked where their containers would read them.

use std::{fs, process::Command};

use crate::{deployments, said};

#[test]
fn the_configuration_of_this_machine_is_sound() {
    let mut check = Command::new(env!("CARGO_BIN_EXE_portolan"));
    said(check.args(["check", "--config"]).arg(deployments("local/portolan.yaml")));
}

/// One that is added is checked too.
#[test]
fn there_is_no_other_configuration() {
    let mut found = Vec::new();
    let mut folders = vec![deployments("")];
    while let Some(folder) = folders.pop() {
        for path in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            if path.is_dir() {
                folders.push(path);
            } else if path.file_name().is_some_and(|name| name == "portolan.yaml") {
                found.push(path);
            }
        }
    }
    found.sort();
    assert_eq!(found, ["compose", "local"].map(|folder| deployments(folder).join("portolan.yaml")));
}
