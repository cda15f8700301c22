//! Repeated request ids: answered once, wherever the ledger has the message; also across restarts and decisions of
//! operators.

use std::{fs, time::Duration};

use prost::Message as _;
use tonic::Code;

use crate::harness::{Backend, Client, Details, House, OrderRequest, Reaction, block_on, envelope};

#[test]
fn a_repeated_request_id_is_answered_once() {
    block_on(async {
        let backend = Backend::start(|asked, _| match asked.key.starts_with("slow") {
            true => Reaction::TakeSlowly(Duration::from_millis(300)),
            false => Reaction::Take,
        })
        .await;
        let house = House::orders(backend.address);
        let gateway = house.serve();
        let client = Client::connect(gateway.grpc).await;
        for method in ["Once", "Keyed"] {
            let order = OrderRequest::new(format!("same-{method}"));
            let first = client.order(method, order.clone()).await.unwrap();
            assert_eq!(client.order(method, order.clone()).await.unwrap(), first);
            assert_eq!(backend.count(&order.key), 1, "{method}");

            let mut other = order.clone();
            other.amount_minor += 1;
            let details = Details::of(&client.order(method, other).await.unwrap_err());
            assert_eq!(
                (details.code, details.reason.as_str()),
                (Some(Code::InvalidArgument), "REQUEST_ID_REUSED")
            );
            assert_eq!(details.fields, ["request_id"], "{method}");

            let slow = OrderRequest::new(format!("slow-{method}"));
            let ask = || client.order(method, slow.clone());
            let (a, b, c) = tokio::join!(ask(), ask(), ask());
            let answers = [a.unwrap(), b.unwrap(), c.unwrap()];
            assert!(answers.iter().all(|a| *a == answers[0]), "{method}: {answers:?}");
            assert_eq!(backend.count(&slow.key), 1, "{method}");
        }
        let asked = backend.asked();
        let key = |order: &str| asked.iter().find(|a| a.key == order).unwrap().headers.get("idempotency-key");
        assert_eq!((key("same-Once"), key("same-Keyed")), (None, Some(&"same-Keyed".to_owned())));
        // A message without the field is named by metadata.
        let mut order = OrderRequest::new("by-metadata");
        order.request_id = String::new();
        let metadata = [("idempotency-key", "m-1")];
        for _ in 0..2 {
            client.raw("test.orders.v1.Orders/Once", order.encode_to_vec().into(), &metadata).await.unwrap();
        }
        assert_eq!(backend.count("by-metadata"), 1);

        // Another process on the same database knows it still.
        let order = OrderRequest::new("same-Once");
        let first = client.order("Once", order.clone()).await.unwrap();
        gateway.kill();
        let gateway = house.serve();
        let client = Client::connect(gateway.grpc).await;
        assert_eq!(client.order("Once", order).await.unwrap(), first);
        assert_eq!(backend.count("same-Once"), 1);
    });
}

#[test]
fn an_unknown_outcome_stays_so_until_a_person_settles_it() {
    block_on(async {
        let backend = Backend::start(|_, _| Reaction::HangUp).await;
        let house = House::orders(backend.address);
        let gateway = house.serve();
        let client = Client::connect(gateway.grpc).await;
        let mut letters = Vec::new();
        for key in ["done", "refused", "given-up"] {
            let mut told = Vec::new();
            for _ in 0..2 {
                let details = Details::of(&client.order("Once", OrderRequest::new(key)).await.unwrap_err());
                assert_eq!((details.code, details.reason.as_str()), (Some(Code::Aborted), "OUTCOME_UNKNOWN"));
                told.push(details.metadata["dead_letter"].clone());
            }
            assert_eq!(
                (told[0] == told[1], backend.count(key)),
                (true, 1),
                "{key}: asked once, one dead letter"
            );
            letters.push(told.remove(0));
        }
        let reply = "<PutOrderResponse xmlns=\"urn:test:orders\"><Key>done</Key><Number>77</Number></PutOrderResponse>";
        fs::write(house.path("answer.xml"), envelope(reply)).unwrap();
        gateway.operator(&house, &["queue", "resolve", &letters[0], "--succeeded", "answer.xml"]);
        gateway.operator(
            &house,
            &[
                "queue",
                "resolve",
                &letters[1],
                "--failed",
                "--status",
                "NOT_FOUND",
                "--message",
                "no such order",
            ],
        );
        gateway.operator(&house, &["queue", "discard", &letters[2], "--reason", "withdrawn"]);

        assert_eq!(client.order("Once", OrderRequest::new("done")).await.unwrap().number, 77);
        let refused = Details::of(&client.order("Once", OrderRequest::new("refused")).await.unwrap_err());
        assert_eq!((refused.code, refused.message.as_str()), (Some(Code::NotFound), "no such order"));
        let given_up = Details::of(&client.order("Once", OrderRequest::new("given-up")).await.unwrap_err());
        assert_eq!(given_up.code, Some(Code::Cancelled));
        let again = house.run(&[
            "queue",
            "discard",
            &letters[2],
            "--reason",
            "x",
            "--admin",
            &gateway.http.to_string(),
        ]);
        assert_eq!(again.status.code(), Some(1), "only dead letters wait for a decision");
        assert_eq!(backend.counts().values().sum::<usize>(), 3, "none of this asked the system");
    });
}
