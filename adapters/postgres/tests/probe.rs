//! What `portolan doctor` sees of a ledger.

use portolan_postgres::{OpenError, Options, PostgresLedger, probe};
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
    assert_eq!(probe(&options).await.expect("answers").tables, Some(5));
    let nowhere = Options::new("postgres://portolan:canary@127.0.0.1:1/portolan");
    let refused = probe(&nowhere).await.expect_err("nobody is there");
    assert!(matches!(refused, OpenError::Connect { .. }) && !refused.to_string().contains("canary"));
}
