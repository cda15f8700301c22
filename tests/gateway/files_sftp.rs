//! Files that are dropped on an SFTP server: fetched, taken once, and set aside there, whatever becomes of the connection.

use std::{fs, path::PathBuf, process::Command, time::Duration};

use portolan_test_servers::{Relay, Sshd};
use serde_json::Value;

use crate::{
    files::{paid, report, until_all},
    harness::{House, Ledger, block_on, until},
};

const ROUTES: &str = "tests/gateway/routes/wages";

/// A partner's server, and the network to it.
struct Partner {
    server: Sshd,
    relay: Relay,
}

impl Partner {
    fn start() -> Self {
        let server = Sshd::start();
        fs::create_dir(server.files().join("drop")).unwrap();
        let relay = Relay::to(server.address());
        Self { server, relay }
    }

    fn at(&self, name: &str) -> PathBuf {
        self.server.files().join("drop").join(name)
    }

    fn drop_file(&self, name: &str, text: &str) {
        fs::write(self.at("next.tmp"), text).unwrap();
        fs::rename(self.at("next.tmp"), self.at(name)).unwrap();
    }

    async fn there(&self, name: &str) -> String {
        let path = self.at(name);
        until(name, async || fs::read_to_string(&path).ok()).await
    }

    async fn receipt(&self, name: &str) -> Value {
        serde_json::from_str(&self.there(&format!("receipts/{name}.json")).await).unwrap()
    }

    /// The system, by its keys and others.
    fn keys(&self, house: &House, sftp: &str, more: &str) -> String {
        fs::copy(self.server.key(), house.path("id_bank")).unwrap();
        let (user, print) = (self.server.user(), self.server.fingerprint());
        let port = self.relay.address().port();
        format!(
            "batch: {{ sftp: {{ host: 127.0.0.1, port: {port}, user: {user}, path: drop, key: id_bank, host-key: '{print}'{sftp} }}, every: 20ms{more} }}"
        )
    }
}

fn house(ledger: &Ledger) -> House {
    let mut house = House::new(&[ROUTES]);
    house.party("ledger", &format!("grpc: {{ address: 'http://{}' }}, breaker: off", ledger.address));
    house
}

#[test]
fn a_file_on_a_server_becomes_messages_and_what_became_of_it_is_said_there() {
    block_on(async {
        let (ledger, partner) = (Ledger::start(None).await, Partner::start());
        let mut house = house(&ledger);
        house.party("employers", &partner.keys(&house, "", ""));
        let gateway = house.serve();
        let text = report([(1, paid(100)), (2, "00000x200".to_owned()), (3, paid(300))]);
        partner.drop_file("a.txt", &text);
        let said = partner.receipt("a.txt").await;
        assert_eq!(
            (&said["state"], &said["messages"], &said["rejected"]),
            (&"taken".into(), &2.into(), &1.into())
        );
        assert_eq!(partner.there("archive/a.txt").await, text);
        let rejected = partner.there("rejected/a.txt").await;
        assert_eq!(rejected, report([(2, "00000x200".to_owned())]));
        assert!(partner.there("out/a.txt.ack").await.starts_with("FILE;Portalen;a.txt;TAKEN;"));
        // Corrected it is another; the same once more is known.
        partner.drop_file("b.txt", &rejected.replace("00000x200", "000000200"));
        partner.there("archive/b.txt").await;
        partner.drop_file("again.txt", &text);
        partner.there("duplicate/again.txt").await;
        // The server goes away, and is told of once.
        let before = gateway.said().matches("cannot be used now").count();
        partner.server.kill_sessions();
        partner.drop_file("c.txt", &report((10..3000).map(|number| (number, paid(number)))));
        partner.there("archive/c.txt").await;
        until("all messages", async || (ledger.count() == 2993).then_some(())).await;
        assert!(ledger.told().values().all(|times| *times == 1));
        let said = gateway.said();
        assert!(said.matches("cannot be used now").count() <= before + 1, "{said}");
        assert!(!said.contains("id_bank") && !said.contains("127.0.0.1:22"), "{said}");
        let spool = fs::read_dir(house.path("spool/employers")).unwrap().count();
        assert_eq!(spool, 0, "nothing is left of what was fetched");
    });
}

#[test]
fn cut_and_killed_a_file_on_a_server_is_taken_once_and_whole() {
    block_on(async {
        let (ledger, partner) = (Ledger::start(None).await, Partner::start());
        let mut house = house(&ledger);
        house.party("employers", &partner.keys(&house, "", ""));
        let (rounds, employees) = match std::env::var_os("PORTOLAN_SOAK") {
            Some(_) => (100, 20_000),
            None => (10, 1000),
        };
        let mut files = Vec::new();
        for round in 0..rounds {
            let first = round * employees + 1;
            let text = report((first..first + employees).map(|number| (number, paid(number))));
            let name = format!("{round}.txt");
            partner.drop_file(&name, &text);
            files.push((name, text));
            let gateway = house.serve_with(&[], &["--pause-dispatch"]);
            // The connection, within the file or what is said of it; then the gateway, a little later each time.
            partner.relay.cut_after(2000 + i64::from(round) * 7000);
            tokio::time::sleep(Duration::from_millis(100 + u64::from(round) * 60)).await;
            gateway.kill();
        }
        partner.relay.cut_after(i64::MAX);
        let gateway = house.serve();
        for (name, text) in &files {
            assert!(partner.there(&format!("archive/{name}")).await == *text, "{name}");
            assert_eq!(partner.receipt(name).await["messages"], employees);
        }
        let wanted = (rounds * employees) as usize;
        until_all("messages are told", wanted, || ledger.count()).await;
        let told = ledger.told();
        assert_eq!((told.len(), told.values().filter(|times| **times != 1).count()), (wanted, 0));
        // A folder for each run of a gateway that took something.
        let taking = fs::read_dir(partner.at(".taking")).unwrap().map(|folder| folder.unwrap().path());
        let left: Vec<_> = taking.flat_map(|folder| fs::read_dir(folder).unwrap()).collect();
        assert!(left.is_empty(), "{left:?}");
        drop(gateway);
    });
}

#[test]
fn a_server_that_is_another_is_not_talked_to_and_doctor_says_it() {
    block_on(async {
        let (ledger, partner) = (Ledger::start(None).await, Partner::start());
        let right = partner.server.fingerprint();
        let doctor = |house: &House| {
            let output = house.run(&["doctor", "--config", "portolan.yaml"]);
            String::from_utf8(output.stdout).unwrap()
        };
        let mut well = house(&ledger);
        well.party("employers", &partner.keys(&well, "", ""));
        Command::new("chmod").arg("600").arg(well.path("id_bank")).status().unwrap();
        let said = doctor(&well);
        assert!(said.contains("it lets the user in, and the folder can be written to"), "{said}");

        let mut other = house(&ledger);
        let keys = partner.keys(&other, "", "").replace(&right, &partner.server.other_fingerprint());
        other.party("employers", &keys);
        let said = doctor(&other);
        assert!(said.contains(&format!("a host key that is not known: {right} (ssh-ed25519)")), "{said}");
        let gateway = other.serve();
        partner.drop_file("a.txt", &report([(1, paid(100))]));
        until("it is told", async || gateway.said().contains(&right).then_some(())).await;
        assert!(partner.at("a.txt").exists(), "nothing is taken from it");

        // What can be told without the server, `check` says.
        let mut unfit = house(&ledger);
        let keys = partner.keys(&unfit, "", "").replace("SHA256:", "MD5:");
        unfit.party("employers", &keys);
        let output = unfit.run(&["check", "--config", "portolan.yaml"]);
        let said =
            String::from_utf8_lossy(&output.stderr).into_owned() + &String::from_utf8_lossy(&output.stdout);
        assert!(said.contains("a host key is written as its fingerprint"), "{said}");
    });
}
