//! `portolan queue list`: messages, newest first, and how many there are.

use portolan_delivery::{Filter, MessageId};

use super::{
    view::{self, Class, State},
    waits,
};
use crate::{
    commands::gateway::{Gateway, Purpose, refused},
    report::{Failure, Format, Report},
    table::Table,
};

/// List messages, newest first.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  portolan queue list
  portolan queue list --state dead --class unknown
  portolan queue list --route claims.submit --limit 20 --format json")]
pub(crate) struct Arguments {
    #[command(flatten)]
    gateway: Gateway,
    /// Of this route only
    #[arg(long, value_name = "NAME")]
    route: Option<String>,
    /// In this state only
    #[arg(long, value_enum)]
    state: Option<State>,
    /// Dead letters of this class only
    #[arg(long, value_enum)]
    class: Option<Class>,
    /// At most this many
    #[arg(long, value_name = "COUNT", default_value_t = 50, value_parser = clap::value_parser!(u16).range(1..=1000))]
    limit: u16,
    /// Older than this message: where the last page ended
    #[arg(long, value_name = "ID")]
    before: Option<MessageId>,
    /// For people, or for programs
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

pub(super) async fn run(arguments: Arguments, report: &Report) -> Result<(), Failure> {
    let format = arguments.format;
    list(arguments, report).await.map_err(|failure| report.in_format(failure, format))
}

async fn list(arguments: Arguments, report: &Report) -> Result<(), Failure> {
    let operator = arguments.gateway.operator(Purpose::Read).await?;
    let route = arguments.route;
    let filter = Filter {
        route: route.clone(),
        state: arguments.state.map(State::kind),
        class: arguments.class.map(Class::class),
        before: arguments.before,
        limit: usize::from(arguments.limit),
    };
    let page = operator.list(filter).await.map_err(refused)?;
    let mut counts = operator.counts().await.map_err(refused)?;
    counts.retain(|count| route.as_ref().is_none_or(|route| count.route == *route));
    let around = waits::Around::of(&operator, &page.records).await?;
    if arguments.format == Format::Json {
        return report.json(&serde_json::json!({
            "messages": page.records.iter().map(|record| view::record(record, &around)).collect::<Vec<_>>(),
            "next": page.next.map(|id| id.to_string()),
            "counts": counts.iter().map(view::count).collect::<Vec<_>>(),
        }));
    }
    if page.records.is_empty() {
        report.line("no messages");
    } else {
        let mut table = Table::new(["ID", "ROUTE", "STATE", "ATTEMPTS", "RECEIVED", "WHY"]);
        for record in &page.records {
            let envelope = &record.envelope;
            let attempts = record.attempts.last().map_or(0, |a| a.number).to_string();
            table.row([
                envelope.id.to_string(),
                envelope.route.to_string(),
                view::state(record.state.kind()).to_owned(),
                attempts,
                view::time(envelope.received),
                waits::why_it_is_there(record, &around),
            ]);
        }
        table.print(report);
    }
    if !counts.is_empty() {
        report.line("");
        for count in &counts {
            let (state, oldest) = (view::state(count.state), view::time(count.oldest));
            report.line(format_args!("{}: {} {state}, the oldest of {oldest}", count.route, count.messages));
        }
    }
    if let Some(next) = page.next {
        report.note(format_args!("there may be more: --before {next}"));
    }
    Ok(())
}
