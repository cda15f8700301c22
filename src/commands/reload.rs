//! `portolan reload`: a running gateway reads its mappings again.

use portolan_delivery::{Changes, Reloaded};
use serde_json::json;

use super::{
    gateway::{Gateway, Purpose, refused},
    routes,
};
use crate::report::{Failure, Format, Report};

/// Let the running gateway read its mappings and systems again.
///
/// The new ones are served only if all of them are sound; otherwise nothing changes, and the findings say why. Calls
/// under way finish on the version with which they began. While the broker is away they are served as well, and what is
/// left to do there is told.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  portolan reload
  portolan check mappings --config portolan.yaml && portolan reload")]
pub(crate) struct Arguments {
    #[command(flatten)]
    gateway: Gateway,
    /// For people, or for programs
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

pub(super) fn run(arguments: &Arguments, report: &Report) -> Result<(), Failure> {
    reload(arguments, report).map_err(|failure| report.in_format(failure, arguments.format))
}

fn reload(arguments: &Arguments, report: &Report) -> Result<(), Failure> {
    let (before, Reloaded { routes: served, later }) = super::small_runtime()?.block_on(async {
        let operator = arguments.gateway.operator(Purpose::Control).await?;
        let before = operator.routes().await.map_err(refused)?;
        Ok::<_, Failure>((before, operator.reload().await.map_err(refused)?))
    })?;
    let changes = Changes::between(&before, &served);
    if arguments.format == Format::Json {
        return report.json(&json!({
            "added": changes.added,
            "changed": changes.changed,
            "removed": changes.removed,
            "routes": routes::shown(&served),
            "later": later,
        }));
    }
    routes::print(&served, report);
    report.line(format_args!("\n{changes}"));
    if let Some(later) = later {
        report.note(format_args!("{later}; it is done as soon as it can be"));
    }
    Ok(())
}
