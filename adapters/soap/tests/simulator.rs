//! The simulated service as a caller meets it: over a socket, from a WSDL on disk, answered by the target of this crate.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
    time::Duration,
};

use bytes::Bytes;
use portolan_delivery::{MessageId, Outgoing, SendError, Sent, Target};
use portolan_diagnostics::Sources;
use portolan_schema::{Contract, Directory, Reading, wsdl};
use portolan_soap::{
    SoapOptions, SoapTarget,
    simulate::{
        Answers, Behaviour, Handle, Simulator,
        sample::{self, Alternatives},
    },
};
use tokio::net::TcpListener;

fn contract(path: &Path) -> Option<Contract> {
    let directory = Directory::new(path.parent()?);
    let mut sources = Sources::default();
    let mut reading = Reading { resolver: &directory, sources: &mut sources };
    wsdl::read(path.file_name()?.to_str()?, &mut reading).value
}

fn register() -> Contract {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../mappings/population-register/register.wsdl");
    contract(&root).expect("the register's WSDL can be read")
}

struct Served {
    target: SoapTarget,
    contract: Contract,
    handle: Handle,
    seen: Arc<Mutex<Vec<Bytes>>>,
    endpoint: String,
}

async fn serve(answers: &str, behaviour: Behaviour) -> Served {
    let contract = register();
    let answers = Answers::read(answers, &contract).unwrap();
    let seen: Arc<Mutex<Vec<Bytes>>> = Arc::default();
    let observed = Arc::clone(&seen);
    let simulator = Simulator::new(contract.clone(), Some(answers), behaviour)
        .unwrap()
        .with_wsdl("<the-wsdl/>")
        .observed_by(Arc::new(move |_, bytes| observed.lock().unwrap().push(bytes.clone())));
    let handle = simulator.handle();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}/soap", listener.local_addr().unwrap());
    tokio::spawn(simulator.serve(listener, std::future::pending()));
    let target = SoapTarget::new(&SoapOptions::new(endpoint.clone())).unwrap();
    Served { target, contract, handle, seen, endpoint }
}

impl Served {
    async fn send(&self, payload: impl Into<Bytes>) -> Result<String, SendError> {
        let operation = &self.contract.services[0].operations[0];
        let outgoing = Outgoing {
            message: MessageId::generate(),
            payload: payload.into(),
            protocol: Arc::new(operation.protocol.clone()),
            timeout: Duration::from_secs(20),
            idempotency_key: None,
            traceparent: None,
        };
        let reply = self.target.send(outgoing).await?;
        Ok(String::from_utf8(reply.to_vec()).unwrap())
    }
}

fn query(code: &str) -> String {
    envelope(&format!(
        "<PersonQuery xmlns=\"urn:example:population-register:2004\"><PersonCode>{code}</PersonCode>\
         <Reason>01</Reason><Channel>01</Channel></PersonQuery>"
    ))
}

fn envelope(body: &str) -> String {
    format!(
        "<s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\"><s:Body>{body}</s:Body></s:Envelope>"
    )
}

#[tokio::test]
async fn samples_answer_requests_and_are_the_same_for_the_same_seed() {
    let served = serve("[]", Behaviour::default()).await;
    let first = served.send(query("48001010001")).await.unwrap();
    assert!(
        first.contains("<PersonQueryResponse xmlns=\"urn:example:population-register:2004\"><request>"),
        "{first}"
    );
    assert!(first.contains("<person>"), "{first}");
    assert_eq!(served.send(query("48001010001")).await.unwrap(), first);
    assert_ne!(served.send(query("48001010002")).await.unwrap(), first);
    assert_eq!(served.handle.counts(), BTreeMap::from([("PersonQuery".to_owned(), 3)]));
    assert_eq!(served.seen.lock().unwrap()[0], query("48001010001").as_bytes());
}

#[tokio::test]
async fn sound_samples_of_requests_are_accepted() {
    let served = serve("[]", Behaviour::default()).await;
    for seed in 0..30 {
        let request = sample::request(&served.contract, &served.contract.services[0].operations[0], seed);
        let reply = served.send(request.clone()).await.unwrap();
        assert!(reply.contains("PersonQueryResponse"), "{request}\n{reply}");
    }
}

#[tokio::test]
async fn unsound_requests_get_faults() {
    const NS: &str = "xmlns=\"urn:example:population-register:2004\"";
    let served = serve("[]", Behaviour::default()).await;
    let code = "<PersonCode>1</PersonCode>";
    for (request, expected) in [
        ("<a".to_owned(), "not well-formed"),
        ("<!DOCTYPE a><a/>".to_owned(), "DOCTYPE"),
        ("<a>".repeat(1000), "too deep"),
        (envelope("<Unknown/>"), "no operation"),
        (envelope(""), "no operation"),
        (envelope("").replace("http://schemas.xmlsoap.org/soap/envelope/", "urn:other"), "SOAP version"),
        (
            query("1").replace(
                "http://schemas.xmlsoap.org/soap/envelope/",
                "http://www.w3.org/2003/05/soap-envelope",
            ),
            "SOAP version",
        ),
        (envelope(&format!("<PersonQuery {NS}>{code}</PersonQuery>")), "`Reason` is missing"),
        (query("1").replace("<Reason>", "<Colour/><Reason>"), "Colour` is not expected"),
        (
            query("1")
                .replace("<Reason>01</Reason>", "")
                .replace("</PersonQuery>", "<Reason>01</Reason></PersonQuery>"),
            "wrong place",
        ),
        (query("1").replace(code, &code.repeat(2)), "too often"),
    ] {
        let reply = served.send(request.clone()).await.unwrap();
        assert!(reply.contains("<faultstring>") && reply.contains(expected), "{expected}: {reply}");
    }
}

#[tokio::test]
async fn answers_say_what_they_are_told_to() {
    let served = serve(
        r#"
- operation: PersonQuery
  when: { PersonQuery/PersonCode: "1" }
  reply: |
    <PersonQueryResponse xmlns="urn:example:population-register:2004"><echo>{PersonCode}, {Reason}</echo></PersonQueryResponse>
- operation: PersonQuery
  when: { PersonCode: "2", Channel: "01" }
  fault: { code: Server.Busy, reason: "no time for {PersonCode}", detail: "<f:x xmlns:f='urn:f'>{PersonCode}</f:x>" }
- operation: PersonQuery
  when: { PersonCode: "3" }
  status: 503
  body: "<html>{ closed }</html>"
"#,
        Behaviour::default(),
    )
    .await;
    let echo = served.send(query("1")).await.unwrap();
    assert!(echo.contains("<echo>1, 01</echo>"), "{echo}");
    let fault = served.send(query("2")).await.unwrap();
    assert!(
        fault.contains("<faultcode>Server.Busy</faultcode><faultstring>no time for 2</faultstring><detail><f:x xmlns:f='urn:f'>2</f:x></detail>"),
        "{fault}"
    );
    let closed = served.send(query("3")).await.unwrap_err();
    assert_eq!((closed.reason, closed.sent), ("SERVICE_UNAVAILABLE", Sent::Maybe));
    assert_eq!(closed.reply.as_deref(), Some(&b"<html>{ closed }</html>"[..]));
    assert!(served.send(query("4")).await.unwrap().contains("<person>"));
}

#[tokio::test]
async fn answers_that_cannot_be_meant_are_refused() {
    let contract = register();
    for (yaml, expected) in [
        ("- { operation: PersonQurey, status: 500 }", "it has `PersonQuery`"),
        ("- { operation: PersonQuery, when: { PersonQuery/PersonKode: x }, status: 500 }", "`PersonKode`"),
        ("- { operation: PersonQuery }", "write one of"),
        ("- { operation: PersonQuery, status: 500, reply: <a/> }", "write one of"),
        ("- { operation: PersonQuery, status: 99 }", "from 200 to 599"),
        ("- { operation: PersonQuery, reply: '<a>' }", "not well-formed"),
        ("- { operation: PersonQuery, reply: '<p:a/>' }", "does not declare"),
        ("- { operation: PersonQuery, replly: <a/> }", "replly"),
        ("- { operation: PersonQuery, status: 500, delay: soon }", "not a duration"),
    ] {
        let error = Answers::read(yaml, &contract).unwrap_err().to_string();
        assert!(error.contains(expected), "{yaml}: {error}");
    }
}

#[tokio::test]
async fn faults_and_cuts_come_at_their_rates() {
    let broken = serve("[]", Behaviour { fault_rate: 1.0, ..Behaviour::default() }).await;
    assert!(broken.send(query("1")).await.unwrap().contains("simulated fault"));
    let cut = serve("[]", Behaviour { drop_rate: 1.0, ..Behaviour::default() }).await;
    let error = cut.send(query("1")).await.unwrap_err();
    assert_eq!((error.reason, error.sent), ("CONNECTION_LOST", Sent::Maybe));
    assert_eq!(cut.handle.counts()["PersonQuery"], 1);
    let some = serve("[]", Behaviour { fault_rate: 0.5, seed: 7, ..Behaviour::default() }).await;
    let mut faults = 0;
    for _ in 0..40 {
        faults += usize::from(some.send(query("1")).await.unwrap().contains("simulated fault"));
    }
    assert!((8..32).contains(&faults), "{faults}");
}

#[tokio::test]
async fn it_goes_down_and_comes_back_on_the_same_port() {
    let served = serve("[]", Behaviour::default()).await;
    for _ in 0..3 {
        assert!(served.send(query("1")).await.is_ok());
        served.handle.set_down(true).await;
        let refused = served.send(query("1")).await.unwrap_err();
        assert_eq!((refused.reason, refused.sent), ("CONNECTION_REFUSED", Sent::No));
        served.handle.set_down(false).await;
    }
    assert!(served.send(query("1")).await.is_ok());
}

#[tokio::test]
async fn the_wsdl_is_served() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let served = serve("[]", Behaviour::default()).await;
    let address = served.endpoint.trim_start_matches("http://").trim_end_matches("/soap");
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    let request = b"GET /soap?WSDL HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
    stream.write_all(request).await.unwrap();
    let mut reply = String::new();
    stream.read_to_string(&mut reply).await.unwrap();
    assert!(reply.starts_with("HTTP/1.1 200") && reply.ends_with("<the-wsdl/>"), "{reply}");
}

#[tokio::test]
async fn a_get_is_answered_as_by_a_service_that_is_there() {
    let served = serve("[]", Behaviour::default()).await;
    let probed = portolan_soap::probe(&SoapOptions::new(served.endpoint.clone())).await.ok().unwrap();
    assert_eq!(probed.status.as_u16(), 405);
}

/// Every contract of the corpus that can be read gives samples that are XML and come to an end.
#[test]
fn every_contract_gives_samples() {
    let corpus = std::env::var_os("PORTOLAN_CORPUS")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpus"), PathBuf::from);
    let mut files = Vec::new();
    wsdl_files(&corpus.join("soap"), &mut files);
    if files.is_empty() {
        println!("corpus not found, samples of its contracts not run");
    }
    for file in files {
        let Some(contract) = contract(&file) else { continue };
        for operation in contract.services.iter().flat_map(|service| &service.operations) {
            for seed in 0..4 {
                let documents = [Some(&operation.input), operation.output.as_ref()];
                for document in documents {
                    let text = sample::envelope(&contract, operation, document, seed, Alternatives::Any);
                    assert!(text.len() < 8 << 20, "{} {}", file.display(), operation.name);
                    let mut reader = quick_xml::NsReader::from_str(&text);
                    loop {
                        match reader.read_event() {
                            Ok(quick_xml::events::Event::Eof) => break,
                            Ok(_) => {}
                            Err(error) => panic!("{} {}: {error}\n{text}", file.display(), operation.name),
                        }
                    }
                }
            }
        }
    }
}

fn wsdl_files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            wsdl_files(&path, found);
        } else if path.extension().is_some_and(|e| e == "wsdl") {
            found.push(path);
        }
    }
}
