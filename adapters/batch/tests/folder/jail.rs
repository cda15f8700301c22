//! Nothing outside the folder is reached, and nothing hostile in it is taken.

use std::{
    fs,
    os::unix::{ffi::OsStrExt, fs::PermissionsExt, fs::symlink, net::UnixListener},
};

use portolan_batch::{FolderError, Place, Why};

use super::*;

fn refused(options: FolderOptions) -> String {
    Folder::open(options).unwrap_err().to_string()
}

#[test]
fn folders_that_cannot_be_trusted() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name);
    fs::create_dir(at("real")).unwrap();
    symlink(at("real"), at("link")).unwrap();
    fs::write(at("file"), "").unwrap();
    for link in [at("link"), at("link/")] {
        let said = refused(FolderOptions::new(link));
        assert!(said.ends_with("is a symbolic link; name the folder that it leads to"), "{said}");
    }
    assert!(refused(FolderOptions::new(at("file"))).contains("file is no folder; name a folder"));
    let said = refused(FolderOptions::new(at("absent")));
    assert!(said.contains("absent cannot be opened") && said.contains("make it, or mount"), "{said}");

    fs::create_dir(at("open")).unwrap();
    fs::set_permissions(at("open"), PermissionsExt::from_mode(0o777)).unwrap();
    let said = refused(FolderOptions::new(at("open")));
    assert!(said.contains("open may be written by every user") && said.contains("chmod o-w"), "{said}");
    fs::set_permissions(at("open"), PermissionsExt::from_mode(0o1777)).unwrap();
    Folder::open(FolderOptions::new(at("open"))).unwrap();
    let mode = fs::metadata(at("open/.taking")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o700);
}

#[test]
fn places_that_lead_elsewhere() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("drop");
    fs::create_dir(&root).unwrap();
    let archive = |path: &str| FolderOptions { archive: path.into(), ..FolderOptions::new(&root) };
    for out in ["../out", "a/../../out", ".hidden", "a\u{202E}b"] {
        let said = refused(archive(out));
        assert!(said.contains("cannot be a name here"), "{out}: {said}");
    }
    for itself in [".", "", root.to_str().unwrap()] {
        assert!(refused(archive(itself)).contains("is where files are dropped"), "{itself}");
    }
    symlink(dir.path(), root.join("linked")).unwrap();
    assert!(refused(archive("linked")).contains("linked is a symbolic link"));
    assert!(refused(archive("linked/archive")).contains("linked is a symbolic link"));
    assert!(refused(archive("/proc")).contains("is on another filesystem"));
    let said = refused(archive("/absent"));
    assert!(said.contains("/absent cannot be opened"), "{said}");
    Folder::open(archive("a/b/c")).unwrap();
    assert!(root.join("a/b/c").is_dir() && !dir.path().join("out").exists());
}

#[test]
fn a_link_in_place_of_where_files_are_taken_to() {
    let dir = tempfile::tempdir().unwrap();
    let elsewhere = tempfile::tempdir().unwrap();
    symlink(elsewhere.path(), dir.path().join(".taking")).unwrap();
    assert!(refused(FolderOptions::new(dir.path())).contains(".taking is a symbolic link"));
    fs::remove_file(dir.path().join(".taking")).unwrap();
    let mut folder = open(dir.path(), Complete::Renamed);
    fs::write(dir.path().join("a.txt"), "a").unwrap();
    symlink(elsewhere.path(), dir.path().join(".taking/gw-1")).unwrap();
    let found = look(&mut folder).candidates;
    let said = folder.claim(&found[0], "gw-1").unwrap_err().to_string();
    assert!(said.contains("gw-1 is a symbolic link"), "{said}");
    for label in ["../gw", "", ".", "a/b"] {
        assert!(matches!(folder.claim(&found[0], label), Err(FolderError::Name { .. })), "{label}");
    }
    assert!(files(elsewhere.path()).is_empty() && dir.path().join("a.txt").exists());
}

#[test]
fn only_plain_files_are_taken_and_the_rest_is_told_once() {
    let (dir, mut folder) = drop_folder(Complete::Renamed);
    let at = |name: &str| dir.path().join(name);
    fs::write(at("good.txt"), "1").unwrap();
    symlink("/etc/passwd", at("link.txt")).unwrap();
    symlink("good.txt", at("near.txt")).unwrap();
    fs::create_dir(at("folder.txt")).unwrap();
    rustix::fs::mkfifoat(rustix::fs::CWD, at("fifo.txt"), 0o600.into()).unwrap();
    let _socket = UnixListener::bind(at("socket.txt")).unwrap();
    fs::write(at("hard1.txt"), "2").unwrap();
    fs::hard_link(at("hard1.txt"), at("hard2.txt")).unwrap();
    fs::write(at("good.csv"), "3").unwrap();
    fs::write(at("evil\nname.txt"), "4").unwrap();
    fs::write(at("evil\u{202E}txt.exe.txt"), "4").unwrap();
    fs::write(dir.path().join(std::ffi::OsStr::from_bytes(b"\xFF.txt")), "5").unwrap();
    fs::write(at(".hidden.txt"), "6").unwrap();
    let found = folder.look(&patterns(&["*.txt"]), NOW).unwrap();
    assert_eq!(names(&found.candidates), ["good.txt"]);
    let mut told: Vec<_> = found.ignored.iter().map(|ignored| (ignored.name.as_str(), ignored.why)).collect();
    told.sort_by_key(|(name, _)| *name);
    assert_eq!(
        told,
        [
            ("evil\\nname.txt", Why::Name("it has characters that are not shown")),
            ("evil\\u{202e}txt.exe.txt", Why::Name("it has characters that are not shown")),
            ("fifo.txt", Why::NoFile("a fifo")),
            ("folder.txt", Why::NoFile("a folder")),
            ("good.csv", Why::NoPattern),
            ("hard1.txt", Why::Linked),
            ("hard2.txt", Why::Linked),
            ("link.txt", Why::NoFile("a symbolic link")),
            ("near.txt", Why::NoFile("a symbolic link")),
            ("socket.txt", Why::NoFile("a socket")),
            ("\u{FFFD}.txt", Why::Name("its name is not UTF-8")),
        ]
    );
    let again = folder.look(&patterns(&["*.txt"]), NOW).unwrap();
    assert_eq!((again.ignored.len(), again.candidates.len()), (0, 1));
    // What comes again is told again, and what became another thing, too.
    fs::remove_file(at("link.txt")).unwrap();
    fs::remove_file(at("hard2.txt")).unwrap();
    let better = folder.look(&patterns(&["*.txt"]), NOW).unwrap();
    assert_eq!((names(&better.candidates), better.ignored.len()), (vec!["good.txt", "hard1.txt"], 0));
    symlink("/etc/passwd", at("link.txt")).unwrap();
    assert_eq!(folder.look(&patterns(&["*.txt"]), NOW).unwrap().ignored.len(), 1);
}

#[test]
fn what_is_never_taken_is_set_aside_once_it_has_been_there_for_a_while() {
    let (dir, mut folder) = drop_folder(Complete::Renamed);
    let at = |name: &str| dir.path().join(name);
    let later = |seconds: u64| NOW.plus(std::time::Duration::from_secs(seconds));
    symlink("/etc/passwd", at("link.txt")).unwrap();
    fs::write(at("evil\nname.txt"), "4").unwrap();
    fs::create_dir(at("folder.txt")).unwrap();
    // Of nobody's route, or a name that cannot even be said.
    symlink("/etc/passwd", at("link.csv")).unwrap();
    fs::write(dir.path().join(std::ffi::OsStr::from_bytes(b"\xFF.txt")), "5").unwrap();
    // Whoever dropped it has it still, and then no more.
    fs::write(at("new.tmp"), "2").unwrap();
    fs::hard_link(at("new.tmp"), at("new.txt")).unwrap();
    let look = |folder: &mut Folder, at| {
        let mut hostile = folder.look(&patterns(&["*.txt"]), at).unwrap().hostile;
        hostile.sort_by_key(|one| one.ignored.name.clone());
        hostile
    };
    for seconds in [0, 59] {
        assert_eq!(look(&mut folder, later(seconds)), []);
    }
    fs::remove_file(at("new.tmp")).unwrap();
    let hostile = look(&mut folder, later(60));
    let told: Vec<_> = hostile.iter().map(|one| one.ignored.to_string()).collect();
    assert_eq!(
        told,
        [
            "`evil\\nname.txt` is not taken: it has characters that are not shown; give it another name",
            "`link.txt` is not taken: it is a symbolic link, and only files are",
        ]
    );
    fs::write(at("rejected/link.txt"), "of an earlier one").unwrap();
    let moved: Vec<_> = hostile.iter().map(|one| folder.set_aside(one, NOW).unwrap().unwrap()).collect();
    assert_eq!(moved[0], "evil\\u{a}name.txt");
    assert!(moved[1].starts_with("link.txt.2"), "{moved:?}");
    assert!(at("rejected").join(&moved[1]).is_symlink() && !at("link.txt").is_symlink());
    assert_eq!(fs::read_to_string(at("rejected").join(&moved[0])).unwrap(), "4");
    assert_eq!(folder.set_aside(&hostile[1], NOW).unwrap(), None, "it is gone");
    assert_eq!(look(&mut folder, later(600)), []);
    assert!(at("folder.txt").is_dir() && at("link.csv").is_symlink() && at("new.txt").exists());
}

#[test]
fn what_took_a_files_place_after_the_look_is_not_taken() {
    let (dir, mut folder) = drop_folder(Complete::Renamed);
    let at = |name: &str| dir.path().join(name);
    let swaps: [&dyn Fn(); 4] = [
        &|| symlink("/etc/passwd", at("a.txt")).unwrap(),
        &|| fs::create_dir(at("a.txt")).unwrap(),
        &|| fs::write(at("a.txt"), "other").unwrap(),
        &|| {
            fs::write(at("b"), "1").unwrap();
            fs::hard_link(at("b"), at("a.txt")).unwrap();
        },
    ];
    for (number, swap) in swaps.iter().enumerate() {
        fs::write(at("a.txt"), "1").unwrap();
        let found = look(&mut folder).candidates;
        fs::remove_file(at("a.txt")).unwrap();
        swap();
        assert!(folder.claim(&found[0], "gw-1").unwrap().is_none(), "{number}");
        assert!(folder.claims("gw-1").unwrap().is_empty(), "{number}");
        let put_back = at("a.txt");
        assert!(put_back.symlink_metadata().is_ok(), "{number}");
        let _ = fs::remove_file(&put_back).or_else(|_| fs::remove_dir(&put_back));
    }
}

#[test]
fn limits_of_size_and_count() {
    let dir = tempfile::tempdir().unwrap();
    let options = FolderOptions { max_bytes: 10, max_files: 3, ..FolderOptions::new(dir.path()) };
    let mut folder = Folder::open(options).unwrap();
    for number in 0..8 {
        let path = dir.path().join(format!("{number}.txt"));
        fs::write(&path, "x".repeat(number * 2)).unwrap();
        let time = std::time::SystemTime::from(Timestamp(NOW.0 - number as i64));
        fs::File::options().write(true).open(&path).unwrap().set_modified(time).unwrap();
    }
    let found = look(&mut folder);
    assert_eq!((names(&found.candidates), found.more), (vec!["5.txt", "4.txt", "3.txt"], 3));
    let told: Vec<_> = found.ignored.iter().map(|ignored| ignored.why).collect();
    assert_eq!(told, [Why::TooLong { most: 10 }; 2]);
    assert!(found.ignored[0].to_string().contains("is longer than 10 bytes; raise the limit"));
}

#[test]
fn the_pattern_that_a_file_is_found_by() {
    let (dir, mut folder) = drop_folder(Complete::Renamed);
    for name in ["a.EFW2", "b.ach", "c.EFW2"] {
        fs::write(dir.path().join(name), "").unwrap();
    }
    let found = folder.look(&patterns(&["*.ach", "a*", "*.EFW2"]), NOW).unwrap().candidates;
    let by: Vec<_> = found.iter().map(|candidate| (&*candidate.name, candidate.pattern)).collect();
    assert_eq!(by, [("a.EFW2", 1), ("b.ach", 0), ("c.EFW2", 2)]);
}

#[test]
fn a_folder_that_was_put_in_its_place() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("drop");
    fs::create_dir(&path).unwrap();
    let mut folder = open(&path, Complete::Renamed);
    fs::write(path.join("a.txt"), "a").unwrap();
    let claim = claim(&mut folder, "a.txt");
    fs::remove_dir(path.join("archive")).unwrap();
    let said = claim.move_to(Place::Archive, NOW).unwrap_err();
    assert!(matches!(said, FolderError::Replaced { .. }) && said.may_pass(), "{said}");
    fs::rename(&path, dir.path().join("old")).unwrap();
    assert!(matches!(folder.look(&patterns(&["*"]), NOW), Err(FolderError::Replaced { .. })));
    fs::create_dir(&path).unwrap();
    let said = folder.look(&patterns(&["*"]), NOW).unwrap_err().to_string();
    assert!(said.contains("is not the folder any more that was opened there"), "{said}");
    let written = folder.write(Place::Folder, "b.txt", NOW, |_| Ok(()));
    assert!(matches!(written, Err(FolderError::Replaced { .. })));
    assert!(look(&mut open(&path, Complete::Renamed)).candidates.is_empty());
}
