//! The Helm chart: rendered by Helm, held to the schemas of Kubernetes, and its pods as far as that goes, each in a room that is like one.

use std::{fs, process::Command};

use portolan_test_servers::Authority;
use serde_json::Value;

use crate::{deployments, documents, python, repository, room::Room, said, texts, tool};

/// The oldest version of Kubernetes that the chart is for, and the newest that there are schemas of.
const KUBERNETES: [&str; 2] = ["1.30", "1.37"];

const EXAMPLES: [&str; 2] = ["single", "shared"];

fn helm(words: &[&str]) -> Option<Command> {
    let mut helm = tool("helm")?;
    // It looks for nothing at home.
    helm.env("HELM_CACHE_HOME", "/nonexistent").env("HELM_CONFIG_HOME", "/nonexistent");
    helm.args(words).arg(deployments("helm/portolan"));
    Some(helm)
}

fn example(name: &str) -> String {
    deployments("helm/examples").join(format!("{name}.yaml")).display().to_string()
}

/// What Helm makes of these values.
#[track_caller]
fn text(values: &[&str]) -> Option<String> {
    let mut words = vec!["template", "civic", "--namespace", "gateways"];
    words.extend(values);
    Some(said(&mut helm(&words)?))
}

#[track_caller]
fn rendered(values: &[&str]) -> Option<Vec<Value>> {
    Some(documents(&text(values)?))
}

fn of<'a>(manifests: &'a [Value], kind: &str) -> Option<&'a Value> {
    manifests.iter().find(|manifest| manifest["kind"] == kind)
}

/// With what one gateway has, with what several have, and with what is left out of both.
#[test]
fn the_chart_is_sound() {
    let folder = tempfile::tempdir().unwrap();
    let mut judge = python("kubernetes.py");
    judge.arg(repository().join("tests/deployments/.tools/kubernetes-schemas.zip")).arg(KUBERNETES.join(","));
    let examples = EXAMPLES.map(example);
    let more = "tls.secret=t,tls.clientCa=true,secrets.values.a=b,monitoring.dashboard=true";
    let cases: [&[&str]; 5] = [
        &["-f", &examples[0]],
        &["-f", &examples[1]],
        &["-f", &examples[1], "--set", "autoscaling.by=hpa"],
        &["--set", more],
        &[],
    ];
    for (number, values) in cases.iter().enumerate() {
        let Some(text) = text(values) else { return };
        let path = folder.path().join(format!("{number}.yaml"));
        fs::write(&path, text).unwrap();
        judge.arg(path);
    }
    said(&mut judge);
    for example in examples {
        said(&mut helm(&["lint", "--strict", "-f", &example]).unwrap());
    }
}

#[test]
fn what_depth_scales() {
    let shared = example("shared");
    let Some(manifests) = rendered(&["-f", &shared]) else { return };
    let scaled = of(&manifests, "ScaledObject").unwrap();
    let query = scaled["spec"]["triggers"][0]["metadata"]["query"].as_str().unwrap();
    assert_eq!(query, "sum(portolan:queue_workable_messages{namespace=\"gateways\"})");
    let rules = fs::read_to_string(deployments("prometheus/portolan.rules.yaml")).unwrap();
    assert!(rules.contains("record: portolan:queue_workable_messages\n"));
    // Who scales says how many there are.
    assert!(of(&manifests, "Deployment").unwrap()["spec"]["replicas"].is_null());

    let manifests = rendered(&["-f", &shared, "--set", "autoscaling.by=hpa"]).unwrap();
    let scaler = &of(&manifests, "HorizontalPodAutoscaler").unwrap()["spec"];
    assert_eq!(scaler["metrics"][0]["external"]["target"]["averageValue"], "1000");
    assert_eq!((&scaler["minReplicas"], &scaler["maxReplicas"]), (&2.into(), &4.into()));
    assert!(of(&manifests, "ScaledObject").is_none());

    let manifests = rendered(&["-f", &shared, "--set", "autoscaling.by=none,replicas=3"]).unwrap();
    assert_eq!(of(&manifests, "Deployment").unwrap()["spec"]["replicas"], 3);
    assert_eq!(of(&manifests, "PodDisruptionBudget").unwrap()["spec"]["maxUnavailable"], 1);
}

#[test]
fn pods_are_closed_and_end_in_good_order() {
    for (values, kind) in [("single", "StatefulSet"), ("shared", "Deployment")] {
        let more = "preStopSeconds=7,drainSeconds=90";
        let Some(manifests) = rendered(&["-f", &example(values), "--set", more]) else { return };
        let pod = &of(&manifests, kind).unwrap()["spec"]["template"]["spec"];
        assert_eq!(pod["automountServiceAccountToken"], false);
        assert_eq!(pod["securityContext"]["runAsNonRoot"], true);
        assert_eq!(pod["securityContext"]["seccompProfile"]["type"], "RuntimeDefault");
        let container = &pod["containers"][0];
        assert_eq!(container["securityContext"]["readOnlyRootFilesystem"], true);
        assert_eq!(container["securityContext"]["allowPrivilegeEscalation"], false);
        assert_eq!(texts(&container["securityContext"]["capabilities"]["drop"]), ["ALL"]);
        // The gateway drains for as long as it is told, and is killed later than that.
        assert_eq!(container["lifecycle"]["preStop"]["sleep"]["seconds"], 7);
        assert!(configuration(&manifests).contains("drain-timeout: 90s\n"));
        assert!(pod["terminationGracePeriodSeconds"].as_u64().unwrap() >= 7 + 90 + 5);
        // Each path is of a volume, and each volume somewhere.
        let names = |list: &Value| {
            let list = list.as_array().into_iter().flatten();
            let mut names: Vec<_> = list.map(|one| one["name"].as_str().unwrap().to_owned()).collect();
            names.sort();
            names
        };
        let mut there = names(&pod["volumes"]);
        let claimed = &of(&manifests, kind).unwrap()["spec"]["volumeClaimTemplates"];
        there.extend(claimed.as_array().into_iter().flatten().map(|_| "data".to_owned()));
        there.sort();
        assert_eq!(names(&container["volumeMounts"]), there);
        // Selectors find the pods.
        let labels =
            of(&manifests, kind).unwrap()["spec"]["template"]["metadata"]["labels"].as_object().unwrap();
        let ours = |selector: &Value| {
            selector.as_object().unwrap().iter().all(|(key, value)| labels.get(key) == Some(value))
        };
        for manifest in &manifests {
            match manifest["kind"].as_str().unwrap() {
                "Service" => assert!(ours(&manifest["spec"]["selector"])),
                "NetworkPolicy" => assert!(ours(&manifest["spec"]["podSelector"]["matchLabels"])),
                "PodDisruptionBudget" | "StatefulSet" | "Deployment" => {
                    assert!(ours(&manifest["spec"]["selector"]["matchLabels"]));
                }
                _ => {}
            }
        }
    }
}

fn configuration(manifests: &[Value]) -> String {
    let mut texts = manifests.iter().filter_map(|manifest| manifest["data"]["portolan.yaml"].as_str());
    texts.next().expect("a ConfigMap with portolan.yaml").to_owned()
}

/// With the mounts of its pod: what the configuration names is where it says, and a gateway on SQLite starts.
#[test]
fn each_pod_would_start() {
    let authority = Authority::new();
    let shown = authority.certificate("portolan");
    let read = |path: &std::path::Path| fs::read_to_string(path).unwrap();
    let (ca, certificate, key) = (read(&authority.file()), read(&shown.certificate), read(&shown.key));
    for (name, kind) in [("single", "StatefulSet"), ("shared", "Deployment")] {
        let Some(manifests) = rendered(&["-f", &example(name)]) else { return };
        let Some(mut room) = Room::new() else { return };
        let pod = &of(&manifests, kind).unwrap()["spec"]["template"]["spec"];
        let container = &pod["containers"][0];
        for mount in container["volumeMounts"].as_array().unwrap() {
            let (volume, at) = (mount["name"].as_str().unwrap(), mount["mountPath"].as_str().unwrap());
            match volume {
                "config" => room.files(at, &[("portolan.yaml", &configuration(&manifests))]),
                "secrets" => {
                    room.files(at, &[("rabbit", "r"), ("ledger", "l"), ("register", "p"), ("ca.pem", &ca)])
                }
                "tls" => room.files(at, &[("tls.crt", &certificate), ("tls.key", &key), ("ca.crt", &ca)]),
                _ if volume.starts_with("mapping-") => {
                    room.read(at, &repository().join("mappings").join(&volume[8..]))
                }
                _ => drop(room.empty(at)),
            }
        }
        if name == "shared" {
            // Its image has them.
            room.read("/etc/portolan/mappings", &repository().join("mappings"));
        }
        let words = texts(&container["args"]);
        room.check(&words);
        if name == "single" {
            room.starts(&words);
        }
    }
}

/// Values that cannot work are refused before anything is installed.
#[test]
fn what_cannot_work_is_refused() {
    for (values, reason) in [
        ("replicas=2", "several gateways share their work over RabbitMQ and PostgreSQL"),
        ("autoscaling.by=keda", "several gateways share their work"),
        ("config.ledger=postgres://db/portolan", "needs config.queue at RabbitMQ"),
        ("config.admin-token=/tmp/t", "config.admin-token is the chart's"),
        ("replica=2", "'replica' not allowed"),
        ("autoscaling.by=cron", "must be one of"),
    ] {
        let Some(mut helm) = helm(&["template", "civic", "--set", values]) else { return };
        let output = helm.output().unwrap();
        let complaint = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && complaint.contains(reason), "{values}: {complaint}");
    }
}
