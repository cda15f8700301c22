//! The fault table: two gateways under load in every mode while something breaks, and the reckoning afterwards. Nothing
//! that was acknowledged is lost, and nothing is sent twice where the route does not allow it.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use portolan_test_servers::Database;

use crate::{
    harness::{Backend, Gateway, Link, block_on},
    load::{Attempts, Row, Until, load, react, reconcile},
    site::{Place, Site},
};

/// A queue whose leader is looked for.
const QUEUE: &str = "portolan.route.orders.later";

/// What breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    Nothing,
    FollowerKilled,
    LeaderKilled,
    AllBrokersKilled,
    BrokerCutOff,
    BrokerBlocked,
    DatabaseKilled,
    DatabaseFull,
    GatewayKilled,
    ConnectionsCut,
    ConnectionsStalled,
    EverythingRestarted,
}

impl Fault {
    const ALL: [Self; 12] = [
        Self::Nothing,
        Self::FollowerKilled,
        Self::LeaderKilled,
        Self::AllBrokersKilled,
        Self::BrokerCutOff,
        Self::BrokerBlocked,
        Self::DatabaseKilled,
        Self::DatabaseFull,
        Self::GatewayKilled,
        Self::ConnectionsCut,
        Self::ConnectionsStalled,
        Self::EverythingRestarted,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::Nothing => "nothing",
            Self::FollowerKilled => "kill -9 of a broker node",
            Self::LeaderKilled => "kill -9 of the leader",
            Self::AllBrokersKilled => "kill -9 of all broker nodes",
            Self::BrokerCutOff => "a broker node cut off and back",
            Self::BrokerBlocked => "the brokers block publishers",
            Self::DatabaseKilled => "kill -9 of PostgreSQL",
            Self::DatabaseFull => "PostgreSQL out of disk",
            Self::GatewayKilled => "kill -9 of a gateway",
            Self::ConnectionsCut => "connections cut",
            Self::ConnectionsStalled => "connections half-open",
            Self::EverythingRestarted => "everything restarted in turn",
        }
    }
}

/// Two gateways at a site.
struct Stage {
    site: Site,
    places: [Place; 2],
    gateways: [Option<Gateway>; 2],
    /// How long a fault lasts.
    lasts: Duration,
}

impl Stage {
    async fn set(site: Site, lasts: Duration) -> Self {
        let places = [site.place().await, site.place().await];
        let gateways = [Some(places[0].house.serve()), Some(places[1].house.serve())];
        Self { site, places, gateways, lasts }
    }

    fn restart_gateway(&mut self, n: usize) {
        if let Some(gateway) = self.gateways[n].take() {
            gateway.kill();
        }
        self.gateways[n] = Some(tokio::task::block_in_place(|| self.places[n].house.serve()));
    }

    fn stop_gateway(&mut self, n: usize) {
        if let Some(mut gateway) = self.gateways[n].take() {
            gateway.signal("TERM");
            let ended = tokio::task::block_in_place(|| gateway.wait(Duration::from_secs(30)));
            assert!(ended.is_some_and(|status| status.success()), "it ends by itself");
        }
    }

    /// Breaks something under load, and mends it.
    async fn under_load(&mut self, fault: Fault) -> Arc<Attempts> {
        let attempts = Arc::new(Attempts::default());
        let stop = Arc::new(AtomicBool::new(false));
        let mut callers = Vec::new();
        for (n, gateway) in self.gateways.iter().enumerate() {
            let address = gateway.as_ref().unwrap().grpc;
            let until = Until::Told(stop.clone());
            callers.extend(load(address, &format!("{fault:?}{n}"), &attempts, &until).await);
        }
        tokio::time::sleep(Duration::from_millis(300)).await;
        self.strike(fault).await;
        tokio::time::sleep(Duration::from_secs(1)).await;
        stop.store(true, Ordering::Relaxed);
        for caller in callers {
            caller.await.unwrap();
        }
        attempts
    }

    /// Breaks something for a while, and mends it.
    async fn strike(&mut self, fault: Fault) {
        let lasts = self.lasts;
        match fault {
            Fault::Nothing => tokio::time::sleep(lasts).await,
            Fault::FollowerKilled | Fault::LeaderKilled => {
                let brokers = &self.site.brokers;
                let leader = tokio::task::block_in_place(|| brokers.leader("portolan", QUEUE));
                let node = if fault == Fault::LeaderKilled { leader } else { (leader + 1) % brokers.len() };
                brokers.kill(node);
                tokio::time::sleep(lasts).await;
                tokio::task::block_in_place(|| brokers.restart(node));
            }
            Fault::AllBrokersKilled => {
                let brokers = &self.site.brokers;
                (0..brokers.len()).for_each(|node| brokers.kill(node));
                tokio::time::sleep(lasts).await;
                tokio::task::block_in_place(|| brokers.restart_all());
            }
            Fault::BrokerCutOff => {
                let brokers = &self.site.brokers;
                let leader = tokio::task::block_in_place(|| brokers.leader("portolan", QUEUE));
                brokers.freeze(leader);
                tokio::time::sleep(lasts).await;
                brokers.thaw(leader);
            }
            Fault::BrokerBlocked => {
                let watermark = |of: &str| {
                    let set = ["set_vm_memory_high_watermark", of];
                    tokio::task::block_in_place(|| self.site.brokers.ctl(0, &set));
                };
                watermark("0.0000001");
                tokio::time::sleep(lasts).await;
                watermark("0.4");
            }
            Fault::DatabaseKilled => {
                self.site.database.kill();
                tokio::time::sleep(lasts).await;
                tokio::task::block_in_place(|| self.site.database.restart());
            }
            Fault::DatabaseFull => {
                self.site.database.fill_disk();
                tokio::time::sleep(lasts).await;
                self.site.database.free_disk();
                // It ends by itself when its journal cannot be written.
                tokio::task::block_in_place(|| self.site.database.ensure_running());
            }
            Fault::GatewayKilled => {
                if let Some(gateway) = self.gateways[0].take() {
                    gateway.kill();
                }
                tokio::time::sleep(lasts).await;
                self.restart_gateway(0);
            }
            Fault::ConnectionsCut => {
                self.places[0].links().for_each(Link::cut);
                tokio::time::sleep(lasts).await;
                self.places[0].links().for_each(Link::heal);
            }
            Fault::ConnectionsStalled => {
                self.places[0].links().for_each(Link::stall);
                tokio::time::sleep(lasts).await;
                self.places[0].links().for_each(Link::heal);
            }
            Fault::EverythingRestarted => {
                for n in 0..2 {
                    self.stop_gateway(n);
                    self.restart_gateway(n);
                    tokio::time::sleep(lasts / 4).await;
                }
                for node in 0..self.site.brokers.len() {
                    tokio::task::block_in_place(|| {
                        self.site.brokers.kill(node);
                        self.site.brokers.restart(node);
                    });
                    tokio::time::sleep(lasts / 4).await;
                }
                self.site.database.kill();
                tokio::task::block_in_place(|| self.site.database.restart());
                tokio::time::sleep(lasts / 4).await;
            }
        }
    }
}

#[test]
fn the_fault_table() {
    // The database's disk is in memory, and has what was finished for as long as the test lasts.
    let (lasts, disk) = if std::env::var_os("PORTOLAN_SOAK").is_some() { (60, 8192) } else { (2, 512) };
    let lasts = Duration::from_secs(lasts);
    let only = std::env::var("PORTOLAN_FAULT").unwrap_or_default();
    block_on(async {
        let backend = Backend::counting(react).await;
        let mut stage =
            Stage::set(Site::with(backend.address, 3, Database::start_on_disk_of(disk)), lasts).await;
        let mut dead = 0;
        println!(
            "{:<30}{:>10}{:>14}{:>6}{:>12}{:>11}{:>10}{:>9}{:>11}{:>8}",
            "fault",
            "attempted",
            "acknowledged",
            "lost",
            "duplicated",
            "overtaken",
            "repeated",
            "unknown",
            "recovered",
            "dead"
        );
        let chosen = |fault: &Fault| only.split(',').any(|name| format!("{fault:?}").contains(name));
        for fault in Fault::ALL.into_iter().filter(chosen) {
            let attempts = stage.under_load(fault).await;
            let gateway = stage.gateways[1].as_ref().unwrap();
            let rows = reconcile(&stage.places[1].house, gateway, &backend, &attempts, &mut dead).await;
            let mut all = Row::default();
            let mut repeated = 0;
            for (mode, row) in &rows {
                assert!(row.acknowledged > 0, "{fault:?}: {mode:?} was not under load: {row:?}");
                assert_eq!(row.lost, 0, "{fault:?}: {mode:?} lost messages: {row:?}");
                assert!(mode.may_repeat() || row.duplicated == 0, "{fault:?}: {mode:?} sent twice: {row:?}");
                assert_eq!(row.overtaken, 0, "{fault:?}: {mode:?} did not keep the order: {row:?}");
                all.attempted += row.attempted;
                all.acknowledged += row.acknowledged;
                all.lost += row.lost;
                all.unknown += row.unknown;
                all.recovered += row.recovered;
                if mode.may_repeat() { repeated += row.duplicated } else { all.duplicated += row.duplicated }
            }
            println!(
                "{:<30}{:>10}{:>14}{:>6}{:>12}{:>11}{:>10}{:>9}{:>11}{:>8}",
                fault.name(),
                all.attempted,
                all.acknowledged,
                all.lost,
                all.duplicated,
                all.overtaken,
                repeated,
                all.unknown,
                all.recovered,
                dead
            );
        }
    });
}

/// What the table is worth: a database that says too early that a commit is durable is found out.
#[test]
fn the_reckoning_finds_what_is_lost() {
    block_on(async {
        let backend = Backend::counting(react).await;
        let site = Site::new(backend.address);
        let mut stage = Stage::set(site, Duration::from_millis(100)).await;
        stage.site.database.be_careless();
        let attempts = stage.under_load(Fault::DatabaseKilled).await;
        let gateway = stage.gateways[1].as_ref().unwrap();
        let rows = reconcile(&stage.places[1].house, gateway, &backend, &attempts, &mut 0).await;
        let lost: usize = rows.values().map(|row| row.lost).sum();
        println!("lost {lost}");
        assert!(lost > 0, "commits that were not durable left no trace: {rows:?}");
    });
}
