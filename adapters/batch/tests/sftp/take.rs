//! Files that are taken.

use std::{
    fs,
    os::unix::{ffi::OsStrExt as _, fs::symlink},
    time::Duration,
};

use portolan_batch::{Complete, FolderError, Place};

use super::*;

#[test]
fn a_file_is_fetched_and_set_aside() {
    let site = Site::new();
    let text = noise(3_000_000);
    site.put("pay 1 ä€.txt", &text);
    site.put("empty", "");
    let mut folder = site.open(Complete::Renamed);
    let taken = claim(&mut folder, "pay 1 ä€.txt");
    assert_eq!(site.files(), set([".taking/gw-1/pay 1 ä€.txt", "empty"]));
    let identity = taken.identify().unwrap();
    assert_eq!((identity.bytes, identity.sha256), (3_000_000, sha256(&text)));
    // From its beginning each time, and also when the connection is no more.
    site.server.kill_sessions();
    assert!(content(&taken) == text && content(&taken) == text);
    let mut folder = site.open(Complete::Renamed);
    assert!(claim(&mut folder, "empty").identify().unwrap().bytes == 0);
    let again = folder.claims("gw-1").unwrap();
    assert_eq!(again.iter().map(|claim| claim.name()).collect::<Vec<_>>(), ["empty", "pay 1 ä€.txt"]);
    assert_eq!(again[0].move_to(Place::Archive, NOW).unwrap(), "empty");
    again[1].release().unwrap();
    assert_eq!(site.files(), set(["archive/empty", "pay 1 ä€.txt"]));
    // Nothing is overwritten.
    site.put("empty", "");
    let other = claim(&mut folder, "empty").move_to(Place::Archive, NOW).unwrap();
    assert_eq!(other, "empty.20261129T213000Z");
    let refused = claim(&mut folder, "pay 1 ä€.txt").move_to(Place::Rejected, NOW).unwrap();
    assert_eq!(refused, "pay 1 ä€.txt");
    assert!(site.spool_is_empty());
    // A connection ends with what uses it.
    drop((taken, again, folder));
    let begun = std::time::Instant::now();
    while site.server.sessions() > 0 {
        assert!(begun.elapsed().as_secs() < 30, "{} sessions are left", site.server.sessions());
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn what_was_refused_is_taken_again_by_its_content() {
    let site = Site::new();
    let mut folder = site.open(Complete::Renamed);
    let refused = ["first", "other"].map(|text| {
        site.put("a.txt", text);
        let claim = claim(&mut folder, "a.txt");
        let identity = claim.identify().unwrap();
        claim.move_to(Place::Rejected, NOW).unwrap();
        identity
    });
    let taken = folder.reclaim("a.txt", refused[1], "gw-2", NOW).unwrap().expect("it is there");
    assert_eq!(site.files(), set([".taking/gw-2/a.txt", "rejected/a.txt"]));
    assert!(content(&taken) == b"other");
    assert!(folder.reclaim("a.txt", refused[1], "gw-1", NOW).unwrap().is_none(), "another was first");
    taken.put_back(NOW).unwrap();
    assert_eq!(site.files(), set(["rejected/a.txt", "rejected/a.txt.20261129T213000Z"]));
}

#[test]
fn what_is_never_taken() {
    let site = Site::new();
    site.put("good.txt", "good");
    symlink("/etc/passwd", site.at("link")).unwrap();
    fs::create_dir(site.at("sub")).unwrap();
    site.put(".hidden", "");
    site.put("half.part", "");
    site.put("large", [0; 100]);
    fs::write(site.at("").join(std::ffi::OsStr::from_bytes(b"latin-\xe4")), "").unwrap();
    site.put("tab\tin name", "");
    let fifo = std::process::Command::new("mkfifo").arg(site.at("fifo")).status().unwrap();
    assert!(fifo.success());
    let mut folder = site.open_with(FolderOptions { max_bytes: 99, ..site.options(Complete::Renamed) });
    let look = look(&mut folder);
    assert_eq!(names(&look), ["good.txt"]);
    let mut ignored: Vec<String> = look.ignored.iter().map(ToString::to_string).collect();
    ignored.sort();
    let starts = [
        "`fifo` is not taken: it is a fifo",
        "`large` is not taken: it is longer than 99 bytes",
        "`latin-\u{FFFD}` is not taken: its name is not UTF-8",
        "`link` is not taken: it is a symbolic link",
        "`sub` is not taken: it is a folder",
        "`tab\\tin name` is not taken: it has characters that are not shown",
    ];
    assert!(ignored.len() == starts.len(), "{ignored:#?}");
    assert!(ignored.iter().zip(starts).all(|(said, start)| said.starts_with(start)), "{ignored:#?}");
}

#[test]
fn a_file_is_complete_as_it_is_declared() {
    let site = Site::new();
    // Late to be renamed.
    let mut folder = site.open(Complete::Renamed);
    site.put("a.tmp", "half");
    assert!(names(&look(&mut folder)).is_empty());
    fs::rename(site.at("a.tmp"), site.at("a")).unwrap();
    assert_eq!(names(&look(&mut folder)), ["a"]);
    fs::remove_file(site.at("a")).unwrap();

    // A done-file goes with it.
    let done = || Complete::DoneFile { suffix: ".done".into() };
    let mut folder = site.open(done());
    site.put("b", "b");
    assert_eq!((names(&look(&mut folder)).len(), look(&mut folder).waiting), (0, 1));
    site.put("b.done", "");
    let taken = claim(&mut folder, "b");
    taken.release().unwrap();
    assert_eq!(site.files(), set(["b", "b.done"]));
    claim(&mut folder, "b").move_to(Place::Archive, NOW).unwrap();
    assert_eq!(site.files(), set(["archive/b"]));

    // A manifest lists it.
    let mut folder = site.open(Complete::Manifest { names: "*.sha256".parse().unwrap() });
    let hex =
        |text: &str| sha256(text.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    site.put("c", "c");
    site.put("d", "neither d nor c");
    assert!(names(&look(&mut folder)).is_empty());
    site.put("all.sha256", format!("c 1 {}\nd 5 {}\n", hex("c"), hex("d....")));
    let found = look(&mut folder);
    assert_eq!((names(&found), found.ignored.len()), (vec!["c"], 1));
    let taken = claim(&mut folder, "c");
    taken.identify().unwrap();
    taken.move_to(Place::Archive, NOW).unwrap();
    site.put("d", "d....");
    claim(&mut folder, "d").move_to(Place::Archive, NOW).unwrap();
    look(&mut folder);
    assert_eq!(
        look(&mut folder).manifests.len()
            + site.files().iter().filter(|name| name.contains("archive/all")).count(),
        1
    );

    // It is quiet: written slowly under its name.
    let mut folder = site.open(Complete::Quiet(Duration::from_secs(10)));
    let at = |seconds: i64| Timestamp(NOW.0 + seconds * 1_000_000);
    let mut text = String::new();
    for second in 0..5 {
        text.push_str("more ");
        site.put("e", &text);
        assert!(names(&look_at(&mut folder, at(second * 9))).is_empty());
    }
    assert_eq!(names(&look_at(&mut folder, at(50))), ["e"]);
}

#[test]
fn two_gateways_never_share_a_file() {
    let site = Site::new();
    let all: Vec<String> = (0..60).map(|number| format!("file-{number:02}")).collect();
    all.iter().for_each(|name| site.put(name, name));
    let mut folders =
        [site.open(Complete::Renamed), site.open(Complete::Renamed), site.open(Complete::Renamed)];
    let found = folders.each_mut().map(|folder| look(folder).candidates);
    let taken: Vec<Vec<String>> = std::thread::scope(|scope| {
        let gateways = folders.iter().zip(&found).enumerate().map(|(number, (folder, found))| {
            scope.spawn(move || {
                let label = format!("gw-{number}");
                let claims = found.iter().filter_map(|candidate| folder.claim(candidate, &label).unwrap());
                claims.map(|claim| claim.name().to_owned()).collect()
            })
        });
        gateways.collect::<Vec<_>>().into_iter().map(|gateway| gateway.join().unwrap()).collect()
    });
    let mut together = taken.concat();
    together.sort();
    assert_eq!(together, all, "{:?}", taken.iter().map(Vec::len).collect::<Vec<_>>());
    let there = site.files();
    assert_eq!(there.len(), all.len());
    for (number, names) in taken.iter().enumerate() {
        assert!(names.iter().all(|name| there.contains(&format!(".taking/gw-{number}/{name}"))));
    }
    // What a dead one has left is taken over by one.
    let orphans = folders[0].orphans(&|label| label == "gw-0").unwrap();
    assert_eq!(orphans.len(), taken[1].len() + taken[2].len());
    let name = orphans[0].name().to_owned();
    let claim = orphans.into_iter().next().unwrap().take_over("gw-0").unwrap().unwrap();
    assert_eq!(content(&claim), name.as_bytes());
}

#[test]
fn what_is_changed_while_it_is_read_is_found_out() {
    let site = Site::new();
    site.put("a", "first");
    let mut folder = site.open(Complete::Renamed);
    let mut writer = fs::OpenOptions::new().append(true).open(site.at("a")).unwrap();
    let taken = claim(&mut folder, "a");
    taken.identify().unwrap();
    std::io::Write::write_all(&mut writer, b" and more").unwrap();
    assert!(matches!(taken.verify_unchanged(), Err(FolderError::Changed { .. })));
    // Looked at anew it is another.
    let again = folder.claims("gw-1").unwrap().remove(0);
    assert_eq!(again.identify().unwrap().bytes, 14);
    // Between the look and the claim.
    again.release().unwrap();
    let candidate = look(&mut folder).candidates.remove(0);
    site.put("a", "rewritten meanwhile");
    assert!(folder.claim(&candidate, "gw-1").unwrap().is_none());
    assert_eq!(site.files(), set(["a"]));
    // Somebody has taken it away.
    let taken = claim(&mut folder, "a");
    fs::remove_file(site.at(".taking/gw-1/a")).unwrap();
    assert!(matches!(taken.identify(), Err(FolderError::Gone { .. })));
}
