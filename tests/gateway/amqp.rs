//! Strangers who speak AMQP: what they publish into a route is carried out once, what is wrong is put aside, and they hear what
//! becomes of it; whoever is killed meanwhile.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use prost::Message as _;

use crate::{
    harness::{
        Backend, Gateway, Heard, House, OrderRequest, Peer, Reaction, Stranger, block_on, correlation,
        happened, header, python_stranger, repository, until,
    },
    load::{Random, react},
    site::Site,
};

const OPEN: &str = "ingress: [ orders.later, orders.later-again ], events: [ orders.later, orders.later-again, orders.once ]";

fn site(backend: &Backend) -> (Site, House) {
    let site = Site::new(backend.address);
    let house = site.open_house(House::orders(backend.address), OPEN);
    (site, house)
}

/// A stranger who may publish into both routes of orders, and hear of them.
async fn stranger(site: &Site) -> Stranger {
    let url = site.stranger("stranger");
    let permit = |arguments: &[&str]| drop(site.brokers.ctl(0, arguments));
    let (own, to, from) = ("^stranger\\.", "^(stranger\\..*|portolan\\.ingress)$", "^(stranger|portolan)\\.");
    permit(&["set_permissions", "-p", "portolan", "stranger", own, to, from]);
    let topic = ["set_topic_permissions", "-p", "portolan", "stranger"];
    permit(&[&topic[..], &["portolan.ingress", "^orders\\.later(-again)?$", "^$"]].concat());
    permit(&[&topic[..], &["portolan.events", "^$", "^orders\\."]].concat());
    Stranger::connect(&url).await
}

fn order(key: &str) -> Vec<u8> {
    OrderRequest { request_id: String::new(), ..OrderRequest::new(key) }.encode_to_vec()
}

#[derive(prost::Message)]
struct Order {
    #[prost(string, tag = "1")]
    key: String,
}

#[derive(prost::Message)]
struct Status {
    #[prost(int32, tag = "1")]
    code: i32,
}

#[test]
fn a_python_team_publishes_a_claim_and_hears_of_it() {
    block_on(async {
        let wsdl = ["--wsdl", "mappings/benefits-claim/benefits.wsdl"];
        let answers = ["--answers", "mappings/benefits-claim/answers.yaml"];
        let benefits = Peer::simulator(&[wsdl, answers].concat());
        let site = Site::new(benefits.address);
        let mut house = House::new(&["mappings/benefits-claim"]);
        house.system("benefits", &format!("endpoint: 'http://{}/soap'", benefits.address));
        let open = "ingress: [ benefits.submit-claim ], events: [ benefits.submit-claim ]";
        let house = site.open_house(house, open);
        let _gateway = house.serve();
        let url = site.stranger("portal");
        let permissions = repository().join("deployments/rabbitmq/stranger.json");
        site.brokers.ctl(0, &["import_definitions", permissions.to_str().unwrap()]);
        let publish = |claim: &str| {
            let folder = tempfile::tempdir().unwrap();
            python_stranger(folder.path(), &[&url, claim, "38502281234"]).remove(0)
        };
        let told = tokio::task::block_in_place(|| publish("claim-1"));
        assert_eq!(told["type"], "portolan.message.finished", "{told}");
        assert_eq!(told["body"]["claim_number"], "2026-000417", "{told}");
        assert_eq!(told["body"]["decided_by"], serde_json::json!({ "year": 2026, "month": 12, "day": 24 }));
        assert!(told["operation"].as_str().unwrap().starts_with("operations/"), "{told}");
        // Nothing but this one route is open to it.
        let portal = Stranger::connect(&url).await;
        assert!(!portal.publish("benefits.another", Stranger::properties("x"), b"").await);
    });
}

#[test]
fn what_strangers_publish_is_carried_out_once_and_what_is_wrong_is_put_aside() {
    block_on(async {
        let backend = Backend::start(|asked, _| match asked.key.as_str() {
            "no" => Reaction::Fault("NO"),
            "silence" => Reaction::HangUp,
            _ => Reaction::Take,
        })
        .await;
        let (site, house) = site(&backend);
        let made = house.told(&["topology", "apply"]);
        assert!(made.ends_with("\n9 queues and 2 exchanges, 11 made now\n"), "{made}");
        let gateway = house.serve();
        let shown = house.told(&["topology"]);
        assert!(shown.ends_with("\n9 queues and 3 exchanges\n"), "{shown}");
        let stranger = stranger(&site).await;
        let mut events = stranger.listen("orders.later").await;
        let traced = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        let mut headers = lapin::types::FieldTable::default();
        headers.insert("traceparent".into(), lapin::types::AMQPValue::LongString(traced.into()));
        let properties =
            |id: &str| Stranger::properties(id).with_user_id("stranger".into()).with_headers(headers.clone());

        // Twice, and carried out once.
        for _ in 0..2 {
            assert!(stranger.publish("orders.later", properties("a"), &order("a")).await);
        }
        let event = events.next().await;
        assert_eq!((happened(&event), correlation(&event)), ("finished".into(), "a".into()));
        assert_eq!(Order::decode(&event.data[..]).unwrap().key, "a");
        assert_eq!(header(&event, "traceparent").as_deref(), Some(traced));
        assert_eq!(header(&event, "cloudEvents:source").as_deref(), Some("/portolan/routes/orders.later"));
        let operation = header(&event, "cloudEvents:subject").unwrap();
        let shown =
            gateway.operator(&house, &["queue", "show", operation.strip_prefix("operations/").unwrap()]);
        assert!(shown.contains("amqp:stranger"), "the user is the caller:\n{shown}");

        // What can never be taken is put aside, as it was, with the reason.
        let json = properties("b").with_content_type("application/json".into());
        let nameless = lapin::BasicProperties::default().with_content_type("application/protobuf".into());
        let wrong = [
            (json, order("b"), "CONTENT_TYPE_REFUSED", "content-type"),
            (nameless, order("c"), "MESSAGE_ID_MISSING", "message-id"),
            (properties("d"), b"\xff".to_vec(), "MALFORMED_REQUEST", ""),
            (properties("e"), order(""), "REQUIREMENT_NOT_MET", "key"),
            (properties("a"), order("another"), "REQUEST_ID_REUSED", "request_id"),
        ];
        let mut refused = stranger.read("portolan.refused.orders.later").await;
        for (properties, body, reason, field) in wrong {
            assert!(stranger.publish("orders.later", properties.clone(), &body).await);
            let aside = refused.next().await;
            assert_eq!(header(&aside, "portolan-reason").as_deref(), Some(reason));
            assert_eq!(header(&aside, "portolan-field").unwrap_or_default(), field, "{reason}");
            assert_eq!(header(&aside, "portolan-status").as_deref(), Some("INVALID_ARGUMENT"));
            assert_eq!((aside.data, aside.properties.message_id()), (body, properties.message_id()));
        }

        // A failure, a dead letter, and what an operator makes of it.
        assert!(stranger.publish("orders.later", properties("no"), &order("no")).await);
        let event = events.next().await;
        assert_eq!((happened(&event), correlation(&event)), ("failed".into(), "no".into()));
        assert_eq!(Status::decode(&event.data[..]).unwrap().code, 9);
        assert!(stranger.publish("orders.later", properties("silence"), &order("silence")).await);
        let event = events.next().await;
        assert_eq!((happened(&event), correlation(&event)), ("needs-attention".into(), "silence".into()));
        let operation = header(&event, "cloudEvents:subject").unwrap();
        let id = operation.strip_prefix("operations/").unwrap();
        gateway.operator(
            &house,
            &["queue", "resolve", id, "--failed", "--status", "ABORTED", "--message", "no"],
        );
        let event = events.next().await;
        assert_eq!((happened(&event), correlation(&event)), ("failed".into(), "silence".into()));

        // Callers of gRPC are told of, too.
        let client = crate::harness::Client::connect(gateway.grpc).await;
        let mut once = stranger.listen("orders.once").await;
        client.order("Once", OrderRequest::new("waits")).await.unwrap();
        assert_eq!(correlation(&once.next().await), "waits");

        // What cannot be taken now is held, and not refused.
        gateway.operator(&house, &["routes", "drain", "orders.later"]);
        assert!(stranger.publish("orders.later", properties("held"), &order("held")).await);
        until("it is held", async || {
            let queues =
                ["list_queues", "-p", "portolan", "name", "messages_unacknowledged", "--no-table-headers"];
            let held = site.brokers.ctl(0, &queues).contains("portolan.ingress.orders.later\t1");
            held.then_some(())
        })
        .await;
        assert_eq!(backend.count("held"), 0);
        gateway.operator(&house, &["routes", "resume", "orders.later"]);
        assert_eq!(correlation(&events.next().await), "held");

        // Without a gateway it waits; what expires meanwhile is put aside.
        gateway.kill();
        let expires = properties("late").with_expiration("1".into());
        assert!(stranger.publish("orders.later", expires, &order("late")).await);
        assert!(stranger.publish("orders.later", properties("waits"), &order("waits too")).await);
        assert_eq!(refused.next().await.properties.message_id().as_ref().unwrap().as_str(), "late");
        let gateway = house.serve();
        assert_eq!(correlation(&events.next().await), "waits");

        // A broker that was away is found again.
        drop(stranger);
        tokio::task::block_in_place(|| site.brokers.restart_all());
        let url = format!("amqp://stranger:portolan-tests@{}/portolan", site.brokers.address(0));
        let stranger = Stranger::connect(&url).await;
        let mut events = stranger.read("stranger.orders.later").await;
        assert!(stranger.publish("orders.later", properties("back"), &order("back")).await);
        // What was told just before may come again.
        while correlation(&events.next().await) != "back" {}
        for key in ["a", "held", "waits too", "back"] {
            assert_eq!(backend.count(key), 1, "{key}");
        }
        assert_eq!(backend.count("another") + backend.count("b") + backend.count("late"), 0);
        gateway.signal("TERM");
    });
}

/// What a stranger knows of its orders, by message-id.
#[derive(Default)]
struct Known {
    confirmed: Mutex<Vec<(&'static str, String)>>,
    heard: Mutex<HashMap<String, BTreeMap<String, String>>>,
}

/// Publishes into a route until told to stop.
async fn publish(stranger: &Stranger, route: &'static str, name: &str, known: &Known, stop: &AtomicBool) {
    for n in 0.. {
        if stop.load(Ordering::Relaxed) {
            return;
        }
        let id = format!("{route}-{name}-{n}");
        if stranger.publish(route, Stranger::properties(&id), &order(&id)).await {
            known.confirmed.lock().unwrap().push((route, id));
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Hears, for as long as the connection lasts.
async fn hear(mut events: Heard, known: Arc<Known>) {
    while let Some(event) = events.try_next().await {
        let id = event.properties.message_id().as_ref().unwrap().to_string();
        let mut heard = known.heard.lock().unwrap();
        let happened = happened(&event);
        let before = heard.entry(correlation(&event)).or_default().insert(id, happened.clone());
        assert!(before.is_none_or(|before| before == happened), "an event that is repeated is the same");
    }
}

#[test]
fn gateways_killed_while_strangers_publish_lose_no_message_and_no_event() {
    let rounds = if std::env::var_os("PORTOLAN_SOAK").is_some() { 30 } else { 4 };
    block_on(async {
        let backend = Backend::counting(react).await;
        let (site, one) = site(&backend);
        let houses = [one, site.open_house(House::orders(backend.address), OPEN)];
        let mut gateways: Vec<Gateway> = houses.iter().map(House::serve).collect();
        let stranger = Arc::new(stranger(&site).await);
        let (known, stop) = (Arc::new(Known::default()), Arc::new(AtomicBool::new(false)));
        let mut listening = Vec::new();
        let mut publishing = Vec::new();
        for route in ["orders.later", "orders.later-again"] {
            let events = stranger.listen(route).await;
            listening.push(tokio::spawn(hear(events, known.clone())));
            for name in ["a", "b"] {
                let (stranger, known, stop) = (stranger.clone(), known.clone(), stop.clone());
                publishing
                    .push(tokio::spawn(async move { publish(&stranger, route, name, &known, &stop).await }));
            }
        }
        let mut random = Random(0x9E37_79B9_7F4A_7C15);
        for round in 0..rounds {
            tokio::time::sleep(Duration::from_millis(300 + random.below(700))).await;
            let mut gateway = gateways.remove(0);
            // Every third leaves in order.
            if round % 3 == 2 {
                gateway.signal("TERM");
                let ended = tokio::task::block_in_place(|| gateway.wait(Duration::from_secs(60)));
                assert!(ended.expect("it drains").success(), "{}", gateway.said());
            } else {
                gateway.kill();
            }
            gateways.push(tokio::task::block_in_place(|| houses[round % 2].serve()));
        }
        stop.store(true, Ordering::Relaxed);
        for publisher in publishing {
            publisher.await.unwrap();
        }
        let confirmed = known.confirmed.lock().unwrap().clone();
        assert!(confirmed.len() > 50, "strangers were not at work: {}", confirmed.len());
        until("each message has its event", async || {
            let heard = known.heard.lock().unwrap();
            confirmed.iter().all(|(_, id)| heard.contains_key(id)).then_some(())
        })
        .await;
        let heard = known.heard.lock().unwrap();
        let mut unknown = 0;
        for (route, id) in &confirmed {
            let kinds: Vec<&str> = heard[id].values().map(String::as_str).collect();
            match (*route, &kinds[..], backend.taken(id)) {
                ("orders.later-again", ["finished"], 1..) | ("orders.later", ["finished"], 1) => {}
                ("orders.later", ["needs-attention"], 0..=1) => unknown += 1,
                other => panic!("{id}: {other:?}"),
            }
        }
        println!("{} confirmed, {} of unknown outcome, all told of", confirmed.len(), unknown);
        let counts = gateways[0].operator(&houses[0], &["queue", "list", "--format", "json", "--limit", "1"]);
        let counts: serde_json::Value = serde_json::from_str(&counts).unwrap();
        let left: Vec<_> =
            counts["counts"].as_array().unwrap().iter().filter(|c| c["state"] != "dead").collect();
        assert!(left.is_empty(), "nothing waits: {counts}");
        let refused =
            site.brokers.ctl(0, &["list_queues", "-p", "portolan", "name", "messages", "--no-table-headers"]);
        for line in
            refused.lines().filter(|line| line.starts_with("portolan.ingress.") || line.contains(".refused."))
        {
            assert!(line.ends_with("\t0"), "nothing is refused, and nothing is left: {refused}");
        }
        listening.iter().for_each(tokio::task::JoinHandle::abort);
    });
}
