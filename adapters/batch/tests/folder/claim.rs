//! Each file is taken once, by whichever gateway is first, and goes where nothing is overwritten.

use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader, Read, Write},
    process::{Command, Stdio},
    sync::Barrier,
};

use portolan_batch::{FolderError, Place};

use super::*;

const FILES: usize = 1000;

fn fill(path: &Path) {
    for number in 0..FILES {
        fs::write(path.join(format!("{number:04}.dat")), number.to_string()).unwrap();
    }
}

/// Takes whatever it can, until nothing is there, and returns the names.
fn take_all(folder: &mut Folder, label: &str) -> Vec<String> {
    let mut taken = Vec::new();
    loop {
        let found = look(folder).candidates;
        if found.is_empty() {
            return taken;
        }
        for candidate in found {
            if let Some(claim) = folder.claim(&candidate, label).unwrap() {
                assert_eq!(claim.identify().unwrap().bytes, candidate.bytes);
                claim.move_to(Place::Archive, NOW).unwrap();
                taken.push(claim.name().to_owned());
            }
        }
    }
}

fn each_once(path: &Path, taken: &[Vec<String>]) {
    let mut times = BTreeMap::<&str, usize>::new();
    for name in taken.iter().flatten() {
        *times.entry(name).or_default() += 1;
    }
    assert_eq!(times.len(), FILES);
    assert!(times.values().all(|times| *times == 1), "{times:?}");
    let archived: BTreeSet<_> = (0..FILES).map(|number| format!("archive/{number:04}.dat")).collect();
    assert_eq!(files(path), archived);
}

#[test]
fn threads_that_race_take_each_file_once() {
    let dir = tempfile::tempdir().unwrap();
    fill(dir.path());
    let start = Barrier::new(4);
    let taken: Vec<_> = std::thread::scope(|scope| {
        let gateways: Vec<_> = (0..4)
            .map(|number| {
                let (dir, start) = (&dir, &start);
                scope.spawn(move || {
                    let mut folder = open(dir.path(), Complete::Renamed);
                    start.wait();
                    take_all(&mut folder, &format!("gw-{number}"))
                })
            })
            .collect();
        gateways.into_iter().map(|gateway| gateway.join().unwrap()).collect()
    });
    each_once(dir.path(), &taken);
}

#[test]
fn processes_that_race_take_each_file_once() {
    let dir = tempfile::tempdir().unwrap();
    fill(dir.path());
    let mut gateways: Vec<_> = ["gw-a", "gw-b", "gw-c"]
        .into_iter()
        .map(|label| {
            let mut command = Command::new(std::env::current_exe().unwrap());
            command.args(["--exact", "claim::a_process_that_takes", "--ignored", "--nocapture"]);
            command.env("DROP_FOLDER", dir.path()).env("LABEL", label);
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap()
        })
        .collect();
    // Each is open before any begins.
    let mut said: Vec<_> = gateways
        .iter_mut()
        .map(|gateway| {
            let mut lines = BufReader::new(gateway.stdout.take().unwrap()).lines().map(Result::unwrap);
            assert!(lines.any(|line| line.ends_with("ready")));
            lines
        })
        .collect();
    for gateway in &mut gateways {
        gateway.stdin.as_mut().unwrap().write_all(b"go").unwrap();
    }
    let took = |line: String| line.strip_prefix("took ").map(str::to_owned);
    let taken: Vec<Vec<_>> = said.iter_mut().map(|lines| lines.filter_map(took).collect()).collect();
    assert!(gateways.iter_mut().all(|gateway| gateway.wait().unwrap().success()));
    each_once(dir.path(), &taken);
    let busy = taken.iter().filter(|taken| !taken.is_empty()).count();
    assert!(busy > 1, "only one process took anything");
}

#[test]
#[ignore = "one of the processes of the test above"]
fn a_process_that_takes() {
    let path = std::env::var_os("DROP_FOLDER").unwrap();
    let mut folder = open(Path::new(&path), Complete::Renamed);
    println!("ready");
    std::io::stdin().read_exact(&mut [0; 2]).unwrap();
    for name in take_all(&mut folder, &std::env::var("LABEL").unwrap()) {
        println!("took {name}");
    }
}

#[test]
fn names_that_clash_overwrite_nothing() {
    let (dir, mut folder) = drop_folder(Complete::Renamed);
    let moved: Vec<_> = ["one", "two", "three"]
        .into_iter()
        .map(|content| {
            fs::write(dir.path().join("a.txt"), content).unwrap();
            let claim = claim(&mut folder, "a.txt");
            let moved = claim.move_to(Place::Rejected, NOW).unwrap();
            assert_eq!(fs::read_to_string(dir.path().join("rejected").join(&moved)).unwrap(), content);
            assert!(matches!(claim.move_to(Place::Archive, NOW), Err(FolderError::Gone { .. })));
            moved
        })
        .collect();
    assert_eq!(moved, ["a.txt", "a.txt.20261129T213000Z", "a.txt.20261129T213000Z.2"]);
    assert_eq!(files(dir.path()).len(), 3);
}

#[test]
fn the_same_name_waits_until_the_first_is_settled() {
    let (dir, mut folder) = drop_folder(Complete::Renamed);
    let path = dir.path().join("a.txt");
    fs::write(&path, "first").unwrap();
    let first = claim(&mut folder, "a.txt");
    fs::write(&path, "second").unwrap();
    let second = look(&mut folder).candidates;
    assert!(folder.claim(&second[0], "gw-1").unwrap().is_none());
    let said = first.release().unwrap_err();
    assert!(matches!(said, FolderError::Occupied { .. }), "{said}");
    assert_eq!(fs::read_to_string(&path).unwrap(), "second");
    first.move_to(Place::Archive, NOW).unwrap();
    let second = folder.claim(&second[0], "gw-1").unwrap().unwrap();
    assert_eq!(second.identify().unwrap().bytes, 6);
}

#[test]
fn a_file_that_is_changed_while_it_is_read() {
    let (dir, mut folder) = drop_folder(Complete::Renamed);
    let path = dir.path().join("a.txt");
    fs::write(&path, "1234").unwrap();
    // The partner has it open, and goes on.
    let mut partner = fs::File::options().append(true).open(&path).unwrap();
    let taken = claim(&mut folder, "a.txt");
    let identity = taken.identify().unwrap();
    assert_eq!((identity.bytes, identity.sha256[..2].to_vec()), (4, vec![0x03, 0xac]));
    taken.verify_unchanged().unwrap();
    let mut reading = taken.open().unwrap();
    assert_eq!(reading.length(), 4);
    reading.read_exact(&mut [0; 2]).unwrap();
    partner.write_all(b"5").unwrap();
    let error = reading.read_to_end(&mut Vec::new()).unwrap_err();
    assert_eq!(error.to_string(), "the file was changed while it was read");
    for changed in [taken.verify_unchanged().err(), taken.open().err(), taken.identify().err()] {
        let said = changed.unwrap();
        assert!(matches!(said, FolderError::Changed { .. }) && !said.may_pass(), "{said}");
    }
    // Of the same length, at the time that it had.
    let time = fs::metadata(dir.path().join(".taking/gw-1/a.txt")).unwrap().modified().unwrap();
    taken.release().unwrap();
    let taken = claim(&mut folder, "a.txt");
    taken.identify().unwrap();
    fs::write(dir.path().join(".taking/gw-1/a.txt"), "54321").unwrap();
    partner.set_modified(time).unwrap();
    assert!(matches!(taken.verify_unchanged(), Err(FolderError::Changed { .. })));
    fs::remove_file(dir.path().join(".taking/gw-1/a.txt")).unwrap();
    assert!(matches!(taken.verify_unchanged(), Err(FolderError::Gone { .. })));
}

#[test]
fn what_a_gateway_left_that_died() {
    let (dir, mut folder) = drop_folder(Complete::DoneFile { suffix: ".ok".into() });
    for name in ["a.dat", "b.dat"] {
        fs::write(dir.path().join(name), name).unwrap();
        fs::write(dir.path().join(format!("{name}.ok")), "").unwrap();
    }
    for candidate in look(&mut folder).candidates {
        folder.claim(&candidate, "gw-old").unwrap().unwrap();
    }
    let left = |folder: &Folder| {
        let orphans = folder.orphans(&|label| label == "gw-1").unwrap();
        orphans.iter().map(|orphan| format!("{} {}", orphan.label(), orphan.name())).collect::<Vec<_>>()
    };
    assert_eq!(left(&folder), ["gw-old a.dat", "gw-old b.dat"]);
    assert!(folder.orphans(&|_| true).unwrap().is_empty());
    let [mine, theirs] = [(); 2].map(|()| folder.orphans(&|label| label == "gw-1").unwrap());
    let mut mine = mine.into_iter().map(|orphan| orphan.take_over("gw-1").unwrap());
    let a = mine.next().unwrap().unwrap();
    // Another gateway had seen them too.
    let mut theirs = theirs.into_iter().map(|orphan| orphan.take_over("gw-2").unwrap());
    assert!(theirs.next().unwrap().is_none());
    let b = theirs.next().unwrap().unwrap();
    assert!(mine.next().unwrap().is_none());
    b.release().unwrap();
    a.move_to(Place::Duplicate, NOW).unwrap();
    assert_eq!(files(dir.path()), set(["b.dat", "b.dat.ok", "duplicate/a.dat"]));
    assert!(left(&folder).is_empty() && !dir.path().join(".taking/gw-old").exists());
}
