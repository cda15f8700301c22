//! What is written is there whole, or not at all.

use std::io::{self, Write};

use portolan_batch::{FolderDrop, FolderError, FolderOptions, Patch, Place, Written};
use portolan_delivery::FileDrop as _;

use super::*;

#[test]
fn whole_under_a_name_that_was_free() {
    let (dir, folder) = drop_folder(Complete::Renamed);
    let write = |content: &str| {
        let written = folder.write(Place::Receipts, "a.json", NOW, |aside| {
            // Not there before it is whole.
            assert!(!files(dir.path()).contains("receipts/a.json.20261129T213000Z"));
            aside.write_all(content.as_bytes())
        });
        written.unwrap()
    };
    assert_eq!(write("one"), "a.json");
    assert_eq!(write("two"), "a.json.20261129T213000Z");
    assert_eq!(files(dir.path()), set(["receipts/a.json", "receipts/a.json.20261129T213000Z"]));
    assert_eq!(fs::read_to_string(dir.path().join("receipts/a.json")).unwrap(), "one");
}

/// One that died behind it writes it once more.
#[test]
fn what_was_written_before_is_not_written_again() {
    let (dir, folder) = drop_folder(Complete::Renamed);
    let write = |content: &str| {
        folder.write(Place::Rejected, "a.txt", NOW, |aside| aside.write_all(content.as_bytes())).unwrap()
    };
    for _ in 0..2 {
        assert_eq!(write("one"), "a.txt");
        assert_eq!(write("two"), "a.txt.20261129T213000Z");
    }
    assert_eq!(files(dir.path()), set(["rejected/a.txt", "rejected/a.txt.20261129T213000Z"]));
}

#[test]
fn the_same_again_is_nothing_and_another_is_refused() {
    let (dir, folder) = drop_folder(Complete::Renamed);
    let write =
        |content: &[u8]| folder.write_same(Place::Folder, "out.ach", |aside| aside.write_all(content));
    let content = b"0123456789".repeat(30_000);
    assert_eq!(write(&content).unwrap(), Written::New);
    assert_eq!(write(&content).unwrap(), Written::Same);
    let mut other = content.clone();
    *other.last_mut().unwrap() = b'x';
    for other in [&other, &content[1..], &b""[..]] {
        let said = write(other).unwrap_err();
        assert!(matches!(said, FolderError::Differs { .. }), "{said}");
    }
    std::os::unix::fs::symlink("out.ach", dir.path().join("link.ach")).unwrap();
    let linked = folder.write_same(Place::Folder, "link.ach", |aside| aside.write_all(&content));
    assert!(linked.is_err());
    assert_eq!(files(dir.path()), set(["link.ach", "out.ach"]));
    assert_eq!(fs::read(dir.path().join("out.ach")).unwrap(), content);
}

#[test]
fn what_was_written_too_early_is_written_over() {
    let (dir, folder) = drop_folder(Complete::Renamed);
    let written = folder.write(Place::Rejected, "a", NOW, |aside| {
        aside.write_all(b"H000")?;
        aside.write_all(&b"P".repeat(100_000))?;
        aside.patch(1, b"123")?;
        assert_eq!(aside.patch(100_003, b"xx").unwrap_err().kind(), io::ErrorKind::InvalidInput);
        aside.write_all(b"T")
    });
    written.unwrap();
    let found = fs::read_to_string(dir.path().join("rejected/a")).unwrap();
    assert_eq!((&found[..5], found.len(), found.ends_with("PT")), ("H123P", 100_005, true));
}

#[test]
fn nothing_is_left_of_what_fails() {
    let (dir, folder) = drop_folder(Complete::Renamed);
    let failed = folder.write(Place::Rejected, "a", NOW, |aside| {
        aside.write_all(&[b'x'; 1 << 20])?;
        Err(io::Error::from(io::ErrorKind::StorageFull))
    });
    let said = failed.unwrap_err();
    assert!(matches!(said, FolderError::Full { .. }) && said.may_pass(), "{said}");
    assert!(said.to_string().contains("make room"), "{said}");
    let failed = folder.write(Place::Rejected, "a", NOW, |_| Err(io::Error::other("no such header")));
    assert!(failed.unwrap_err().to_string().ends_with("rejected/a was not written: no such header"));
    let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        folder.write(Place::Rejected, "a", NOW, |_| panic!("a bug"))
    }));
    assert!(panicked.is_err() && files(dir.path()).is_empty());
    for name in ["../a", "/tmp/a", "", ".", ".a", "a/b", "a\n"] {
        let refused = folder.write(Place::Folder, name, NOW, |_| Ok(()));
        assert!(matches!(refused, Err(FolderError::Name { .. })), "{name}");
        folder.write_same(Place::Folder, name, |_| Ok(())).unwrap_err();
    }
}

#[test]
fn what_is_being_written_is_not_swept_away() {
    let (dir, folder) = drop_folder(Complete::Renamed);
    fs::write(dir.path().join("archive/.portolan-1-1.writing"), "left").unwrap();
    fs::write(dir.path().join(".portolan-1-1.writing"), "left").unwrap();
    let written = folder.write(Place::Receipts, "a", NOW, |aside| {
        aside.write_all(b"a")?;
        // Another gateway starts.
        open(dir.path(), Complete::Renamed);
        assert_eq!(files(dir.path()).len(), 1);
        Ok(())
    });
    written.unwrap();
    assert_eq!(files(dir.path()), set(["receipts/a"]));
}

/// What was prepared and is of no use leaves nothing; another one of that name is its own.
#[test]
fn what_is_discarded_leaves_nothing_and_nothing_else_goes() {
    let dir = tempfile::tempdir().unwrap();
    let out = FolderDrop::new(FolderOptions::new(dir.path()));
    let prepare =
        |content: &'static [u8]| out.prepare("a.ach", &mut |aside| aside.write_all(content)).unwrap();
    let (wrong, sound) = (prepare(b"wrong"), prepare(b"sound"));
    out.discard(&wrong);
    out.discard(&wrong);
    assert_eq!(files(&dir.path().join("out")), set([&*sound]));
    assert!(out.prepared(&wrong).is_err());
    out.publish("a.ach", &sound).unwrap();
    assert_eq!(fs::read(dir.path().join("out/a.ach")).unwrap(), b"sound");
    assert_eq!(files(&dir.path().join("out")), set(["a.ach"]));
}
