//! What was refused is taken again, by its content, from where it was set aside.

use std::sync::Barrier;

use portolan_batch::{FolderError, Identity, Place};

use super::*;

/// Drops a file, and sets it aside as refused; what it is.
fn refuse(path: &Path, folder: &mut Folder, name: &str, content: &str) -> Identity {
    fs::write(path.join(name), content).unwrap();
    if let Complete::DoneFile { suffix } = &folder.options().complete {
        fs::write(path.join(format!("{name}{suffix}")), "").unwrap();
    }
    let claim = claim(folder, name);
    let identity = claim.identify().unwrap();
    claim.move_to(Place::Rejected, NOW).unwrap();
    identity
}

fn reclaim(folder: &Folder, name: &str, identity: Identity) -> Option<Claim> {
    folder.reclaim(name, identity, "gw-1", NOW).unwrap()
}

#[test]
fn of_several_with_one_name_the_one_with_that_content_is_taken() {
    let (dir, mut folder) = drop_folder(Complete::Renamed);
    let all = ["first", "other", "third"].map(|content| refuse(dir.path(), &mut folder, "a.txt", content));
    let kept =
        set(["rejected/a.txt", "rejected/a.txt.20261129T213000Z", "rejected/a.txt.20261129T213000Z.2"]);
    assert_eq!(files(dir.path()), kept);
    // Of another name it is another; nothing is moved.
    assert!(reclaim(&folder, "b.txt", all[1]).is_none());
    assert!(reclaim(&folder, "a.txt", Identity { bytes: 4, ..all[1] }).is_none());
    assert!(reclaim(&folder, "a.txt", Identity { sha256: [0; 32], ..all[1] }).is_none());
    assert_eq!(files(dir.path()), kept);

    let claim = reclaim(&folder, "a.txt", all[1]).expect("it is there");
    assert_eq!((claim.name(), claim.identify().unwrap()), ("a.txt", all[1]));
    assert!(reclaim(&folder, "a.txt", all[2]).is_none(), "this gateway has one of that name");
    let orphans = folder.orphans(&|_| false).unwrap();
    assert_eq!(orphans.iter().map(|orphan| orphan.name()).collect::<Vec<_>>(), ["a.txt"], "others find it");
    claim.move_to(Place::Archive, NOW).unwrap();
    assert_eq!(
        files(dir.path()),
        set(["archive/a.txt", "rejected/a.txt", "rejected/a.txt.20261129T213000Z.2"])
    );
    assert_eq!(fs::read(dir.path().join("archive/a.txt")).unwrap(), b"other");
    assert!(reclaim(&folder, "a.txt", all[1]).is_none(), "it is gone");
}

#[test]
fn what_is_not_taken_now_goes_back_and_needs_no_done_file() {
    for complete in [Complete::Renamed, Complete::DoneFile { suffix: ".done".into() }] {
        let (dir, mut folder) = drop_folder(complete);
        let it = refuse(dir.path(), &mut folder, "a.txt", "it");
        let claim = reclaim(&folder, "a.txt", it).expect("it is there");
        // One of that name that is dropped meanwhile is another.
        fs::write(dir.path().join("a.txt"), "new").unwrap();
        claim.put_back(NOW).unwrap();
        assert_eq!(files(dir.path()), set(["a.txt", "rejected/a.txt"]));
        let claim = reclaim(&folder, "a.txt", it).expect("it is there again");
        claim.move_to(Place::Archive, NOW).unwrap();
        assert_eq!(files(dir.path()), set(["a.txt", "archive/a.txt"]));
    }
}

/// What a gateway had that died then is taken over by its name, whatever it was kept as.
#[test]
fn a_gateway_that_died_leaves_it_by_its_own_name() {
    let (dir, mut folder) = drop_folder(Complete::Renamed);
    refuse(dir.path(), &mut folder, "a.txt", "first");
    let it = refuse(dir.path(), &mut folder, "a.txt", "other");
    drop(reclaim(&folder, "a.txt", it).expect("it is there"));
    drop(folder);
    let folder = open(dir.path(), Complete::Renamed);
    let [claim] = &folder.claims("gw-1").unwrap()[..] else { panic!("one is left") };
    assert_eq!((claim.name(), claim.identify().unwrap()), ("a.txt", it));
}

#[test]
fn links_and_folders_are_not_followed() {
    let (dir, mut folder) = drop_folder(Complete::Renamed);
    let it = refuse(dir.path(), &mut folder, "a.txt", "it");
    let rejected = dir.path().join("rejected");
    fs::rename(rejected.join("a.txt"), dir.path().join(".elsewhere")).unwrap();
    std::os::unix::fs::symlink("../.elsewhere", rejected.join("a.txt")).unwrap();
    fs::create_dir(rejected.join("a.txt.d")).unwrap();
    assert!(reclaim(&folder, "a.txt", it).is_none());
    fs::hard_link(dir.path().join(".elsewhere"), rejected.join("a.txt.2")).unwrap();
    assert!(reclaim(&folder, "a.txt", it).is_none());
}

#[test]
fn of_several_gateways_one_has_it() {
    const FILES: usize = 200;
    let (dir, mut folder) = drop_folder(Complete::Renamed);
    let all: Vec<_> = (0..FILES)
        .map(|number| {
            (
                format!("{number:03}.txt"),
                refuse(dir.path(), &mut folder, &format!("{number:03}.txt"), &format!("{number:03}")),
            )
        })
        .collect();
    let start = Barrier::new(3);
    let taken: Vec<String> = std::thread::scope(|scope| {
        let gateways: Vec<_> = (0..3)
            .map(|number| {
                let (dir, start, all) = (&dir, &start, &all);
                scope.spawn(move || {
                    let folder = open(dir.path(), Complete::Renamed);
                    start.wait();
                    let label = format!("gw-{number}");
                    let mut mine = Vec::new();
                    for (name, identity) in all {
                        match folder.reclaim(name, *identity, &label, NOW) {
                            Ok(Some(claim)) => {
                                claim.move_to(Place::Archive, NOW).unwrap();
                                mine.push(name.clone());
                            }
                            Ok(None) | Err(FolderError::Gone { .. }) => {}
                            Err(error) => panic!("{error}"),
                        }
                    }
                    mine
                })
            })
            .collect();
        gateways.into_iter().flat_map(|gateway| gateway.join().unwrap()).collect()
    });
    assert_eq!(taken.len(), FILES);
    let archived: BTreeSet<_> = all.iter().map(|(name, _)| format!("archive/{name}")).collect();
    assert_eq!(files(dir.path()), archived);
}
