//! Routes from files, and the same routes from what was kept of them.

use std::path::Path;

use super::*;

/// Loads a configuration whose `routes:` are these, with the examples' systems and this text besides.
fn load(folder: &Path, routes: &str, more: &str) -> Result<(Files, Vec<Loaded>), String> {
    let system =
        |name: &str| format!("  {name}:\n    soap:\n      endpoint: \"http://127.0.0.1:1/\"\n{more}");
    let text = format!(
        "routes: [ \"{routes}\" ]
systems:
  mainframe: {{ batch: {{ folder: claims }} }}
  bank: {{ batch: {{ folder: payments }} }}
  employers: {{ batch: {{ folder: reports }} }}
  wage-ledger: {{ grpc: {{ address: \"http://127.0.0.1:1\" }} }}
{}",
        ["population-register", "benefits", "tax-office", "bookings"].map(system).concat()
    );
    let path = folder.join("portolan.yaml");
    std::fs::write(&path, text).unwrap();
    let files = Files::new(path);
    let loaded = files.load().map_err(|problem| problem.to_string())?;
    Ok((files, loaded))
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap().flatten() {
        let to = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &to);
        } else {
            std::fs::copy(entry.path(), to).unwrap();
        }
    }
}

#[test]
fn what_is_kept_makes_the_same_route_again_wherever_it_lay() {
    let examples = concat!(env!("CARGO_MANIFEST_DIR"), "/mappings");
    let tree = tempfile::tempdir().unwrap();
    copy(Path::new(examples), &tree.path().join("a/mappings"));
    std::fs::create_dir(tree.path().join("b")).unwrap();
    let hashes = |folder: &str, routes: &str| -> Vec<_> {
        let (files, loaded) = load(&tree.path().join(folder), routes, "").unwrap();
        assert_eq!(loaded.len(), 7, "those that make files and take them, too");
        let kept = loaded.iter().map(|one| {
            let again = files.open(&one.bundle).unwrap();
            assert_eq!((again.route.bundle, &again.bundle), (one.route.bundle, &one.bundle));
            assert_eq!((&again.route.name, &again.route.method), (&one.route.name, &one.route.method));
            one.route.bundle
        });
        kept.collect()
    };
    let beside = hashes("a", "mappings");
    assert_eq!(hashes("b", "../a/mappings"), beside, "the same files from another configuration");
    assert_eq!(hashes("b", examples), beside, "by an absolute path");
    copy(&tree.path().join("a"), &tree.path().join("c"));
    assert_eq!(hashes("c", "mappings"), beside, "the same tree elsewhere is the same version");
}

#[test]
fn standing_headers_are_part_of_the_mappings() {
    let tree = tempfile::tempdir().unwrap();
    copy(
        Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/mappings/population-register")),
        &tree.path().join("m"),
    );
    let mapping = std::fs::read_to_string(tree.path().join("m/get-person.yaml")).unwrap();
    let own =
        "  header:\n    service: { serviceCode: { const: PersonQuery }, serviceVersion: { const: v1 } }\n";
    assert!(mapping.contains(own));
    std::fs::write(tree.path().join("m/get-person.yaml"), mapping.replace(own, "")).unwrap();
    let header =
        "      header: { service: { serviceCode: { const: STANDING }, serviceVersion: { const: v2 } } }\n";
    let (_, loaded) = load(tree.path(), "m", header).unwrap();
    let context = portolan_engine::Context {
        message: portolan_delivery::MessageId::generate(),
        received: portolan_delivery::Timestamp(0),
        caller: None,
        request_id: None,
        metadata: &[],
        attempt: 1,
    };
    let mut envelope = Vec::new();
    let request = [b"\x0a\x0b".as_slice(), b"38502281234", b"\x18\x01"].concat();
    loaded[0].route.translate.request(&request, context, &mut envelope).unwrap();
    assert!(std::str::from_utf8(&envelope).unwrap().contains(">STANDING<"));
    std::fs::write(tree.path().join("token"), "canary-token\n").unwrap();
    let secret = "      header: { service: { serviceCode: { const: '${file:token}' }, serviceVersion: { const: v2 } } }\n";
    let (_, loaded) = load(tree.path(), "m", secret).unwrap();
    envelope.clear();
    loaded[0].route.translate.request(&request, context, &mut envelope).unwrap();
    assert!(String::from_utf8(envelope).unwrap().contains(">canary-token<"), "secrets are filled in");
    let wrong = "      header: { servise: { serviceCode: { const: STANDING } } }\n";
    let findings = load(tree.path(), "m", wrong).err().unwrap();
    assert!(findings.contains("servise") && findings.contains("portolan.yaml"), "{findings}");
}
