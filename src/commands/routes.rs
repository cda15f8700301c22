//! `portolan routes`: what a running gateway serves.

use portolan_delivery::RouteView;

use super::gateway::{Gateway, Purpose, refused};
use crate::{
    report::{Failure, Format, Report},
    table::Table,
};

/// List the routes that the running gateway serves.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  portolan routes
  portolan routes --admin 127.0.0.1:8080 --token-file portolan.db.admin-token --format json")]
pub(crate) struct Arguments {
    #[command(flatten)]
    gateway: Gateway,
    /// For people, or for programs
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

pub(super) fn run(arguments: &Arguments, report: &Report) -> Result<(), Failure> {
    let asked = super::small_runtime()?.block_on(async {
        let operator = arguments.gateway.operator(Purpose::Control).await?;
        operator.routes().await.map_err(refused)
    });
    let routes = asked.map_err(|failure| report.in_format(failure, arguments.format))?;
    print(&routes, arguments.format, report)
}

/// A route, for programs.
#[derive(serde::Serialize)]
pub(super) struct Shown<'a> {
    route: &'a str,
    method: &'a str,
    system: &'a str,
    mode: &'a str,
    bundle: &'a str,
}

impl<'a> Shown<'a> {
    fn of(view: &'a RouteView) -> Self {
        let RouteView { route, method, system, mode, bundle } = view;
        Self { route, method, system, mode, bundle }
    }
}

/// Routes, for programs.
pub(super) fn shown(routes: &[RouteView]) -> Vec<Shown<'_>> {
    routes.iter().map(Shown::of).collect()
}

/// Routes with what they join.
pub(super) fn print(routes: &[RouteView], format: Format, report: &Report) -> Result<(), Failure> {
    if format == Format::Json {
        return report.json(&shown(routes));
    }
    let mut table = Table::new(["ROUTE", "METHOD", "SYSTEM", "MODE", "BUNDLE"]);
    for r in routes {
        let bundle = r.bundle.get(..12).unwrap_or(&r.bundle);
        table.row([&*r.route, &*r.method, &*r.system, &*r.mode, bundle]);
    }
    table.print(report);
    Ok(())
}
