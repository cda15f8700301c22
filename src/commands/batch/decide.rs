//! `portolan batch retry` and `portolan batch refuse`: what an operator decides of a file that is made and not delivered.

use portolan_delivery::{CutNow, CutRecord, CutState, FileDecision, MadeFile, MadeView};

use super::{made, show::find_made};
use crate::{
    commands::gateway::{Gateway, Purpose, refused},
    report::{Failure, Format, Report},
};

/// Try at once to make and deliver a file that is not delivered.
///
/// The gateway tries by itself as well, after a failure first a second later and then less and less often, a minute apart at most. A file that
/// came in and was refused is tried again by dropping it again; `portolan batch release` has it taken as it is.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  portolan batch retry CLAIMS.20261130.0001
  portolan batch retry 17 --route benefits.submit-claim")]
pub(crate) struct Retry {
    #[command(flatten)]
    which: Which,
}

/// Give up a file that cannot be built: its messages become dead letters, and the next file has its number.
///
/// Only where the file was not built: one that was may have its name already where its system picks it up. `portolan queue retry` has the
/// messages in the next file, with --newest as the newest version of the route makes it.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  portolan batch refuse 17 --route benefits.submit-claim --reason 'an office that the layout cannot hold'")]
pub(crate) struct Refuse {
    #[command(flatten)]
    which: Which,
    /// Why; it stands in each dead letter
    #[arg(long, value_name = "TEXT", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    reason: String,
}

#[derive(clap::Args)]
struct Which {
    /// The file: its name, the beginning of its SHA-256, or with --route its number
    #[arg(value_name = "NAME|HASH|NUMBER")]
    file: String,
    /// Of this route only
    #[arg(long, value_name = "NAME")]
    route: Option<String>,
    #[command(flatten)]
    gateway: Gateway,
    /// For people, or for programs
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

pub(super) async fn retry(Retry { which }: Retry, report: &Report) -> Result<(), Failure> {
    let format = which.format;
    let decided = async {
        let (before, CutNow { file, trouble, .. }) = decide(which, FileDecision::Retry).await?;
        let cut = file.unwrap_or(before);
        if let Some(why) = trouble.filter(|_| cut.state != CutState::Delivered) {
            return Err(Failure::failed(format_args!(
                "file {} of route {} is not delivered: {why}",
                cut.sequence, cut.route
            )));
        }
        print(cut, format, report)
    };
    decided.await.map_err(|failure| report.in_format(failure, format))
}

pub(super) async fn refuse(Refuse { which, reason }: Refuse, report: &Report) -> Result<(), Failure> {
    let format = which.format;
    let decided = async {
        let (cut, _) = decide(which, FileDecision::Refuse { reason }).await?;
        if format == Format::Json {
            return report.json(&serde_json::json!({ "route": &*cut.route, "number": cut.sequence, "dead_letters": cut.messages }));
        }
        report.line(format_args!(
            "file {} of route {} is given up: {} in it {}, and the next file has its number",
            cut.sequence,
            cut.route,
            made::messages(cut.messages),
            if cut.messages == 1 { "is a dead letter" } else { "are dead letters" }
        ));
        Ok(())
    };
    decided.await.map_err(|failure| report.in_format(failure, format))
}

/// The file as it was, and what became of it.
async fn decide(which: Which, decision: FileDecision) -> Result<(CutRecord, CutNow), Failure> {
    let Which { file: called, route, gateway, .. } = which;
    let operator = gateway.operator(Purpose::Control).await?;
    let Some(view) = find_made(&operator, &called, route.as_deref()).await? else {
        return Err(Failure::failed(format_args!("no file that is made is called {called}")).help(
            "`portolan batch list --open` shows those that are not delivered; a number needs --route. A file that came in and was refused is tried \
             again by dropping it again, and taken as it is by `portolan batch release`",
        ));
    };
    let MadeFile::Cut(cut) = view.file else {
        return Err(
            Failure::failed("what gathers is in no file yet").help("`portolan batch cut` makes one of it")
        );
    };
    let decided = operator.decide(cut.route.clone(), cut.sequence, decision).await.map_err(refused)?;
    Ok((cut, decided))
}

fn print(cut: CutRecord, format: Format, report: &Report) -> Result<(), Failure> {
    if format == Format::Json {
        let view = MadeView { file: MadeFile::Cut(cut), system: None, trouble: None };
        return report.json(&serde_json::json!({ "file": made::file(&view) }));
    }
    made::print_cut(&cut, report);
    Ok(())
}
