//! Connections that are cut, at any point: nothing is lost, nothing is there by half.

use std::io::Write as _;

use portolan_batch::{FolderError, Place, Written};
use portolan_test_servers::Relay;

use super::*;

#[test]
fn a_transfer_that_is_cut_goes_on() {
    let site = Site::new();
    let text = noise(8 << 20);
    site.put("large", &text);
    let relay = Relay::to(site.server.address());
    let mut folder = site.open_by(relay.address());
    let taken = claim(&mut folder, "large");
    let before = relay.connections();
    relay.cut_after(5 << 20);
    assert_eq!(taken.identify().unwrap().sha256, sha256(&text));
    assert!(relay.was_cut() && relay.connections() == before + 1, "{}", relay.connections());
    assert!(content(&taken) == text);

    // The process that serves it is killed.
    let again = folder.claims("gw-1").unwrap().remove(0);
    std::thread::scope(|scope| {
        let fetching = scope.spawn(|| again.identify());
        std::thread::sleep(Duration::from_millis(30));
        site.server.kill_sessions();
        assert_eq!(fetching.join().unwrap().unwrap().sha256, sha256(&text));
    });

    // It is another file when the connection is there again.
    let again = folder.claims("gw-1").unwrap().remove(0);
    relay.cut_after(3 << 20);
    std::thread::scope(|scope| {
        let fetching = scope.spawn(|| again.identify());
        while !relay.was_cut() {
            std::thread::yield_now();
        }
        site.put(".taking/gw-1/large", &text[1..]);
        assert!(matches!(fetching.join().unwrap(), Err(FolderError::Changed { .. })));
    });
    assert!(site.files().contains(".taking/gw-1/large"));
}

/// A whole life of a file, as a gateway leads it that finds again what it had taken.
fn lead(folder: &mut Folder) -> Result<(), FolderError> {
    let mut claims = folder.claims("gw-1")?;
    for candidate in folder.look(&patterns(&["*"]), NOW)?.candidates {
        claims.extend(folder.claim(&candidate, "gw-1")?);
    }
    for claim in claims {
        let identity = claim.identify()?;
        folder.write(Place::Receipts, "a.json", NOW, |out| write!(out, "{:?}", identity.sha256))?;
        claim.move_to(Place::Archive, NOW)?;
    }
    Ok(())
}

#[test]
fn cut_anywhere_a_file_is_taken_whole_and_once() {
    let site = Site::new();
    let text = noise(2000);
    let relay = Relay::to(site.server.address());
    let options = || {
        let sftp = Some(Box::new(site.sftp(relay.address())));
        FolderOptions {
            sftp,
            complete: Complete::DoneFile { suffix: ".done".into() },
            ..FolderOptions::new("in")
        }
    };
    let mut cuts = 0;
    for at in (0..26_000).step_by(500) {
        site.put("a", &text);
        site.put("a.done", "");
        relay.cut_after(at);
        for attempt in 0.. {
            let led = site.try_open(options()).and_then(|mut folder| lead(&mut folder));
            match led {
                Ok(()) => break,
                Err(FolderError::Away { .. }) if attempt < 3 => cuts += 1,
                Err(error) => panic!("cut after {at} bytes: {error}"),
            }
        }
        relay.cut_after(i64::MAX);
        let there = site.files();
        assert_eq!(there, set(["archive/a", "receipts/a.json"]), "cut after {at} bytes");
        assert!(fs::read(site.at("archive/a")).unwrap() == text);
        there.iter().for_each(|name| fs::remove_file(site.at(name)).unwrap());
    }
    assert!(cuts > 20, "{cuts} cuts");
}

#[test]
fn cut_anywhere_a_file_is_put_whole_or_not_at_all() {
    let site = Site::new();
    let content = noise(2_000_000);
    let relay = Relay::to(site.server.address());
    let mut broken = 0;
    for at in (0..4_200_000).step_by(150_000) {
        let put = || {
            let sftp = Some(Box::new(site.sftp(relay.address())));
            let folder = site.try_open(FolderOptions { sftp, ..FolderOptions::new("in") })?;
            folder.write_same(Place::Folder, "out", |out| out.write_all(&content))
        };
        relay.cut_after(at);
        let first = put();
        relay.cut_after(i64::MAX);
        if let Ok(there) = fs::read(site.at("out")) {
            assert!(there == content, "cut after {at} bytes");
        }
        match first {
            Ok(written) => assert_eq!(written, Written::New),
            Err(FolderError::Away { .. }) => {
                broken += 1;
                put().unwrap();
            }
            Err(error) => panic!("cut after {at} bytes: {error}"),
        }
        assert_eq!(put().unwrap(), Written::Same);
        assert_eq!(site.files(), set(["out"]), "cut after {at} bytes");
        fs::remove_file(site.at("out")).unwrap();
    }
    println!("{broken} attempts were told to have failed");
}
