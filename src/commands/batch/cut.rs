//! `portolan batch cut`: a file of what has gathered, now.

use portolan_delivery::{CutNow, MadeFile, MadeView};

use super::made;
use crate::{
    commands::gateway::{Gateway, Purpose, refused},
    report::{Failure, Format, Report},
};

/// Make a file of what has gathered for a route, now.
///
/// The running gateway makes it, after the one before it, and delivers it. Where nothing has gathered there is no file, and no number is used.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  portolan batch cut benefits.submit-claim
  portolan batch cut benefits.submit-claim --format json")]
pub(crate) struct Arguments {
    /// The route whose messages gather
    #[arg(value_name = "ROUTE")]
    route: String,
    #[command(flatten)]
    gateway: Gateway,
    /// For people, or for programs
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

pub(super) async fn run(arguments: Arguments, report: &Report) -> Result<(), Failure> {
    let format = arguments.format;
    cut(arguments, report).await.map_err(|failure| report.in_format(failure, format))
}

async fn cut(arguments: Arguments, report: &Report) -> Result<(), Failure> {
    let Arguments { route, gateway, format } = arguments;
    let operator = gateway.operator(Purpose::Control).await.map_err(|failure| match failure {
        Failure::Failed { message, help } => Failure::Failed {
            message: format!("{message}, and it is a running gateway that makes files"),
            help,
        },
        other => other,
    })?;
    let CutNow { file, left, trouble } = operator.cut(route.as_str().into()).await.map_err(refused)?;
    if let (Some(file), Some(why)) = (&file, &trouble) {
        let (number, messages) = (file.sequence, made::messages(file.messages));
        let name = file.name.as_deref().map(|name| format!(" ({name})")).unwrap_or_default();
        return Err(Failure::failed(format_args!(
            "file {number} of route {route}{name} is cut, with {messages}, but it is not delivered: {why}"
        ))
        .help(format!(
            "the gateway tries again by itself; `portolan batch show {number} --route {route}` says how it fares, and what to do"
        )));
    }
    let view = |cut| MadeView { file: MadeFile::Cut(cut), system: None, trouble: None };
    if format == Format::Json {
        return report
            .json(&serde_json::json!({ "file": file.map(|cut| made::file(&view(cut))), "left": left }));
    }
    let Some(cut) = file else {
        report.line(format_args!("nothing has gathered for route {route}: there is no file"));
        return Ok(());
    };
    made::print_cut(&cut, report);
    if left > 0 {
        report.note(format_args!(
            "{} for the next file: this one is full, or they came later or on another version of the route",
            if left == 1 { "1 message gathers".to_owned() } else { format!("{left} messages gather") }
        ));
    }
    Ok(())
}
