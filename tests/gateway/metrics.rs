//! `/metrics` as a scraper meets it: the text is well-formed, counts what callers saw, and holds exactly the metrics that
//! the operators' page names.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    io::Write as _,
    process::{Command, Stdio},
    time::Duration,
};

use crate::harness::{Backend, Client, House, OrderRequest, Reaction, block_on, get, repository};

#[test]
fn a_scrape_counts_what_callers_saw() {
    block_on(async {
        let backend = Backend::start(|asked, before| match asked.key.as_str() {
            "no" => Reaction::Fault("NO"),
            "busy" if before == 0 => Reaction::Fault("BUSY"),
            "lost" => Reaction::HangUp,
            _ => Reaction::Take,
        })
        .await;
        let house = House::orders(backend.address);
        let gateway = house.serve();
        let client = Client::connect(gateway.grpc).await;
        for key in ["one", "two", "no", "busy", "lost", ""] {
            let _ = client.order("Once", OrderRequest::new(key)).await;
            let _ = client.order("Direct", OrderRequest::new(key)).await;
        }
        let begun = client.begin("Later", OrderRequest::new("later")).await.unwrap();
        client.wait(&begun.name, Duration::from_secs(20)).await.unwrap();

        let answer = get(gateway.http, "/metrics").await;
        let (head, text) = answer.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("HTTP/1.1 200"), "{head}");
        assert!(head.contains("content-type: text/plain; version=0.0.4; charset=utf-8"), "{head}");
        let metrics = Metrics::parse(text);
        for (expected, series) in [
            (3.0, "portolan_calls_total{route=\"orders.once\",mode=\"request-reply\",status=\"OK\"}"),
            (1.0, "portolan_calls_total{route=\"orders.once\",mode=\"request-reply\",status=\"ABORTED\"}"),
            (
                1.0,
                "portolan_calls_total{route=\"orders.once\",mode=\"request-reply\",status=\"INVALID_ARGUMENT\"}",
            ),
            (3.0, "portolan_attempts_total{route=\"orders.once\",system=\"orders\",outcome=\"success\"}"),
            (1.0, "portolan_attempts_total{route=\"orders.once\",system=\"orders\",outcome=\"not_done\"}"),
            (1.0, "portolan_attempts_total{route=\"orders.once\",system=\"orders\",outcome=\"unknown\"}"),
            (1.0, "portolan_attempts_total{route=\"orders.once\",system=\"orders\",outcome=\"refused\"}"),
            (6.0, "portolan_call_duration_seconds_count{route=\"orders.direct\",mode=\"direct\"}"),
            (1.0, "portolan_calls_total{route=\"orders.later\",mode=\"operation\",status=\"OK\"}"),
            (1.0, "portolan_messages_settled_total{route=\"orders.later\",outcome=\"reply\"}"),
            (1.0, "portolan_queue_messages{route=\"orders.once\",state=\"dead\"}"),
            (0.0, "portolan_queue_messages{route=\"orders.later\",state=\"waiting\"}"),
            (0.0, "portolan_in_flight{system=\"orders\"}"),
            (1.0, "portolan_ready"),
        ] {
            assert_eq!(metrics.value(series), expected, "{series}");
        }
        assert!(metrics.value("process_resident_memory_bytes") > 1e6);
        let families: BTreeSet<_> =
            metrics.kinds.iter().map(|(name, kind)| (name.clone(), kind.clone())).collect();
        // Without a broker there is nothing to tell of it, nor of files without a route that takes some.
        let other = ["portolan_broker_", "portolan_file"];
        let is_other = |(name, _): &(String, String)| other.iter().any(|begins| name.starts_with(begins));
        assert_eq!(families, documented().into_iter().filter(|one| !is_other(one)).collect());
        promtool(text);
    });
}

/// A scrape as a strict reader takes it.
struct Metrics {
    kinds: BTreeMap<String, String>,
    values: BTreeMap<String, f64>,
}

impl Metrics {
    /// The text format 0.0.4: HELP, TYPE, then the samples of one family; no series twice; buckets that add up.
    fn parse(text: &str) -> Self {
        let mut metrics = Self { kinds: BTreeMap::new(), values: BTreeMap::new() };
        let (mut helped, mut family) = (String::new(), (String::new(), String::new()));
        let mut bucket = (String::new(), 0.0);
        for line in text.lines() {
            if let Some(help) = line.strip_prefix("# HELP ") {
                let (name, help) = help.split_once(' ').expect(line);
                assert!(!help.is_empty(), "{line}");
                helped = name.to_owned();
            } else if let Some(kind) = line.strip_prefix("# TYPE ") {
                let (name, kind) = kind.split_once(' ').expect(line);
                assert_eq!(name, helped);
                assert!(metrics.kinds.insert(name.to_owned(), kind.to_owned()).is_none(), "twice: {line}");
                family = (name.to_owned(), kind.to_owned());
            } else {
                let (series, value) = line.rsplit_once(' ').expect(line);
                let value: f64 = value.parse().expect(line);
                let name = series.split('{').next().unwrap();
                let (of, kind) = (&*family.0, &*family.1);
                let suffixes: &[&str] =
                    if kind == "histogram" { &["_bucket", "_sum", "_count"] } else { &[""] };
                let suffix = name.strip_prefix(of).unwrap_or_else(|| panic!("{line} is not of {of}"));
                assert!(suffixes.contains(&suffix), "{line}");
                assert_eq!(kind == "counter", name.ends_with("_total"), "{line}");
                if let Some((labels, le)) = series.split_once("le=\"").filter(|_| suffix == "_bucket") {
                    if bucket.0 != labels {
                        bucket = (labels.to_owned(), 0.0);
                    }
                    assert!(value >= bucket.1, "buckets add up: {line}");
                    bucket.1 = value;
                    if !le.starts_with("+Inf") {
                        le.trim_end_matches("\"}").parse::<f64>().expect(line);
                    }
                } else if suffix == "_count" && kind == "histogram" {
                    assert_eq!(value, bucket.1, "all of them are in the last bucket: {line}");
                }
                assert!(metrics.values.insert(series.to_owned(), value).is_none(), "twice: {line}");
            }
        }
        metrics
    }

    fn value(&self, series: &str) -> f64 {
        *self.values.get(series).unwrap_or_else(|| panic!("no {series} among {:#?}", self.values.keys()))
    }
}

/// Name and type of every metric in the table of the operators' page.
fn documented() -> BTreeSet<(String, String)> {
    let page = fs::read_to_string(repository().join("docs/observability.md")).unwrap();
    let rows = page.lines().filter_map(|line| line.strip_prefix("| `"));
    let cells = rows.filter_map(|row| {
        let (name, rest) = row.split_once("` | ")?;
        Some((name.to_owned(), rest.split(" | ").next()?.to_owned()))
    });
    cells.filter(|(name, _)| name.starts_with("portolan_") || name.starts_with("process_")).collect()
}

/// Rules and dashboard ask for metrics that there are.
#[test]
fn what_is_deployed_asks_for_what_is_counted() {
    let known: BTreeSet<_> = documented().into_iter().map(|(name, _)| name).collect();
    for file in ["deployments/prometheus/portolan.rules.yaml", "deployments/grafana/portolan.json"] {
        let text = fs::read_to_string(repository().join(file)).unwrap();
        let mut asked = 0;
        for word in text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_') {
            if word.starts_with("portolan_") || word.starts_with("process_") {
                asked += 1;
                assert!(known.contains(word.trim_end_matches("_bucket")), "{file} asks for {word}");
            }
        }
        assert!(asked > 5, "{file}");
    }
}

/// Prometheus' own checker, where it is installed.
fn promtool(text: &str) {
    let child = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn();
    let Ok(mut child) = child else {
        return println!("promtool is not there: the text is held to the tests' own reader alone");
    };
    child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{output:?}");
}
