//! `portolan serve`: the gateway. Adapters, engine and queue are put together here, and taken apart again in order.

use std::{path::PathBuf, sync::Arc, time::Duration};

use portolan_console::{AdminToken, Begun, ConsoleOptions, ConsoleServer, Gateway, Readiness};
use portolan_delivery::{FileIntake as _, Operator};
use portolan_diagnostics::Sources;
use portolan_engine::{Engine, EngineIntake, EngineOperator, EngineOptions, StartError};
use portolan_grpc::GrpcSource;
use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    sync::watch,
};

use crate::{
    config::{self, Config, LogFormat, Queue},
    loader::Files,
    logging, mappings, metrics, registry,
    report::{Failure, Report},
    traces::Traces,
};

/// Serve the configured routes until SIGTERM or SIGINT.
///
/// Prints one line when it takes calls: `portolan ready grpc=ADDRESS http=ADDRESS routes=COUNT`. Until broker and database are
/// there it waits for them; what refuses it is an error. On SIGTERM or SIGINT calls
/// under way are finished first; SIGHUP reads mappings and systems again, as `portolan reload` does. The log goes to
/// standard error.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  portolan serve
  portolan serve --config /etc/portolan/portolan.yaml --log-format json --log-level info,portolan_soap=debug")]
pub(crate) struct Arguments {
    /// The configuration
    #[arg(long, value_name = "FILE", default_value = "portolan.yaml")]
    config: PathBuf,
    /// How log lines look [default: `log.format` of the configuration, else text]
    #[arg(long, value_enum, value_name = "FORMAT")]
    log_format: Option<LogFormat>,
    /// What is logged [default: `log.level` of the configuration, else info]
    #[arg(long, value_name = "LEVEL")]
    log_level: Option<String>,
    /// Take and keep messages, but do not ask any system for those that wait
    #[arg(long)]
    pause_dispatch: bool,
}

pub(super) fn run(arguments: Arguments, report: &Report) -> Result<(), Failure> {
    let mut sources = Sources::default();
    let loaded = config::load(&arguments.config, &mut sources);
    let (config, warnings) = loaded.into_result().map_err(|found| Failure::configuration(found, &sources))?;
    report.warnings(&warnings, &sources);
    if matches!(config.queue, Queue::RabbitMq { .. }) {
        // It may wait for its queue: what fails it anyway is told before.
        mappings::sound(&config, &mut sources)?;
    }
    let format = arguments.log_format.or(config.log.format).unwrap_or(LogFormat::Text);
    let level = arguments.log_level.as_deref().or(config.log.level.as_deref()).unwrap_or("info");
    logging::start(format, level)?;
    let runtime =
        tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(Failure::failed)?;
    let served = runtime.block_on(serve(&arguments, config, report));
    // Whatever still runs was given its time already.
    runtime.shutdown_timeout(Duration::from_secs(1));
    served
}

async fn serve(arguments: &Arguments, config: Config, report: &Report) -> Result<(), Failure> {
    let mut signals = Signals::new()?;
    let (stop, stopping) = watch::channel(Phase::Serving);
    // First, so that it can be told that the process lives while it waits for its queue.
    let begun = Begun::default();
    let token_file = config.admin_token();
    let token = AdminToken::read_or_create(&token_file).map_err(|problem| {
        Failure::failed(format_args!("the admin token {} cannot be made: {problem}", token_file.display()))
    })?;
    let console = ConsoleServer::bind(ConsoleOptions::new(config.listen.http, token), begun.clone()).await;
    let console = console.map_err(Failure::failed)?;
    let http = console.local_address();
    let console = tokio::spawn(console.serve(reached(stopping.clone(), Phase::Stopped)));
    let opened = async {
        let delivery = registry::delivery(&config.queue).await?;
        Ok::<_, Failure>((delivery, registry::ingress(&config).await?))
    };
    let (delivery, strangers) = tokio::select! {
        opened = opened => opened?,
        signal = signals.stop() => {
            tracing::info!(signal, "stopped before the queue was there");
            return Ok(());
        }
    };
    let (traces, tracer) = match &config.telemetry {
        Some(telemetry) => {
            Traces::start(telemetry).map_err(Failure::failed).map(|(t, tracer)| (Some(t), Some(tracer)))?
        }
        None => (None, None),
    };
    let options = EngineOptions {
        retention: config.retention,
        dispatch: !arguments.pause_dispatch,
        tracer,
        ..EngineOptions::default()
    };
    let loader = Arc::new(Files::new(arguments.config.clone()));
    let engine = Engine::start(options, delivery, loader).await.map_err(start_failure)?;

    let operator: Arc<dyn Operator> = Arc::new(EngineOperator(engine.clone()));
    let drain_timeout = config.listen.grpc.drain_timeout;
    let callers = GrpcSource::bind(config.listen.grpc, Arc::new(EngineIntake(engine.clone()))).await;
    let callers = callers.map_err(Failure::failed)?;
    let ready = engine.clone();
    let readiness: Readiness = Arc::new(move || ready.is_ready());
    let told = Gateway { operator: operator.clone(), readiness, metrics: metrics::of(engine.clone()) };
    // It is empty until now.
    let _ = begun.set(told);

    let routes = operator.routes().await.map_err(Failure::failed)?.len();
    let grpc = callers.local_addr();
    let callers = tokio::spawn(callers.serve(reached(stopping.clone(), Phase::Draining)));
    let intake = Arc::new(EngineIntake(engine.clone()));
    // By this others know it: in lists of gateways, and where it has the files that it takes.
    let gateway = intake.gateway();
    let draining = reached(stopping.clone(), Phase::Draining);
    let folders: Vec<_> = config.folders.into_values().collect();
    let files = tokio::spawn(portolan_batch::serve(
        folders,
        Arc::new(EngineIntake(engine.clone())),
        reached(stopping.clone(), Phase::Draining),
    ));
    let strangers = tokio::spawn(async move {
        if let Some(ingress) = strangers {
            ingress.serve(intake, draining).await;
        }
    });
    report.line(format_args!("portolan ready grpc={grpc} http={http} routes={routes}"));
    tracing::info!(%grpc, %http, routes, %gateway, "ready");

    let ended = loop {
        tokio::select! {
            reason = engine.failure() => break Err(Failure::failed(format_args!("the queue failed: {reason}"))
                .help("messages that were acknowledged are kept; make room or repair the disk, and start again")),
            signal = signals.next() => match signal {
                // The engine's log tells what came of it.
                Order::Reload => drop(operator.reload().await),
                Order::Stop(name) => {
                    tracing::info!(signal = name, "stopping: calls under way are finished first");
                    break Ok(());
                }
            }
        }
    };

    // Callers first, so that nothing new comes in; then what the engine is at; last the console, which tells of it.
    stop.send_replace(Phase::Draining);
    let limit = if ended.is_ok() { drain_timeout } else { Duration::from_secs(1) };
    let drained = async {
        let (settled, _, _, _) = tokio::join!(
            engine.drain(limit),
            tokio::time::timeout(limit, files),
            tokio::time::timeout(limit, callers),
            tokio::time::timeout(limit, strangers)
        );
        settled
    };
    let settled = tokio::select! {
        settled = drained => settled,
        name = signals.stop() => {
            tracing::warn!(signal = name, "stopping at once");
            false
        }
    };
    stop.send_replace(Phase::Stopped);
    let _ = tokio::time::timeout(Duration::from_secs(2), console).await;
    if let Some(traces) = traces {
        traces.stop().await;
    }
    if !settled {
        tracing::warn!("attempts were under way at the end; the next start settles them");
    }
    tracing::info!("stopped");
    ended
}

/// How far the gateway is on its way out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Phase {
    Serving,
    Draining,
    Stopped,
}

/// Resolves once the gateway is at this phase.
async fn reached(mut phases: watch::Receiver<Phase>, phase: Phase) {
    let _ = phases.wait_for(|now| *now >= phase).await;
}

/// The signals that a gateway answers to.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hangup: Signal,
}

impl Signals {
    fn new() -> Result<Self, Failure> {
        let on = |kind| signal(kind).map_err(Failure::failed);
        Ok(Self {
            terminate: on(SignalKind::terminate())?,
            interrupt: on(SignalKind::interrupt())?,
            hangup: on(SignalKind::hangup())?,
        })
    }

    async fn next(&mut self) -> Order {
        tokio::select! {
            _ = self.terminate.recv() => Order::Stop("SIGTERM"),
            _ = self.interrupt.recv() => Order::Stop("SIGINT"),
            _ = self.hangup.recv() => Order::Reload,
        }
    }

    /// The next one that asks the gateway to stop.
    async fn stop(&mut self) -> &'static str {
        loop {
            if let Order::Stop(name) = self.next().await {
                return name;
            }
        }
    }
}

/// What a signal asks for.
enum Order {
    Stop(&'static str),
    Reload,
}

/// What a failed start means for the command: unsound files are the configuration's, a failing queue is not.
pub(super) fn start_failure(problem: StartError) -> Failure {
    match problem {
        StartError::Delivery(problem) => Failure::failed(problem),
        StartError::Load(findings) => Failure::Rendered { text: findings.to_string(), code: 2 },
    }
}
