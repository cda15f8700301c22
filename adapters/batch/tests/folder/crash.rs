//! A process that dies between any two steps: what it leaves is found, and each file ends in one place.

use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader},
    process::{Command, Stdio},
};

use portolan_batch::Place;

use super::*;

fn with_done_files() -> Complete {
    Complete::DoneFile { suffix: ".done".into() }
}

/// What each step of taking, putting back, taking over and moving leaves when it is the last.
#[test]
fn every_step_can_be_the_last() {
    let check = |left: &[&str], claims: &[&str], after: &[&str]| {
        let (dir, mut folder) = drop_folder(with_done_files());
        fs::create_dir(dir.path().join(".taking/gw-1")).unwrap();
        fs::create_dir(dir.path().join(".taking/gw-old")).unwrap();
        for name in left {
            fs::write(dir.path().join(name), name).unwrap();
        }
        let found = folder.claims("gw-1").unwrap();
        assert_eq!(found.iter().map(|claim| claim.name()).collect::<Vec<_>>(), claims, "{left:?}");
        let orphans = folder.orphans(&|label| label == "gw-1").unwrap();
        found.into_iter().for_each(|claim| claim.release().unwrap());
        for orphan in orphans {
            orphan.take_over("gw-1").unwrap().unwrap().release().unwrap();
        }
        let all: BTreeSet<_> = after.iter().map(|name| (*name).to_owned()).collect();
        assert_eq!(files(dir.path()), all, "{left:?}");
        // Nothing is stuck: what was there is there to be taken.
        let complete = after.contains(&"a") && after.contains(&"a.done");
        assert_eq!(look(&mut folder).candidates.len(), usize::from(complete), "{left:?}");
    };
    let whole = ["a", "a.done"];
    let [done, data] = [".taking/gw-1/a.done", ".taking/gw-1/a"];
    let [their_done, their_data] = [".taking/gw-old/a.done", ".taking/gw-old/a"];
    // Taking, and putting back: the done-file first, or last.
    check(&["a", done], &[], &whole);
    check(&[done, data], &["a"], &whole);
    // Moving: the done-file is gone first.
    check(&[data], &["a"], &whole);
    check(&["archive/a"], &[], &["archive/a"]);
    // Taking over.
    check(&[their_done, their_data], &[], &whole);
    check(&[their_data], &[], &whole);
    check(&["a", their_done], &[], &whole);
    // A partner that has written a new done-file, or taken its file away.
    check(&["a", "a.done", done], &[], &whole);
    check(&[done], &[], &["a.done"]);
    check(&["a", "a.done", their_done], &[], &whole);
}

const FILES: usize = 60;

#[test]
fn killed_at_any_moment_every_file_ends_in_one_place() {
    let (dir, _) = drop_folder(with_done_files());
    for number in 0..FILES {
        fs::write(dir.path().join(format!("{number}.dat")), number.to_string()).unwrap();
        fs::write(dir.path().join(format!("{number}.dat.done")), "").unwrap();
    }
    let mut kills = 0;
    for steps in (1..).map(|round| round * 7 % 31 + 1) {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", "crash::a_process_that_is_killed", "--ignored", "--nocapture"]);
        command.env("DROP_FOLDER", dir.path()).stdout(Stdio::piped());
        let mut process = command.spawn().unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let last = lines.by_ref().map(Result::unwrap).filter(|line| line.starts_with("step")).nth(steps);
        process.kill().unwrap();
        process.wait().unwrap();
        // Its output may hold what it did since.
        if last.is_none() || lines.map_while(Result::ok).any(|line| line == "step end") {
            break;
        }
        kills += 1;
        each_in_one_place(dir.path());
    }
    assert!(kills > 3, "it was killed {kills} times only");
    let archived = (0..FILES).map(|number| format!("archive/{number}.dat"));
    let reports = (0..FILES).map(|number| format!("receipts/{number}.dat.json"));
    // What died while it wrote is swept by the next start.
    open(dir.path(), with_done_files());
    let left = files(dir.path()).into_iter().filter(|file| !file.ends_with(".back"));
    assert_eq!(left.collect::<BTreeSet<_>>(), archived.chain(reports).collect());
}

fn each_in_one_place(path: &Path) {
    let mut places = BTreeMap::<String, usize>::new();
    for file in files(path).into_iter().filter(|file| file.ends_with(".dat")) {
        *places.entry(file.rsplit('/').next().unwrap().to_owned()).or_default() += 1;
    }
    assert_eq!(places.len(), FILES);
    assert!(places.values().all(|count| *count == 1), "{places:?}");
}

#[test]
#[ignore = "the process of the test above"]
fn a_process_that_is_killed() {
    let path = std::env::var_os("DROP_FOLDER").unwrap();
    let mut folder = open(Path::new(&path), with_done_files());
    let settle = |folder: &Folder, claim: Claim| {
        println!("step taken");
        let identity = claim.identify().unwrap();
        println!("step identified");
        let name = format!("{}.json", claim.name());
        let bytes = identity.bytes.to_string();
        let written = folder.write_same(Place::Receipts, &name, |aside| {
            println!("step writes");
            std::io::Write::write_all(aside, bytes.as_bytes())
        });
        written.unwrap();
        println!("step written");
        claim.move_to(Place::Archive, NOW).unwrap();
        println!("step moved");
    };
    for claim in folder.claims("gw-1").unwrap() {
        settle(&folder, claim);
    }
    for candidate in look(&mut folder).candidates {
        if let Some(claim) = folder.claim(&candidate, "gw-1").unwrap() {
            // Some go back once.
            let back = Path::new(&path).join(format!(".{}.back", candidate.name));
            if candidate.bytes == 2 && !back.exists() {
                fs::write(back, "").unwrap();
                claim.release().unwrap();
                println!("step released");
                continue;
            }
            settle(&folder, claim);
        }
    }
    for candidate in look(&mut folder).candidates {
        if let Some(claim) = folder.claim(&candidate, "gw-1").unwrap() {
            settle(&folder, claim);
        }
    }
    println!("step end");
}
