//! One decision about many dead letters: which they are is shown first, and it is carried out only when that is asked for.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use portolan_delivery::{
    DeliveryError, FaultClass, Filter, MessageId, Operator, OperatorError, Record, Resolution, State,
    StateKind, Timestamp, Version,
};
use serde_json::json;
use tokio::task::JoinSet;

use super::view::{self, Class};
use crate::{
    commands::gateway::refused,
    report::{Failure, Format, Report},
    table::Table,
    units,
};

/// Which dead letters are meant, where they are not named one by one.
#[derive(Debug, clap::Args)]
pub(super) struct Which {
    /// All dead letters of this route
    #[arg(long, value_name = "NAME")]
    route: Option<String>,
    /// All dead letters of this class
    #[arg(long, value_enum)]
    class: Option<Class>,
    /// All that have been dead letters for longer than this: 30m, 12h, 7d
    #[arg(long, value_name = "TIME", value_parser = units::duration)]
    older_than: Option<Duration>,
    /// All dead letters
    #[arg(long)]
    all: bool,
    /// Carry it out; otherwise it is only shown which dead letters that would be
    #[arg(long)]
    yes: bool,
}

/// The arguments by which dead letters are meant together.
pub(super) const TOGETHER: [&str; 4] = ["route", "class", "older_than", "all"];

/// What is decided.
#[derive(Debug, Clone)]
pub(super) enum Decision {
    /// They are due again.
    Retry(Version),
    /// They are finished like this.
    Resolve(Resolution),
}

/// Messages on a page, and so in memory.
const PAGE: usize = 500;
/// Decisions at a time: they share commits.
const AT_A_TIME: usize = 16;
/// Messages that a preview names.
const NAMED: usize = 5;

/// Dead letters that a decision is about, page by page.
struct Letters<'a> {
    operator: &'a Arc<dyn Operator>,
    filter: Filter,
    /// Those that became dead letters later are not meant.
    until: Timestamp,
    passes_over: Option<FaultClass>,
    more: bool,
}

/// What there is on a page.
#[derive(Default)]
struct Found {
    meant: Vec<Record>,
    passed_over: u64,
}

impl<'a> Letters<'a> {
    fn new(operator: &'a Arc<dyn Operator>, which: &Which, decision: &Decision, until: Timestamp) -> Self {
        let filter = Filter {
            route: which.route.clone(),
            state: Some(StateKind::Dead),
            class: which.class.map(Class::class),
            before: None,
            limit: PAGE,
        };
        // The system may have done it already: nobody says that of many at once without saying that they mean those.
        let unsafe_to_repeat = matches!(decision, Decision::Retry(_)) && which.class.is_none();
        let passes_over = unsafe_to_repeat.then_some(FaultClass::Unknown);
        Self { operator, filter, until, passes_over, more: true }
    }

    async fn next(&mut self) -> Result<Option<Found>, Failure> {
        if !self.more {
            return Ok(None);
        }
        let page = self.operator.list(self.filter.clone()).await.map_err(refused)?;
        self.more = page.next.is_some();
        self.filter.before = page.next;
        let mut found = Found::default();
        for record in page.records {
            match &record.state {
                State::Dead { at, letter } if *at <= self.until => {
                    if self.passes_over == Some(letter.failure.class) {
                        found.passed_over += 1;
                    } else {
                        found.meant.push(record);
                    }
                }
                _ => {}
            }
        }
        Ok(Some(found))
    }
}

/// Shows what a decision would be about, or carries it out.
pub(super) async fn decide(
    operator: &Arc<dyn Operator>,
    which: &Which,
    decision: &Decision,
    name: &'static str,
    format: Format,
    report: &Report,
) -> Result<(), Failure> {
    let now = Timestamp::now();
    let age = which.older_than.map_or(0, |age| i64::try_from(age.as_micros()).unwrap_or(i64::MAX));
    let until = Timestamp(now.0.saturating_sub(age));
    let letters = Letters::new(operator, which, decision, until);
    match which.yes {
        true => carry_out(letters, decision, name, format, report).await,
        false => preview(letters, name, format, report).await,
    }
}

async fn preview(
    mut letters: Letters<'_>,
    name: &'static str,
    format: Format,
    report: &Report,
) -> Result<(), Failure> {
    let mut groups: BTreeMap<(Arc<str>, &str), u64> = BTreeMap::new();
    let mut first = Vec::new();
    let mut passed_over = 0;
    while let Some(found) = letters.next().await? {
        passed_over += found.passed_over;
        for record in &found.meant {
            let class = view::failure_of(record).map_or("", |failure| view::class(failure.class));
            *groups.entry((record.envelope.route.clone(), class)).or_default() += 1;
            if first.len() < NAMED {
                first.push(record.envelope.id.to_string());
            }
        }
    }
    let messages: u64 = groups.values().sum();
    if format == Format::Json {
        let groups = groups.iter().map(
            |((route, class), messages)| json!({ "route": route, "class": class, "messages": messages }),
        );
        return report.json(&json!({
            "decision": name,
            "carried_out": false,
            "messages": messages,
            "groups": groups.collect::<Vec<_>>(),
            "first": first,
            "passed_over": passed_over,
        }));
    }
    if messages == 0 {
        report.line(if passed_over == 0 { "no dead letters" } else { "no other dead letters than these:" });
    } else {
        let mut table = Table::new(["ROUTE", "CLASS", "MESSAGES"]);
        for ((route, class), messages) in &groups {
            table.row([route.to_string(), (*class).to_owned(), messages.to_string()]);
        }
        table.print(report);
        report.line(format_args!("\nthe newest: {}", first.join(", ")));
    }
    tell_passed_over(passed_over, report);
    if messages > 0 {
        report.note(format_args!("nothing is changed yet: with --yes, {messages} would be {name}"));
    }
    Ok(())
}

fn tell_passed_over(passed_over: u64, report: &Report) {
    if passed_over > 0 {
        report.note(format_args!(
            "{passed_over} of class UNKNOWN are passed over, which the system may have done already; --class unknown means them"
        ));
    }
}

/// What became of the decisions.
#[derive(Default)]
struct Tally {
    done: u64,
    skipped: u64,
    failed: BTreeMap<String, u64>,
}

async fn carry_out(
    mut letters: Letters<'_>,
    decision: &Decision,
    name: &'static str,
    format: Format,
    report: &Report,
) -> Result<(), Failure> {
    let mut tally = Tally::default();
    let mut passed_over = 0;
    let mut stopped = None;
    while stopped.is_none() {
        match letters.next().await {
            Ok(Some(found)) => {
                passed_over += found.passed_over;
                let ids = found.meant.iter().map(|record| record.envelope.id);
                all(letters.operator, ids, decision, &mut tally).await;
            }
            Ok(None) => break,
            Err(failure) => stopped = Some(failure),
        }
    }
    let Tally { done, skipped, failed } = tally;
    if format == Format::Json {
        let failed: Vec<_> =
            failed.iter().map(|(error, messages)| json!({ "error": error, "messages": messages })).collect();
        let whole = failed.is_empty();
        let mut told = json!({
            "decision": name,
            "carried_out": true,
            "done": done,
            "skipped": skipped,
            "failed": failed,
            "passed_over": passed_over,
        });
        if let Some(Failure::Failed { message, help }) = &stopped {
            told["error"] = json!({ "message": message, "help": help });
        }
        report.json(&told)?;
        return match stopped {
            None if whole => Ok(()),
            None | Some(Failure::Failed { .. }) => Err(Failure::Printed { code: 1 }),
            // Of another kind, and not told yet.
            Some(other) => Err(other),
        };
    }
    report.line(format_args!("{done} {name}"));
    if skipped > 0 {
        report.note(format_args!("{skipped} skipped: somebody else has decided about them"));
    }
    tell_passed_over(passed_over, report);
    for (error, messages) in &failed {
        report.note(format_args!("{messages} not: {error}"));
    }
    match stopped {
        Some(failure) => Err(failure),
        None if failed.is_empty() => Ok(()),
        None => Err(Failure::Findings),
    }
}

/// Decides about each, a few at a time.
async fn all(
    operator: &Arc<dyn Operator>,
    ids: impl Iterator<Item = MessageId>,
    decision: &Decision,
    tally: &mut Tally,
) {
    let mut under_way = JoinSet::new();
    for id in ids {
        if under_way.len() >= AT_A_TIME {
            tally.add(under_way.join_next().await);
        }
        let (operator, decision) = (operator.clone(), decision.clone());
        under_way.spawn(async move {
            match decision {
                Decision::Retry(version) => operator.retry(id, version).await,
                Decision::Resolve(resolution) => operator.resolve(id, resolution, Version::Same).await,
            }
        });
    }
    while let Some(ended) = under_way.join_next().await {
        tally.add(Some(ended));
    }
}

impl Tally {
    fn add(&mut self, ended: Option<Result<Result<(), OperatorError>, tokio::task::JoinError>>) {
        let error = match ended {
            None => return,
            Some(Ok(Ok(()))) => return self.done += 1,
            Some(Ok(Err(OperatorError::Delivery(
                DeliveryError::NotDead(_) | DeliveryError::NotFound(_),
            )))) => {
                return self.skipped += 1;
            }
            Some(Ok(Err(error))) => error.to_string(),
            Some(Err(error)) => error.to_string(),
        };
        *self.failed.entry(error).or_default() += 1;
    }
}
