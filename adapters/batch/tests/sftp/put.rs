//! Files that are put there for others.

use std::io::Write as _;

use portolan_batch::{FolderError, Patch as _, Place, Written};

use super::*;

#[test]
fn the_same_is_written_once_and_another_is_refused() {
    let site = Site::new();
    let folder = site.open(Complete::Renamed);
    let content = noise(2_500_000);
    let write = |content: &[u8]| folder.write_same(Place::Folder, "out.ach", |out| out.write_all(content));
    assert_eq!(write(&content).unwrap(), Written::New);
    assert_eq!(write(&content).unwrap(), Written::Same);
    assert!(fs::read(site.at("out.ach")).unwrap() == content);
    let mode =
        std::os::unix::fs::PermissionsExt::mode(&fs::metadata(site.at("out.ach")).unwrap().permissions());
    assert_eq!(mode & 0o777, 0o640);
    let said = write(b"another").unwrap_err();
    assert!(matches!(said, FolderError::Differs { .. }), "{said}");
    let said = write(&[content.clone(), vec![0]].concat()).unwrap_err();
    assert!(matches!(said, FolderError::Differs { .. }), "{said}");
    assert_eq!(site.files(), set(["out.ach"]));
    // Totals that stand before what they count.
    let patched = folder.write(Place::Receipts, "r.txt", NOW, |out| {
        out.write_all(b"total ?, one, two")?;
        out.patch(6, b"2")
    });
    assert_eq!(patched.unwrap(), "r.txt");
    assert_eq!(fs::read_to_string(site.at("receipts/r.txt")).unwrap(), "total 2, one, two");
    // Another content has the name; the same has it already.
    for expected in ["r.txt.20261129T213000Z", "r.txt.20261129T213000Z"] {
        let named = folder.write(Place::Receipts, "r.txt", NOW, |out| out.write_all(b"other")).unwrap();
        assert_eq!(named, expected);
    }
    // What fails while it is made is not there.
    let failed = folder.write_same(Place::Folder, "half", |out| {
        out.write_all(b"half")?;
        Err(std::io::Error::other("it ends here"))
    });
    assert!(matches!(failed, Err(FolderError::Content { .. })));
    assert!(!site.at("half").exists() && site.spool_is_empty());
}

/// What others do with the name under which it is sent.
#[test]
fn what_lies_where_it_is_sent_does_no_harm() {
    let site = Site::new();
    let folder = site.open(Complete::Renamed);
    let content = noise(3_000_000);
    let write = || folder.write_same(Place::Folder, "out", |out| out.write_all(&content));
    write().unwrap();
    // By a name that is always the same; here it is made out by a write that is not let end.
    fs::remove_file(site.at("out")).unwrap();
    let relay = portolan_test_servers::Relay::to(site.server.address());
    let by_relay = site.open_by(relay.address());
    let mut aside = None;
    std::thread::scope(|scope| {
        scope.spawn(|| by_relay.write_same(Place::Folder, "out", |out| out.write_all(&content)));
        let begun = std::time::Instant::now();
        while aside.is_none() && begun.elapsed().as_secs() < 30 {
            aside = site.files().into_iter().find(|name| name.starts_with(".portolan-"));
        }
    });
    let aside = aside.expect("it was sent aside");
    for length in [0, 1_200_000, 3_000_000, 3_000_001] {
        let _ = fs::remove_file(site.at("out"));
        // What is not its beginning is found out, and sent anew at the next attempt.
        site.put(&aside, vec![7; length]);
        let first = write();
        assert!(first.is_ok() || !site.at("out").exists(), "{first:?}");
        if first.is_err() {
            assert_eq!(write().unwrap(), Written::New);
        }
        assert!(fs::read(site.at("out")).unwrap() == content);
        assert_eq!(site.files(), set(["out"]));
    }
    // It is gone on with.
    fs::remove_file(site.at("out")).unwrap();
    site.put(&aside, &content[..2_000_000]);
    assert_eq!(write().unwrap(), Written::New);
    assert!(fs::read(site.at("out")).unwrap() == content);
}
