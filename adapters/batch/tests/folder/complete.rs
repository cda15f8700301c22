//! When a file is complete: by its name, a done-file, a manifest, or because it is quiet.

use std::time::{Duration, SystemTime};

use portolan_batch::{Place, Why};
use sha2::{Digest, Sha256};

use super::*;

#[test]
fn by_its_name() {
    let (dir, mut folder) = drop_folder(Complete::Renamed);
    for name in [".a", "b.tmp", "c.PART", "d.filepart", "e.writing", "f.txt", "tmp", "g.tmp.txt"] {
        fs::write(dir.path().join(name), name).unwrap();
    }
    let found = look(&mut folder);
    assert_eq!(
        names(&found.candidates).into_iter().collect::<BTreeSet<_>>(),
        ["f.txt", "g.tmp.txt", "tmp"].into()
    );
    assert!(found.ignored.is_empty());
    fs::rename(dir.path().join("b.tmp"), dir.path().join("b")).unwrap();
    assert!(names(&look(&mut folder).candidates).contains(&"b"));
}

#[test]
fn by_a_done_file_that_comes_late_and_goes_with_it() {
    let (dir, mut folder) = drop_folder(Complete::DoneFile { suffix: ".done".into() });
    let at = |name: &str| dir.path().join(name);
    fs::write(at("a.dat"), "half").unwrap();
    fs::write(at("b.dat.done"), "").unwrap();
    let found = look(&mut folder);
    assert_eq!((found.candidates.len(), found.waiting, found.ignored.len()), (0, 1, 0));
    fs::write(at("a.dat"), "half and half").unwrap();
    fs::create_dir(at("a.dat.done")).unwrap();
    assert_eq!(look(&mut folder).candidates.len(), 0);
    fs::remove_dir(at("a.dat.done")).unwrap();
    fs::write(at("a.dat.done"), "").unwrap();
    let taken = claim(&mut folder, "a.dat");
    assert_eq!(taken.identify().unwrap().bytes, 13);
    assert_eq!(files(dir.path()), set([".taking/gw-1/a.dat", ".taking/gw-1/a.dat.done", "b.dat.done"]));
    // The next of the same name waits for a done-file of its own.
    fs::write(at("a.dat"), "next").unwrap();
    assert_eq!(look(&mut folder).candidates.len(), 0);
    taken.move_to(Place::Archive, NOW).unwrap();
    assert_eq!(files(dir.path()), set(["a.dat", "archive/a.dat", "b.dat.done"]));
}

#[test]
fn a_done_file_comes_back_with_its_file() {
    let (dir, mut folder) = drop_folder(Complete::DoneFile { suffix: ".done".into() });
    let at = |name: &str| dir.path().join(name);
    fs::write(at("a.dat"), "a").unwrap();
    fs::write(at("a.dat.done"), "").unwrap();
    let found = look(&mut folder).candidates;
    let taken = claim(&mut folder, "a.dat");
    // Another gateway that saw both finds neither.
    assert!(folder.claim(&found[0], "gw-2").unwrap().is_none());
    taken.release().unwrap();
    assert_eq!(files(dir.path()), set(["a.dat", "a.dat.done"]));
    let taken = claim(&mut folder, "a.dat");
    fs::remove_file(at(".taking/gw-1/a.dat.done")).unwrap();
    taken.release().unwrap();
    assert_eq!(files(dir.path()), set(["a.dat", "a.dat.done"]));
    for suffix in ["", "/done", "\n"] {
        let complete = Complete::DoneFile { suffix: suffix.into() };
        Folder::open(FolderOptions { complete, ..FolderOptions::new(dir.path()) }).unwrap_err();
    }
}

fn sum(content: &str) -> String {
    Sha256::digest(content).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn by_manifest() -> Complete {
    Complete::Manifest { names: "*.manifest".parse().unwrap() }
}

#[test]
fn by_a_manifest_with_sizes_and_hashes() {
    let (dir, mut folder) = drop_folder(by_manifest());
    let at = |name: &str| dir.path().join(name);
    fs::write(at("a.dat"), "aaa").unwrap();
    fs::write(at("b.dat"), "bb").unwrap();
    fs::write(at("unlisted.dat"), "").unwrap();
    assert_eq!(look(&mut folder).waiting, 3);
    let listed = format!("a.dat 3 {}\nb.dat 5 {}\nc.dat 1 {}\n", sum("aaa"), sum("bbbbb"), sum("c"));
    fs::write(at("1.manifest"), &listed).unwrap();
    let found = look(&mut folder);
    assert_eq!((names(&found.candidates), found.waiting), (vec!["a.dat"], 2));
    let a = claim(&mut folder, "a.dat");
    a.identify().unwrap();
    a.move_to(Place::Archive, NOW).unwrap();
    // As long as it should be, and another.
    fs::write(at("b.dat"), "bbbbx").unwrap();
    let found = look(&mut folder);
    assert_eq!(found.candidates, []);
    assert_eq!(found.ignored[0].why, Why::NotAsListed);
    assert_eq!(look(&mut folder).ignored, []);
    fs::write(at("b.dat"), "bbbbb").unwrap();
    claim(&mut folder, "b.dat").move_to(Place::Archive, NOW).unwrap();
    fs::write(at("c.dat"), "cc").unwrap();
    assert_eq!(look(&mut folder).ignored[0].why, Why::NotAsListed);
    fs::write(at("c.dat"), "c").unwrap();
    let c = claim(&mut folder, "c.dat");
    // It may be put back as long as it is taken, and then it needs its manifest.
    assert!(look(&mut folder).manifests.is_empty());
    c.release().unwrap();
    claim(&mut folder, "c.dat").move_to(Place::Archive, NOW).unwrap();
    assert_eq!(look(&mut folder).manifests, ["1.manifest"]);
    let archived = ["archive/1.manifest", "archive/a.dat", "archive/b.dat", "archive/c.dat", "unlisted.dat"];
    assert_eq!(files(dir.path()), set(archived));
    // The next night has the same names.
    fs::write(at("1.manifest"), listed.replace("a.dat 3", "a.dat 4")).unwrap();
    fs::write(at("a.dat"), "aaa").unwrap();
    assert_eq!((look(&mut folder).candidates.len(), look(&mut folder).manifests.len()), (0, 0));
}

#[test]
fn by_the_output_of_sha256sum() {
    let (dir, mut folder) = drop_folder(by_manifest());
    let at = |name: &str| dir.path().join(name);
    fs::write(at("a.dat"), "aaa").unwrap();
    fs::write(at("x.manifest"), format!("{}  a.dat\nnonsense\n{}  ../b\n", sum("aaaa"), sum("b"))).unwrap();
    // Without a size, a file that may still grow is looked at twice before its hash is made.
    let found = look(&mut folder);
    assert_eq!((found.candidates.len(), found.waiting), (0, 1));
    assert_eq!(found.ignored[0].why, Why::ManifestLine(2));
    fs::write(at("a.dat"), "aaaa").unwrap();
    assert_eq!(look(&mut folder).waiting, 1);
    assert_eq!(names(&look(&mut folder).candidates), ["a.dat"]);
    // What is taken is held against the manifest once more.
    let found = look(&mut folder).candidates;
    let taken = folder.claim(&found[0], "gw-1").unwrap().unwrap();
    fs::write(at(".taking/gw-1/a.dat"), "aaab").unwrap();
    assert!(taken.identify().unwrap_err().to_string().contains("was changed while it was read"));
}

#[test]
fn manifests_that_are_none() {
    let (dir, mut folder) = drop_folder(by_manifest());
    let at = |name: &str| dir.path().join(name);
    fs::write(at("a.dat"), "a").unwrap();
    fs::write(at("real"), format!("a.dat 1 {}\n", sum("a"))).unwrap();
    std::os::unix::fs::symlink("real", at("link.manifest")).unwrap();
    fs::create_dir(at("dir.manifest")).unwrap();
    rustix::fs::mkfifoat(rustix::fs::CWD, at("fifo.manifest"), 0o600.into()).unwrap();
    fs::File::create(at("big.manifest")).unwrap().set_len(1 << 40).unwrap();
    let found = look(&mut folder);
    assert!(found.candidates.is_empty());
    let told: Vec<_> = found.ignored.iter().map(|ignored| (&*ignored.name, ignored.why)).collect();
    let none = Why::NoFile("no plain file");
    assert_eq!(
        told,
        [
            ("big.manifest", Why::TooLong { most: 4 << 20 }),
            ("dir.manifest", none),
            ("fifo.manifest", none),
            ("link.manifest", none)
        ]
    );
}

#[test]
fn by_being_quiet_as_the_given_times_say() {
    let (dir, mut folder) = drop_folder(Complete::Quiet(Duration::from_secs(60)));
    let path = dir.path().join("a.dat");
    let mut at = |seconds: i64| {
        let now = Timestamp(NOW.0 + seconds * 1_000_000);
        let found = folder.look(&patterns(&["*"]), now).unwrap();
        assert_eq!(found.waiting + found.candidates.len(), usize::from(path.exists()));
        !found.candidates.is_empty()
    };
    fs::write(&path, "a").unwrap();
    assert!(!at(0) && !at(59) && at(60));
    // It grows, and then only its time changes.
    fs::write(&path, "ab").unwrap();
    assert!(!at(61) && !at(120) && at(121));
    fs::File::options().write(true).open(&path).unwrap().set_modified(SystemTime::UNIX_EPOCH).unwrap();
    assert!(!at(122) && !at(181) && at(182));
    // Another file of the same name.
    fs::remove_file(&path).unwrap();
    assert!(!at(183));
    fs::write(&path, "ab").unwrap();
    assert!(!at(243) && at(303));
    // A clock that was set back.
    assert!(!at(-1000) && !at(-941) && at(-940));
}
