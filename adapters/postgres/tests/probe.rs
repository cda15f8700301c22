//! What `portolan doctor` sees of a ledger.

use portolan_delivery::{GatewayId, MessageStore as _, testing::messages::NOW};
use portolan_postgres::{Gateway, OpenError, Options, PostgresLedger, probe};
use portolan_test_servers::Database;

#[tokio::test]
async fn a_database_shows_itself_and_nothing_is_made() {
    let database = tokio::task::spawn_blocking(Database::start).await.expect("starts");
    let options = Options::new(database.url());
    for _ in 0..2 {
        let seen = probe(&options).await.expect("answers");
        assert_eq!((seen.tables, seen.standby), (None, false));
        assert!(seen.server.split('.').next().is_some_and(|n| n.parse::<u32>().is_ok()), "{seen:?}");
        let apart = (seen.clocks.0.0 - seen.clocks.1.0).abs();
        assert!(apart < 10_000_000, "one machine has one clock: {seen:?}");
    }
    let refused = PostgresLedger::attend(options.clone()).await.err();
    assert!(matches!(refused, Some(OpenError::Older { found: 0, .. })), "who only looks makes no tables");
    assert_eq!(probe(&options).await.expect("answers").tables, None);
    drop(PostgresLedger::open(options.clone()).await.expect("opens"));
    drop(PostgresLedger::attend(options.clone()).await.expect("opens what a gateway made"));
    assert_eq!(probe(&options).await.expect("answers").tables, Some(11));
    let nowhere = Options::new("postgres://portolan:canary@127.0.0.1:1/portolan");
    let refused = probe(&nowhere).await.expect_err("nobody is there");
    assert!(refused.is_away() && !refused.to_string().contains("canary"));
}

#[tokio::test]
async fn gateways_and_what_is_not_allowed_are_seen() {
    let database = tokio::task::spawn_blocking(Database::start).await.expect("starts");
    let (client, driver) =
        tokio_postgres::connect(&database.url(), tokio_postgres::NoTls).await.expect("connect");
    let driver = tokio::spawn(driver);
    let run = async |sql: &str| client.batch_execute(sql).await.expect(sql);
    run("CREATE ROLE poor LOGIN PASSWORD 'poor'").await;
    let (_, place) = database.url().rsplit_once('@').map(|(a, b)| (a.to_owned(), b.to_owned())).expect("URL");
    let poor = Options { host: "here".to_owned(), ..Options::new(format!("postgres://poor:poor@{place}")) };
    let allowed = async || probe(&poor).await.expect("answers").allowed;
    assert!(!allowed().await, "it may make no schema");
    let refused = PostgresLedger::open(poor.clone()).await.err();
    assert!(
        refused.is_some_and(|refused| !refused.is_away() && refused.to_string().contains("42501")),
        "and so cannot start"
    );
    let nobody = Options::new(poor.url.replace("poor:poor", "nobody:poor"));
    assert!(probe(&nobody).await.is_err_and(|refused| !refused.is_away()), "waiting makes no such user");
    run("CREATE SCHEMA portolan AUTHORIZATION poor").await;
    assert!(allowed().await, "it has one");
    let ledger = PostgresLedger::open(poor.clone()).await.expect("and so can start");
    assert!(allowed().await);
    let here = GatewayId::generate();
    ledger.reconcile(here, NOW).await.expect("takes a lease");
    let seen = probe(&poor).await.expect("answers").gateways;
    assert_eq!(seen, [Gateway { id: here.0, host: "here".to_owned(), alive: true, at_work: 0 }]);
    run("UPDATE portolan.leases SET expires = clock_timestamp() - interval '1 min'; ALTER TABLE portolan.attempts OWNER TO postgres").await;
    drop(ledger);
    assert!(!allowed().await, "one table is another's");
    run("UPDATE portolan.version SET number = 99 WHERE number = 7").await;
    assert!(matches!(probe(&poor).await, Err(OpenError::Newer { found: 99, .. })));
    driver.abort();
}
