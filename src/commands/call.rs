//! `portolan call`: one call to the running gateway, as a portal would make it.

use std::{
    path::PathBuf,
    time::{Duration, Instant},
};

use portolan_diagnostics::Sources;
use prost_reflect::DescriptorPool;
use serde_json::{Value, json};

use super::{
    gateway::reachable,
    portal::{Portal, Refusal, Terms},
    translate,
};
use crate::{
    config,
    report::{Failure, Report},
    units,
};

const WAIT: &str = "google.longrunning.Operations/WaitOperation";
/// How long one question about an operation waits for its end.
const AT_A_TIME: Duration = Duration::from_secs(20);

/// Call a route of the running gateway, as a portal would.
///
/// The request is JSON; out comes the reply as JSON, or the failure with its details and exit code 1. Of a route with
/// operations the reply is the operation; with --wait it is printed when it is done, or when a person must look at it, or
/// when the time is over, and then the exit code is 1.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  portolan call registry.get-person --request request.json
  portolan call benefits.submit-claim --request claim.json --wait
  portolan call benefits.submit-claim --request claim.json --wait=5m
  portolan call registry.get-person --request request.json --address 127.0.0.1:8443 --metadata x-client=portal --timeout 2s")]
pub(crate) struct Arguments {
    /// The route, as its mapping names it
    #[arg(value_name = "ROUTE")]
    route: String,
    /// What the caller sends (JSON)
    #[arg(long, value_name = "FILE")]
    request: PathBuf,
    /// The gateway's configuration
    #[arg(long, value_name = "FILE", default_value = "portolan.yaml")]
    config: PathBuf,
    /// Mapping files, or folders with them [default: `routes` of the configuration]
    #[arg(long, value_name = "PATH")]
    mappings: Vec<PathBuf>,
    /// Where the gateway takes calls [default: `listen.grpc` of the configuration]
    #[arg(long, value_name = "HOST:PORT")]
    address: Option<String>,
    /// Metadata of the call
    #[arg(long, value_name = "NAME=VALUE", value_parser = translate::pair)]
    metadata: Vec<(String, String)>,
    /// The call's deadline; how long an operation is followed, --wait says
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = units::duration)]
    timeout: Duration,
    /// Follow an operation until it is done, for so long at most
    #[arg(long, value_name = "TIME", num_args = 0..=1, require_equals = true, value_parser = units::duration)]
    wait: Option<Option<Duration>>,
}

pub(super) fn run(arguments: &Arguments, report: &Report) -> Result<(), Failure> {
    let request = translate::read(&arguments.request)?;
    let request: Value = serde_json::from_slice(&request)
        .map_err(|problem| Failure::usage(format_args!("{}: {problem}", arguments.request.display())))?;
    let (found, _) = translate::find(&arguments.route, &arguments.mappings, &arguments.config, report)?;
    let contract = found.loaded.source.descriptor_set.as_deref().unwrap_or_default();
    let contract = DescriptorPool::decode(contract).map_err(Failure::failed)?;
    let address = address(arguments)?;
    let method = found.loaded.route.method.trim_start_matches('/');
    super::small_runtime()?.block_on(async {
        let portal = Portal::connect(&address, vec![contract]).await?;
        let terms = Terms { timeout: Some(arguments.timeout), metadata: arguments.metadata.clone() };
        let outcome = portal.call(method, &request, &terms).await?;
        let answer = outcome.answer.or_else(|refusal| refused(&refusal, report))?;
        let is_operation = answer["name"].as_str().is_some_and(|name| name.starts_with("operations/"));
        let answer = match arguments.wait {
            Some(longest) if is_operation => {
                let until = longest.map(|longest| Instant::now() + longest);
                followed(&portal, answer, &arguments.metadata, until, report).await?
            }
            _ => answer,
        };
        report.json(&answer)?;
        let waited_in_vain = arguments.wait.is_some() && is_operation && answer["done"] != true;
        if waited_in_vain || (is_operation && answer.get("error").is_some()) {
            return Err(Failure::Findings);
        }
        Ok(())
    })
}

/// Where the gateway takes calls.
fn address(arguments: &Arguments) -> Result<String, Failure> {
    if let Some(address) = &arguments.address {
        return Ok(address.clone());
    }
    let mut sources = Sources::default();
    let loaded = config::load(&arguments.config, &mut sources);
    let Some(config) = loaded.value else {
        return Err(Failure::configuration(loaded.diagnostics, &sources));
    };
    let address = reachable(config.listen.grpc.listen);
    if config.listen.grpc.tls.is_some() {
        let failure =
            Failure::usage("the gateway asks its callers for TLS, which this command does not speak");
        return Err(failure.help("call it with grpcurl, or one that listens without TLS with --address"));
    }
    if address.port() == 0 {
        let failure = Failure::usage("the configuration lets the system choose the port");
        return Err(
            failure.help("the gateway's `portolan ready` line shows `grpc=ADDRESS`: give that as --address")
        );
    }
    Ok(address.to_string())
}

/// Asks for the operation until it is done, or until a person must look at it, which may take days, or until then.
async fn followed(
    portal: &Portal,
    mut operation: Value,
    metadata: &[(String, String)],
    until: Option<Instant>,
    report: &Report,
) -> Result<Value, Failure> {
    let terms = Terms { timeout: Some(AT_A_TIME + Duration::from_secs(5)), metadata: metadata.to_vec() };
    while operation["done"] != true && operation["metadata"]["state"] != "NEEDS_ATTENTION" {
        let asked = Instant::now();
        let left = until.map_or(AT_A_TIME, |until| until.saturating_duration_since(asked).min(AT_A_TIME));
        if left.is_zero() {
            break;
        }
        let request = json!({ "name": operation["name"], "timeout": format!("{:.3}s", left.as_secs_f64()) });
        let outcome = portal.call(WAIT, &request, &terms).await?;
        operation = outcome.answer.or_else(|refusal| refused(&refusal, report))?;
        if operation["done"] != true {
            let (name, state) = (&operation["name"], &operation["metadata"]["state"]);
            report.note(format_args!(
                "{} is {}; it goes on without this command, and `portolan queue show` says what it waits for",
                name.as_str().unwrap_or_default(),
                state.as_str().unwrap_or("not done"),
            ));
        }
        // A gateway that is stopping, or one that keeps nobody waiting, is not asked without pause.
        if operation["done"] != true && asked.elapsed() < Duration::from_secs(1) {
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    }
    Ok(operation)
}

/// The failure, as the portal has it.
fn refused(refusal: &Refusal, report: &Report) -> Result<Value, Failure> {
    report.json(&json!({ "failure": {
        "status": refusal.status(),
        "message": refusal.message,
        "details": refusal.details,
    } }))?;
    Err(Failure::Findings)
}
