//! The image: its Dockerfile, what is sent to its build, and that the gateway runs with what is in it.

use std::{
    fs,
    path::{Component, Path, PathBuf},
};

use crate::{deployments, repository, room::Room, said, tool};

#[test]
fn the_dockerfile_is_sound() {
    let Some(mut hadolint) = tool("hadolint") else { return };
    said(hadolint.arg("--no-color").arg("--failure-threshold=info").arg(deployments("image/Dockerfile")));
    let text = fs::read_to_string(deployments("image/Dockerfile")).unwrap();
    let toolchain = fs::read_to_string(repository().join("rust-toolchain.toml")).unwrap();
    let channel =
        toolchain.lines().find_map(|line| line.strip_prefix("channel = \"")).unwrap().trim_end_matches('"');
    assert!(text.contains(&format!("RUSTUP_TOOLCHAIN={channel} ")), "another toolchain than {channel}");
}

/// As no one, with a read-only root and four libraries.
#[test]
fn the_gateway_runs_with_what_the_image_has() {
    let Some(mut room) = Room::new() else { return };
    let system = |name: &str| format!("  {name}: {{ soap: {{ endpoint: 'http://127.0.0.1:9/' }} }}\n");
    let folder = |name: &str| format!("  {name}: {{ batch: {{ folder: '/var/lib/portolan/{name}' }} }}\n");
    let systems = ["population-register", "benefits", "tax-office", "bookings"].map(system).concat()
        + &["mainframe", "bank", "employers"].map(folder).concat()
        + "  wage-ledger: { grpc: { address: 'http://127.0.0.1:9' } }\n";
    let queue = "sqlite:/var/lib/portolan/portolan.db";
    let config = format!("routes: [ /srv/mappings ]\nqueue: '{queue}'\nsystems:\n{systems}");
    room.files("/etc/portolan", &[("portolan.yaml", &config)]);
    room.read("/srv/mappings", &repository().join("mappings"));
    room.empty("/var/lib/portolan");
    room.starts(&["serve", "--config", "/etc/portolan/portolan.yaml", "--log-format", "json"]);
}

/// What the compiler puts into the binary is sent to the build.
#[test]
fn what_is_built_in_is_sent_to_the_build() {
    let ignored = fs::read_to_string(deployments("image/Dockerfile.dockerignore")).unwrap();
    let sent: Vec<_> = ignored.lines().filter_map(|line| line.strip_prefix('!')).map(PathBuf::from).collect();
    for path in &sent {
        assert!(repository().join(path).exists(), "{} is not there", path.display());
    }
    let (mut files, mut included) = (Vec::new(), 0);
    rust_files(&repository().join("src"), &mut files);
    for crates in ["core", "adapters"] {
        for folder in fs::read_dir(repository().join(crates)).unwrap().map(|entry| entry.unwrap().path()) {
            rust_files(&folder.join("src"), &mut files);
        }
    }
    for file in files {
        let text = fs::read_to_string(&file).unwrap();
        for macro_name in ["include_str!(\"", "include_bytes!(\""] {
            for rest in text.split(macro_name).skip(1) {
                let path = resolved(&file, rest.split('"').next().unwrap());
                included += 1;
                assert!(sent.iter().any(|sent| path.starts_with(sent)), "{} is not sent", path.display());
            }
        }
    }
    assert!(included > 10, "{included}");
}

fn rust_files(folder: &Path, found: &mut Vec<PathBuf>) {
    for path in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        if path.is_dir() {
            rust_files(&path, found);
        } else if path.extension().is_some_and(|e| e == "rs") {
            found.push(path);
        }
    }
}

/// A path beside a file, from the repository on.
fn resolved(file: &Path, path: &str) -> PathBuf {
    let mut from = file.strip_prefix(repository()).unwrap().parent().unwrap().to_owned();
    for part in Path::new(path).components() {
        match part {
            Component::ParentDir => assert!(from.pop(), "{path} leads out of the repository"),
            part => from.push(part),
        }
    }
    from
}
