//! TLS to the server: whom the ledger trusts, what it shows, and what it says where one side refuses the other.

use std::time::Duration;

use portolan_delivery::{
    GatewayId, MessageStore,
    testing::messages::{BUNDLE, NOW},
};
use portolan_postgres::{Options, PostgresLedger, TlsOptions, probe};
use portolan_test_servers::{Authority, Database, ServerTls};

/// With these files beside the URL.
fn options(url: String, ca: Option<&Authority>, shows: Option<&Authority>) -> Options {
    let shows = shows.map(|authority| authority.certificate("gateway"));
    let (cert, key) = shows.map(|shows| (shows.certificate, shows.key)).unzip();
    Options { tls: TlsOptions { ca: ca.map(Authority::file), cert, key }, ..Options::new(url) }
}

/// Opens a ledger and uses it, and tells why not.
async fn used(options: &Options) -> Result<(), String> {
    let ledger = PostgresLedger::open(options.clone()).await.map_err(|error| error.to_string())?;
    ledger.keep_bundle(BUNDLE, "bundle".into()).await.map_err(|error| error.to_string())?;
    ledger.reconcile(GatewayId::generate(), NOW).await.map_err(|error| error.to_string())?;
    Ok(())
}

async fn refused(options: &Options, expected: &str) {
    let told = used(options).await.expect_err(expected);
    assert!(told.contains(expected), "{told}");
    let told = probe(options).await.expect_err(expected).to_string();
    assert!(told.contains(expected), "doctor: {told}");
}

async fn start(tls: ServerTls<'_>) -> Database {
    tokio::task::block_in_place(|| Database::start_with(&tls))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_is_known_or_nothing_is_sent() {
    let (ours, others) = (Authority::new(), Authority::new());
    let server = start(ours.server()).await;
    used(&options(server.tls_url(), Some(&ours), None)).await.expect("its authority is known");
    let seen = probe(&options(server.tls_url(), Some(&ours), None)).await.expect("answers");
    assert!(!seen.certificates.is_empty() && !seen.readable_password);
    let unknown =
        "its certificate is of an authority that is not trusted here; name the authority's file with `ca`";
    refused(&options(server.tls_url(), Some(&others), None), unknown).await;
    refused(&options(server.tls_url(), None, None), unknown).await;
    let offered = server.tls_url().replace("require", "prefer");
    refused(&options(offered, None, None), unknown).await;
    let by_number = server.tls_url().replace("localhost", "127.0.0.1");
    refused(&options(by_number, Some(&ours), None), "its certificate is for another name").await;
    let plain = server.tls_url().replace("require", "disable");
    refused(&options(plain, None, None), "it may want TLS").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_of_another_name_is_refused() {
    let ours = Authority::new();
    let shows = ours.certificate("db.example");
    let server = start(ServerTls { shows, ..ours.server() }).await;
    refused(&options(server.tls_url(), Some(&ours), None), "its certificate is for another name").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_may_demand_a_certificate() {
    let (ours, clients, others) = (Authority::new(), Authority::new(), Authority::new());
    let server = start(ServerTls { clients: &clients, demands: true, ..ours.server() }).await;
    let by = |shows| options(server.tls_url(), Some(&ours), shows);
    used(&by(Some(&clients))).await.expect("it shows one");
    refused(&by(None), "a client's certificate (`certificate`, `key`)").await;
    refused(&by(Some(&others)), "it may want a certificate (`certificate`, `key`), or another one").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_that_are_renewed_are_taken_up_without_a_restart() {
    let (ours, others) = (Authority::new(), Authority::new());
    let server = start(ours.server()).await;
    let folder = tempfile::tempdir().expect("a folder");
    let ca = folder.path().join("ca.pem");
    let trust = |authority: &Authority| std::fs::copy(authority.file(), &ca).expect("copied");
    trust(&ours);
    let tls = TlsOptions { ca: Some(ca.clone()), ..TlsOptions::default() };
    let patience = Duration::from_secs(1);
    let ledger = PostgresLedger::open(Options { tls, patience, ..Options::new(server.tls_url()) });
    let ledger = ledger.await.expect("opens");
    trust(&others);
    server.kill();
    tokio::task::block_in_place(|| server.restart());
    let told = ledger.counts().await.expect_err("the next connection is refused").to_string();
    assert!(told.contains("of an authority that is not trusted here"), "{told}");
    trust(&ours);
    ledger.counts().await.expect("the next is not");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_without_tls_is_no_place_for_who_requires_it() {
    let server = tokio::task::block_in_place(Database::start);
    let url = server.url().replace("127.0.0.1", "localhost");
    let ours = Authority::new();
    used(&Options::new(url.clone())).await.expect("where it is only preferred");
    refused(&Options::new(format!("{url}?sslmode=require")), "does not support TLS").await;
    // Who says whom to trust requires it.
    refused(&options(url, Some(&ours), None), "does not support TLS").await;
}

#[test]
fn what_cannot_be_meant_is_told_before_anything_is_connected() {
    let ours = Authority::new();
    let check = |url: &str, tls: TlsOptions, expected: &str| {
        let told = Options { tls, ..Options::new(url) }.check().expect_err(expected).to_string();
        assert!(told.contains(expected), "{told}");
    };
    let ca = || TlsOptions { ca: Some(ours.file()), ..TlsOptions::default() };
    check(
        "postgres://db/x?sslmode=verify-full",
        TlsOptions::default(),
        "write require, which always verifies",
    );
    check("postgres://db/x?sslmode=disable", ca(), "take `sslmode=disable` out of it");
    let half = TlsOptions { key: Some(ours.certificate("gateway").key), ..TlsOptions::default() };
    check("postgres://db/x", half, "go together");
    let key = TlsOptions { ca: Some(ours.certificate("gateway").key), ..TlsOptions::default() };
    check("postgres://db/x", key, "gateway.key cannot be used: there is no certificate in it");
}
