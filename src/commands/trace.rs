//! How a trace of a mapping is shown: what each field is made of, and by which rule.

use portolan_diagnostics::{Sources, Span};
use portolan_mapping::run::{Trace, Traced, TracedRule, TracedStep};
use serde_json::{Value, json};

use crate::{report::Report, table::Table};

/// As JSON: a member for each rule.
pub(super) fn json(trace: &Trace, sources: &Sources) -> Value {
    let step = |s: &TracedStep| json!({ "what": what(s, sources), "value": s.value });
    let rule = |r: &TracedRule| {
        let steps: Vec<_> = r.steps.iter().map(step).collect();
        json!({ "target": r.target, "value": r.value, "steps": steps, "rule": place(r.span, sources) })
    };
    trace.rules.iter().map(rule).collect()
}

/// As a table for people, and an empty line.
pub(super) fn table(trace: &Trace, sources: &Sources, report: &Report) {
    let absent = || "absent".to_owned();
    let mut table = Table::new(["TARGET", "VALUE", "MADE OF", "RULE"]);
    for rule in &trace.rules {
        let value = rule.value.clone().unwrap_or_else(absent);
        let steps = rule.steps.iter().map(|s| {
            let value = s.value.clone().unwrap_or_else(absent);
            format!("{} = {value}", what(s, sources))
        });
        let steps = steps.collect::<Vec<_>>().join("; ");
        table.row([rule.target.clone(), value, steps, place(rule.span, sources)]);
    }
    table.print(report);
    report.line("");
}

/// The line of a mapping.
fn place(span: Span, sources: &Sources) -> String {
    let file = sources.get(span.source).map_or("", |source| &*source.name);
    let file = file.rsplit('/').next().unwrap_or_default();
    sources.position(span).map_or(String::new(), |at| format!("{file}:{}", at.line))
}

/// What was evaluated, as the mapping spells it.
fn what(step: &TracedStep, sources: &Sources) -> String {
    match &step.what {
        Traced::Read(path) => path.to_string(),
        Traced::Operator(operator) => (*operator).to_owned(),
        Traced::Part(span) => {
            let text = sources.get(span.source).map_or("", |source| &*source.text);
            let part = text.get(span.start as usize..span.end as usize).unwrap_or_default();
            part.split_whitespace().collect::<Vec<_>>().join(" ")
        }
    }
}
