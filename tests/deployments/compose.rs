//! compose.yaml, by docker compose; and its containers as far as they are ours, each in a room that is like it.

use std::{fs, process::Command};

use serde_json::Value;

use crate::{DRAIN_SECONDS, deployments, repository, room::Room, said, texts, tool};

/// The whole, as docker compose understands it.
fn compose() -> Option<Value> {
    let mut compose = tool("docker-compose")?;
    compose.arg("-f").arg(deployments("compose/compose.yaml"));
    compose.args(["--profile", "watch", "config", "--format", "json"]);
    Some(serde_json::from_str(&said(&mut compose)).unwrap())
}

/// Names and descriptions of services that run our image.
fn ours(compose: &Value) -> Vec<(&String, &Value)> {
    let services = compose["services"].as_object().unwrap().iter();
    services.filter(|(_, service)| service["image"].as_str().unwrap().starts_with("portolan:")).collect()
}

#[test]
fn our_containers_may_do_little() {
    let Some(compose) = compose() else { return };
    let ours = ours(&compose);
    assert_eq!(ours.len(), 5, "{ours:?}");
    for (name, service) in ours {
        assert_eq!(service["read_only"], true, "{name}");
        assert_eq!(texts(&service["cap_drop"]), ["ALL"], "{name}");
        assert_eq!(texts(&service["security_opt"]), ["no-new-privileges:true"], "{name}");
        assert!(service["privileged"].is_null() && service["user"].is_null(), "{name}");
    }
    let versions =
        [&compose["services"]["broker-1"], &compose["services"]["broker-users"]].map(|s| &s["image"]);
    assert_eq!(versions[0], versions[1]);
}

/// Docker kills what has not ended by then.
#[test]
fn gateways_are_given_the_time_to_finish() {
    let Some(compose) = compose() else { return };
    for name in ["gateway-1", "gateway-2"] {
        let grace = compose["services"][name]["stop_grace_period"].as_str().unwrap();
        assert!(grace.trim_end_matches('s').parse::<u64>().unwrap() > DRAIN_SECONDS + 5, "{grace}");
    }
}

/// With the mounts of its container: files that it names are there, what it writes to is writable, what it calls is called so.
#[test]
fn each_of_our_containers_would_start() {
    let Some(compose) = compose() else { return };
    for (name, service) in ours(&compose) {
        let Some(mut room) = Room::new() else { return };
        furnish(&mut room, service);
        let command = texts(&service["command"]);
        if command.is_empty() {
            let text = fs::read_to_string(repository().join("deployments/compose/portolan.yaml")).unwrap();
            for host in hosts(&text) {
                assert!(compose["services"].get(host).is_some(), "{name} calls {host}, which is no service");
            }
            room.check(&["--config", "/etc/portolan/portolan.yaml"]);
            let probe = texts(&service["healthcheck"]["test"]);
            assert_eq!(probe[1], crate::room::BINARY);
            let token = probe.iter().position(|word| *word == "--token-file").unwrap();
            assert!(text.contains(&format!("admin-token: {}\n", probe[token + 1])));
            // Where nothing answers it fails, and not for its words.
            let output = room.command(&probe[2..]).output().unwrap();
            assert_eq!(output.status.code(), Some(1), "{output:?}");
        } else {
            room.starts(&command);
        }
    }
}

fn furnish(room: &mut Room, service: &Value) {
    let list = |key: &str| service[key].as_array().cloned().unwrap_or_default();
    for volume in list("volumes") {
        let (from, to) = (volume["source"].as_str().unwrap(), volume["target"].as_str().unwrap());
        if volume["read_only"] == true {
            room.read(to, from.as_ref());
        } else {
            room.empty(to);
        }
    }
    for tmpfs in texts(&service["tmpfs"]) {
        let (at, options) = tmpfs.split_once(':').unwrap();
        assert_eq!(options, "uid=65532,gid=65532,mode=0700");
        // Of a gateway that has run.
        fs::write(room.empty(at).join("admin-token"), "0".repeat(64)).unwrap();
    }
    let secrets = list("secrets");
    let names = secrets.iter().map(|secret| secret["source"].as_str().unwrap());
    let files: Vec<_> = names.map(|name| (name, "not this one")).collect();
    room.files("/run/secrets", &files);
}

/// The hosts of the URLs in a configuration.
fn hosts(text: &str) -> Vec<&str> {
    let rests = text.lines().filter(|line| !line.starts_with('#')).flat_map(|line| line.split("://").skip(1));
    let hosts = rests.map(|rest| rest.split(['/', '"']).next().unwrap()).flat_map(|hosts| hosts.split(','));
    hosts.map(|host| host.split(':').next().unwrap()).filter(|host| *host != "0.0.0.0").collect()
}

/// Secrets that nobody else can read; what is there already stays.
#[test]
fn what_it_needs_beside_it_is_made_once() {
    let folder = tempfile::tempdir().unwrap();
    // To give a folder away is root's.
    let root = said(Command::new("id").arg("-u")).trim() == "0";
    if !root {
        for system in ["employers", "mainframe", "bank"] {
            fs::create_dir_all(folder.path().join("drop").join(system)).unwrap();
        }
    }
    let prepare = || said(Command::new(deployments("compose/prepare")).arg(folder.path()));
    let secrets = || {
        let read = |name| fs::read_to_string(folder.path().join("secrets").join(name)).unwrap();
        ["rabbit", "ledger", "cookie"].map(read)
    };
    prepare();
    let made = secrets();
    assert!(made.iter().all(|secret| secret.len() == 48 && !secret.contains('\n')), "{made:?}");
    prepare();
    assert_eq!(secrets(), made);
    let shown = said(Command::new("stat").args(["-c", "%a", "secrets"]).current_dir(folder.path()));
    assert_eq!(shown.trim(), "700");
    let compose = fs::read_to_string(deployments("compose/compose.yaml")).unwrap();
    for secret in ["rabbit", "ledger", "cookie"] {
        assert!(compose.contains(&format!("  {secret}: {{ file: secrets/{secret} }}\n")));
    }
}
