//! A gateway whose ways to RabbitMQ and PostgreSQL are encrypted, with certificates on both sides.

use std::time::Duration;

use portolan_test_servers::{Authority, Broker, Database, ServerTls};
use serde_json::Value;

use crate::{
    harness::{Backend, Client, House, OrderRequest, Reaction, block_on},
    site::alone,
};

#[test]
fn a_gateway_serves_with_tls_to_broker_and_database() {
    block_on(async {
        let backend = Backend::start(|_, _| Reaction::Take).await;
        let _alone = alone();
        let ours = Authority::new();
        let demanding = || ServerTls { demands: true, ..ours.server() };
        let (broker, database) = tokio::task::block_in_place(|| {
            (Broker::start_with(&demanding()), Database::start_with(&demanding()))
        });
        let mine = ours.certificate("gateway");
        let files = format!(
            "ca: {}, certificate: {}, key: {}",
            ours.file().display(),
            mine.certificate.display(),
            mine.key.display()
        );
        let mut house = House::orders(backend.address);
        house.setting(&format!("queue: {{ url: '{}', {files} }}", broker.tls_url()));
        house.setting(&format!("ledger: {{ url: '{}', {files} }}", database.tls_url()));
        let gateway = house.serve();
        let client = Client::connect(gateway.grpc).await;
        assert_eq!(client.order("Once", OrderRequest::new("at-once")).await.unwrap().key, "at-once");
        let begun = client.begin("Later", OrderRequest::new("later")).await.unwrap();
        let ended = client.wait(&begun.name, Duration::from_secs(30)).await.unwrap();
        assert_eq!(ended.order().key, "later");

        let told = house.run(&["doctor", "--format", "json"]);
        let told: Value = serde_json::from_slice(&told.stdout).unwrap();
        let found = |check: &str, of: &str| {
            let all = told["findings"].as_array().unwrap();
            let one =
                all.iter().find(|one| one["check"] == check && one["of"].as_str().unwrap().contains(of));
            one.unwrap_or_else(|| panic!("nothing about {check} {of}: {told}"))["state"].clone()
        };
        for of in ["RabbitMQ localhost", "PostgreSQL, as it shows itself", "queue ", "ledger "] {
            assert_eq!(found("certificate", of), "ok", "{told}");
        }
        assert_eq!((found("queue", "RabbitMQ"), found("ledger", "PostgreSQL")), ("ok".into(), "ok".into()));
    });
}
