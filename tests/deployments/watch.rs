//! Alerts and dashboard, by Prometheus. That they ask for metrics which a gateway serves is `tests/gateway/metrics.rs`.

use std::{fs, process::Command};

use crate::{deployments, documents, python, repository, said, tool};

#[test]
fn rules_and_scraping_are_sound() {
    let Some(mut promtool) = tool("promtool") else { return };
    said(
        promtool
            .args(["check", "config", "--lint=all", "--lint-fatal"])
            .arg(deployments("prometheus/prometheus.yml")),
    );
    let mut promtool = tool("promtool").unwrap();
    let rules = deployments("prometheus/portolan.rules.yaml");
    said(promtool.args(["check", "rules", "--lint=all", "--lint-fatal"]).arg(rules));
}

#[test]
fn alerts_go_off_when_they_should() {
    let Some(mut promtool) = tool("promtool") else { return };
    let cases = repository().join("tests/deployments/rules.test.yaml");
    said(promtool.args(["test", "rules"]).arg(&cases));
    // An alert that is added has a case.
    let cases = fs::read_to_string(cases).unwrap();
    let rules = fs::read_to_string(deployments("prometheus/portolan.rules.yaml")).unwrap();
    let names: Vec<_> = rules.lines().filter_map(|line| line.trim().strip_prefix("- alert: ")).collect();
    assert!(names.len() >= 12, "{names:?}");
    for name in names {
        assert!(
            cases.contains(&format!("alertname: {name}\n        exp_alerts:")),
            "no case has {name} go off"
        );
    }
}

#[test]
fn the_dashboard_asks_what_prometheus_can_answer() {
    let mut queries = python("dashboard.py");
    queries.arg(deployments("grafana/portolan.json")).arg(repository().join("docs/observability.md"));
    let queries = said(queries.arg(deployments("prometheus/portolan.rules.yaml")));
    let Some(mut promtool) = tool("promtool") else { return };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("queries.yaml");
    fs::write(&path, queries).unwrap();
    said(promtool.args(["check", "rules"]).arg(path));
}

#[test]
fn what_grafana_is_given_is_yaml() {
    for file in ["datasources/prometheus.yaml", "dashboards/dashboards.yaml"] {
        let text = fs::read_to_string(deployments("grafana/provisioning").join(file)).unwrap();
        assert_eq!(documents(&text)[0]["apiVersion"], 1, "{file}");
    }
    // And the chart gives the same files.
    for (link, file) in [
        ("portolan.json", "grafana/portolan.json"),
        ("portolan.rules.yaml", "prometheus/portolan.rules.yaml"),
    ] {
        let link = deployments("helm/portolan/files").join(link);
        said(Command::new("cmp").arg(link).arg(deployments(file)));
    }
}
