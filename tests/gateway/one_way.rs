//! One-way operations, and users that the envelope names: a board on node-soap that takes notices, answers nothing to them,
//! and demands a UsernameToken of WS-Security.

use serde_json::{Value, json};

use crate::harness::{House, Peer, node_portal, python_portal, repository};

const NOTICES: &str = "tests/gateway/routes/notices";

fn board(kind: &str) -> Peer {
    Peer::node_board(&repository().join(NOTICES).join("notices.wsdl"), "portal", "canary & <key>", kind)
}

fn token(board: &Peer, kind: &str, password: &str) -> String {
    format!(
        "endpoint: 'http://{}/soap', ws-security: {{ username: portal, password: '{password}', {kind} }}",
        board.address
    )
}

#[test]
fn a_board_takes_notices_from_who_shows_a_token() {
    for (kind, own) in [
        ("PasswordDigest", "type: digest, timestamp: 5m"),
        ("PasswordText", "type: text, must-understand: true"),
    ] {
        let board = board(kind);
        let mut house = House::new(&[NOTICES]);
        house.system("board", &token(&board, own, "${env:BOARD_PASSWORD}"));
        let gateway = house.serve_with(&[("BOARD_PASSWORD", "canary & <key>")], &[]);
        let contract = format!("{NOTICES}/notices.proto");
        let announce = |method: &str, subject: &str| {
            let method = format!("test.notices.v1.Notices/{method}");
            node_portal(gateway.grpc, &contract, &[&method, &json!({ "subject": subject }).to_string()])
                .remove(0)
        };
        for subject in ["first", "second <&>"] {
            let taken = announce("Announce", subject);
            assert_eq!((&taken["ok"], &taken["reply"]), (&json!(true), &json!({})), "{kind}: {taken}");
        }
        let notice = json!({ "subject": "later" }).to_string();
        let later =
            python_portal(gateway.grpc, &["test.notices.v1.Notices/AnnounceLater", &notice, "--wait", "20"]);
        let later = &later[0]["reply"];
        assert_eq!(later["done"], true, "{later}");
        assert_eq!(later["response"]["subject"], "later", "{later}");
        let expected = ["first", "second <&>", "later"].map(|s| format!("Announce {s}"));
        assert_eq!(board.asked(), expected, "{kind}");
        assert!(!gateway.said().contains("canary"), "{}", gateway.said());
    }
}

#[test]
fn a_board_refuses_a_token_that_is_wrong() {
    let board = board("PasswordDigest");
    let contract = format!("{NOTICES}/notices.proto");
    for own in [
        token(&board, "type: digest", "another"),
        token(&board, "type: text", "canary & <key>"),
        format!("endpoint: 'http://{}/soap'", board.address),
    ] {
        let mut house = House::new(&[NOTICES]);
        house.system("board", &own);
        let gateway = house.serve();
        let refused: Value =
            node_portal(gateway.grpc, &contract, &["test.notices.v1.Notices/Announce", "{}"]).remove(0);
        assert_eq!(refused["ok"], false, "{own}: {refused}");
    }
    assert_eq!(board.asked(), [] as [String; 0]);
}

#[test]
fn a_fault_of_a_one_way_operation_is_a_failure() {
    let wsdl = format!("{NOTICES}/notices.wsdl");
    let mut house = House::new(&[NOTICES]);
    let answers = house.path("answers.yaml");
    let full = "- { operation: Announce, when: { Subject: full }, fault: { code: Server, reason: FULL } }\n\
                - { operation: Announce, when: { Subject: shut }, fault: { code: Client, reason: SHUT } }\n";
    std::fs::write(&answers, full).unwrap();
    let answers = answers.display().to_string();
    let board = Peer::simulator(&["--wsdl", &wsdl, "--answers", &answers, "--listen", "127.0.0.1:0"]);
    house.system("board", &format!("endpoint: 'http://{}/soap'", board.address));
    let gateway = house.serve();
    let contract = format!("{NOTICES}/notices.proto");
    for (subject, expected) in [("full", "RESOURCE_EXHAUSTED"), ("shut", "INTERNAL"), ("room", "")] {
        let notice = json!({ "subject": subject }).to_string();
        let told =
            node_portal(gateway.grpc, &contract, &["test.notices.v1.Notices/Announce", &notice]).remove(0);
        assert_eq!(told["code"].as_str().unwrap_or_default(), expected, "{subject}: {told}");
    }
}
