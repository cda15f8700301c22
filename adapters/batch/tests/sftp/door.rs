//! Who is talked to, and what is said where that is not to be.

use portolan_batch::{FolderError, probe};

use super::*;

fn refusal(site: &Site, change: impl FnOnce(&mut SftpOptions)) -> String {
    let mut options = site.options(Complete::Renamed);
    change(options.sftp.as_mut().unwrap());
    let error = site.try_open(options.clone()).unwrap_err();
    let _in = site.runtime.enter();
    let probed = probe(&options, &[]).unwrap_err();
    assert_eq!(error.to_string(), format!("{}; {}", probed.said, probed.todo));
    error.to_string()
}

#[test]
fn the_server_must_be_the_one_that_is_known() {
    let site = Site::new();
    let (right, wrong) = (site.server.fingerprint(), site.server.other_fingerprint());
    let said = refusal(&site, |sftp| sftp.host_keys = HostKeys::Fingerprints(vec![wrong.clone()]));
    assert!(said.contains(&format!("a host key that is not known: {right} (ssh-ed25519)")), "{said}");
    assert!(said.contains("`host-key`") && !said.contains(&wrong), "{said}");
    // One of several is enough.
    let mut options = site.options(Complete::Renamed);
    options.sftp.as_mut().unwrap().host_keys = HostKeys::Fingerprints(vec![wrong, right.clone()]);
    site.open_with(options.clone());
    // Known hosts.
    let file = site.spool.path().join("known_hosts");
    fs::write(&file, "# nobody\nelsewhere ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJdD7y3aLq454yWBdwLWbieU1ebz9/cu7/QEXn9OIeZJ\n").unwrap();
    let known = HostKeys::KnownHosts(file.clone());
    let said = refusal(&site, |sftp| sftp.host_keys = known.clone());
    assert!(said.contains(&right), "{said}");
    fs::write(&file, site.server.known_host()).unwrap();
    options.sftp.as_mut().unwrap().host_keys = known;
    site.open_with(options);
}

#[test]
fn what_is_wrong_with_a_login_is_said() {
    let site = Site::new();
    let other = site.server.other_key();
    let said = refusal(&site, |sftp| sftp.key.as_mut().unwrap().path = other);
    assert!(
        said.starts_with("the server does not let the user in by this key; it takes publickey, password"),
        "{said}"
    );
    assert!(
        said.ends_with("see `user` and `key`, and whether the server's owner has the public key"),
        "{said}"
    );
    let said = refusal(&site, |sftp| {
        sftp.key = None;
        sftp.password = Some("canary-password".to_owned());
    });
    assert!(said.starts_with("the server does not let the user in by this password"), "{said}");
    assert!(!said.contains("canary"), "{said}");
    let said = refusal(&site, |sftp| sftp.key = None);
    assert!(said.contains("neither a `key` nor a `password`"), "{said}");
    let hosts = site.spool.path().join("no_key");
    fs::write(&hosts, "no key").unwrap();
    let said = refusal(&site, |sftp| sftp.key.as_mut().unwrap().path = hosts);
    assert!(said.contains("is no private key as OpenSSH or PKCS#8 write it"), "{said}");
    // Encrypted.
    let locked = site.spool.path().join("locked");
    let keygen = |arguments: &[&str]| {
        let made = std::process::Command::new("ssh-keygen").args(arguments).arg("-f").arg(&locked).status();
        assert!(made.unwrap().success());
    };
    fs::copy(site.server.key(), &locked).unwrap();
    std::process::Command::new("chmod").arg("600").arg(&locked).status().unwrap();
    keygen(&["-q", "-p", "-N", "a passphrase"]);
    let said = refusal(&site, |sftp| sftp.key.as_mut().unwrap().path = locked.clone());
    assert!(said.contains("it is encrypted, and there is no `passphrase`"), "{said}");
    let with = |text: &str| KeyFile { path: locked.clone(), passphrase: Some(text.to_owned()) };
    let said = refusal(&site, |sftp| sftp.key = Some(with("another")));
    assert!(said.contains("its `passphrase` is another"), "{said}");
    let mut options = site.options(Complete::Renamed);
    options.sftp.as_mut().unwrap().key = Some(with("a passphrase"));
    assert!(!format!("{options:?}").contains("passphrase"), "{options:?}");
    site.open_with(options);
}

#[test]
fn what_is_wrong_with_the_folder_or_the_way_is_said() {
    let site = Site::new();
    let missing = FolderOptions { path: "not-there".into(), ..site.options(Complete::Renamed) };
    let said = site.try_open(missing).unwrap_err().to_string();
    assert!(
        said.contains(
            "not-there cannot be opened: the server says: No such file; have the server's owner make it"
        ),
        "{said}"
    );
    let out = FolderOptions { archive: "../elsewhere".into(), ..site.options(Complete::Renamed) };
    assert!(matches!(site.try_open(out), Err(FolderError::Name { .. })));
    let said = refusal(&site, |sftp| sftp.port = portolan_test_servers::free_port());
    assert!(said.starts_with("the connection to the SFTP server was refused; is it up"), "{said}");
    let said = refusal(&site, |sftp| sftp.host = "nobody.invalid".to_owned());
    assert!(said.starts_with("the SFTP server's name has no address"), "{said}");
    let dumb = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let said = refusal(&site, |sftp| {
        (sftp.port, sftp.timeout) = (dumb.local_addr().unwrap().port(), Duration::from_millis(100));
    });
    assert!(said.starts_with("the SFTP server has let nobody in within 100ms"), "{said}");
    std::os::unix::fs::PermissionsExt::set_mode(
        &mut fs::metadata(site.spool.path()).unwrap().permissions(),
        0o700,
    );
    let open = site.spool.path().join("open");
    fs::create_dir(&open).unwrap();
    fs::set_permissions(&open, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let said = refusal(&site, |sftp| sftp.spool = open);
    assert!(said.contains("may be read by others"), "{said}");
}

#[test]
fn a_folder_that_cannot_be_written_to_is_said() {
    let site = Site::with(Sshd::start_with("ForceCommand internal-sftp -R"));
    let path = site.at("");
    let options = FolderOptions { path, ..site.options(Complete::Renamed) };
    let said = site.try_open(options.clone()).unwrap_err().to_string();
    assert!(
        said.contains("cannot be made: the server says: Permission denied; have the server's owner let"),
        "{said}"
    );
    let _in = site.runtime.enter();
    assert!(
        probe(&options, &[])
            .unwrap_err()
            .said
            .contains("cannot be written: the server says: Permission denied")
    );
}

#[test]
fn a_server_without_sftp_is_said() {
    let site = Site::with(Sshd::start_with("ForceCommand /bin/false"));
    let options = FolderOptions { path: site.at(""), ..site.options(Complete::Renamed) };
    let said = site.try_open(options).unwrap_err().to_string();
    assert!(said.contains("SFTP"), "{said}");
}
