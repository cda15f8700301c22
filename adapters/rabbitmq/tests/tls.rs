//! TLS to the broker: whom the transport trusts, what it shows, and what it says where one side refuses the other.

use portolan_delivery::{
    MessageId,
    composite::{Parcel, Transport},
    testing::messages::NOW,
};
use portolan_rabbitmq::{Options, RabbitTransport, TlsOptions, probe};
use portolan_test_servers::{Authority, Broker, ServerTls};

/// With these files beside the URL.
fn options(url: String, ca: Option<&Authority>, shows: Option<&Authority>) -> Options {
    let shows = shows.map(|authority| authority.certificate("gateway"));
    let (cert, key) = shows.map(|shows| (shows.certificate, shows.key)).unzip();
    Options { tls: TlsOptions { ca: ca.map(Authority::file), cert, key }, ..Options::new(url) }
}

/// Opens a transport and publishes, and tells why not.
async fn used(options: &Options) -> Result<(), String> {
    let transport = RabbitTransport::open(options.clone()).await.map_err(|error| error.to_string())?;
    let parcel = Parcel { id: MessageId::generate(), route: "r".into(), attempt: 1, due: NOW };
    transport.publish(parcel).await.map_err(|error| error.to_string())
}

async fn refused(options: &Options, expected: &str) {
    let told = used(options).await.expect_err(expected);
    assert!(told.contains(expected), "{told}");
    let probed = probe(options).await.expect("the URL is valid").remove(0);
    let told = probed.connected.expect_err(expected).to_string();
    assert!(told.contains(expected), "doctor: {told}");
}

async fn start(tls: ServerTls<'_>) -> Broker {
    tokio::task::block_in_place(|| Broker::start_with(&tls))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broker_is_known_or_nothing_is_sent() {
    let (ours, others) = (Authority::new(), Authority::new());
    let broker = start(ours.server()).await;
    used(&options(broker.tls_url(), Some(&ours), None)).await.expect("its authority is known");
    let seen = probe(&options(broker.tls_url(), Some(&ours), None)).await.expect("probed").remove(0);
    assert!(seen.connected.is_ok() && !seen.certificates.is_empty() && !seen.readable_password);
    let unknown =
        "its certificate is of an authority that is not trusted here; name the authority's file with `ca`";
    refused(&options(broker.tls_url(), Some(&others), None), unknown).await;
    refused(&options(broker.tls_url(), None, None), unknown).await;
    let by_number = broker.tls_url().replace("localhost", "127.0.0.1");
    refused(&options(by_number, Some(&ours), None), "its certificate is for another name").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broker_may_demand_a_certificate() {
    let (ours, clients, others) = (Authority::new(), Authority::new(), Authority::new());
    let broker = start(ServerTls { clients: &clients, demands: true, ..ours.server() }).await;
    let by = |shows| options(broker.tls_url(), Some(&ours), shows);
    used(&by(Some(&clients))).await.expect("it shows one");
    for shows in [None, Some(&others)] {
        refused(&by(shows), "it may want a certificate (`certificate`, `key`), or another one").await;
    }
}

#[test]
fn what_cannot_be_meant_is_told_before_anything_is_connected() {
    let ours = Authority::new();
    let told =
        options("amqp://broker".to_owned(), Some(&ours), None).check().expect_err("no TLS").to_string();
    assert!(told.contains("write amqps://"), "{told}");
    let mut absent = options("amqps://broker".to_owned(), None, None);
    absent.tls.ca = Some("absent.pem".into());
    let told = absent.check().expect_err("no file").to_string();
    assert!(told.contains("absent.pem cannot be used"), "{told}");
}
