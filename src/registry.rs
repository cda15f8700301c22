//! The adapters, each named once: contracts by file, targets by kind of system, the queue by its scheme. A new adapter
//! is a line here.

use std::{
    collections::HashMap,
    fmt::Display,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use portolan_batch::{FolderDrop, FolderSource};
use portolan_delivery::{
    Delivery, DeliveryError, FileDrop, Outage, Target,
    composite::{Composite, Unconnected},
};
use portolan_diagnostics::{Checked, Code, Diagnostic, Sources};
use portolan_grpc::GrpcTarget;
use portolan_postgres::PostgresLedger;
use portolan_rabbitmq::{Ingress, IngressOptions, RabbitTransport};
use portolan_schema::{Contract, Directory, Reading};
use portolan_soap::SoapTarget;
use portolan_sqlite::{SqliteDelivery, SqliteLedger};
use uuid::Uuid;

use crate::{
    config::{Config, Ledger, Queue, System, SystemKind},
    report::Failure,
};

/// Reads the contract in a file, as its kind says. Import paths and local stand-ins for URLs are as the user sees them.
pub(crate) fn contract(
    path: &Path,
    import_paths: &[PathBuf],
    stand_ins: &[(String, PathBuf)],
    sources: &mut Sources,
) -> Result<Checked<Contract>, Failure> {
    let (Some(folder), Some(entry)) = (path.parent(), path.file_name().and_then(|n| n.to_str())) else {
        return Err(Failure::usage(format_args!("{} is not the name of a contract", path.display())));
    };
    // The resolver sees everything from the contract's own folder, the user from where the command runs.
    let whole = |path: &PathBuf| {
        let whole = std::path::absolute(path).map_err(Failure::usage)?;
        whole.into_os_string().into_string().map_err(|_| Failure::usage("a path must be text in UTF-8"))
    };
    let import_paths = import_paths.iter().map(whole).collect::<Result<Vec<_>, _>>()?;
    let stand_ins = stand_ins.iter().map(|(url, path)| Ok((url.clone(), whole(path)?)));
    let resolver = Directory::new(folder).with_stand_ins(stand_ins.collect::<Result<Vec<_>, Failure>>()?);
    Ok(portolan_schema::read_file(entry, &import_paths, &mut Reading { resolver: &resolver, sources }))
}

/// `URL=FILE`, on the command line.
pub(crate) fn stand_in(text: &str) -> Result<(String, PathBuf), String> {
    match text.rsplit_once('=') {
        Some((url, file)) if !url.is_empty() && !file.is_empty() => Ok((url.to_owned(), file.into())),
        _ => Err("write URL=FILE".to_owned()),
    }
}

/// The way to every configured system.
pub(crate) fn targets(config: &Config) -> Result<HashMap<String, Arc<dyn Target>>, Vec<Diagnostic>> {
    let mut targets = HashMap::new();
    let mut findings = Vec::new();
    for (name, system) in &config.systems {
        match target(system) {
            Ok(target) => {
                targets.insert(name.clone(), target);
            }
            Err(finding) => findings.push(finding),
        }
    }
    if findings.is_empty() { Ok(targets) } else { Err(findings) }
}

/// Where files are put, for every system that is a folder.
pub(crate) fn drops(config: &Config) -> HashMap<String, Arc<dyn FileDrop>> {
    let drop =
        |folder: &FolderSource| -> Arc<dyn FileDrop> { Arc::new(FolderDrop::new(folder.options.clone())) };
    config.folders.iter().map(|(name, folder)| (name.clone(), drop(folder))).collect()
}

fn target(system: &System) -> Result<Arc<dyn Target>, Diagnostic> {
    let unfit = |problem: String| Diagnostic::error(Code::CONFIG_INVALID, problem).at(system.span, "");
    Ok(match &system.kind {
        SystemKind::Soap { options, .. } => {
            Arc::new(SoapTarget::new(options).map_err(|problem| unfit(problem.to_string()))?)
        }
        SystemKind::Grpc(options) => {
            Arc::new(GrpcTarget::new(options).map_err(|problem| unfit(problem.to_string()))?)
        }
    })
}

/// Opens the queue, for a gateway. Waits for servers that are not there yet.
pub(crate) async fn delivery(queue: &Queue) -> Result<Arc<dyn Delivery>, Failure> {
    let Queue::RabbitMq { broker, ledger, .. } = queue else { return self::ledger(queue).await };
    let broker = async |ledger: Result<Uuid, DeliveryError>| {
        let ledger = Some(ledger.map_err(Failure::failed)?);
        let options = portolan_rabbitmq::Options { ledger, ..(**broker).clone() };
        let open = || RabbitTransport::open(options.clone());
        once_there("RabbitMQ", open, portolan_rabbitmq::OpenError::is_away).await
    };
    match ledger {
        Ledger::Postgres(options) => {
            let open = || PostgresLedger::open((**options).clone());
            let ledger = once_there("PostgreSQL", open, portolan_postgres::OpenError::is_away).await?;
            Ok(Arc::new(Composite::new(broker(ledger.identity().await).await?, ledger)))
        }
        Ledger::Sqlite(path) => {
            let ledger = sqlite_ledger(path.clone()).await?;
            Ok(Arc::new(Composite::new(broker(ledger.identity().await).await?, ledger)))
        }
    }
}

/// Opens what may not be there yet, as when it goes away later. What refuses is a failure.
async fn once_there<T, E: Display>(
    what: &str,
    open: impl AsyncFn() -> Result<T, E>,
    is_away: impl Fn(&E) -> bool,
) -> Result<T, Failure> {
    const LONGEST: Duration = Duration::from_secs(5);
    let outage = Outage::default();
    let mut pause = Duration::from_millis(100);
    loop {
        match open().await {
            Ok(opened) => {
                if let Some(lasted) = outage.is_over(Instant::now()) {
                    tracing::info!(after_s = lasted.as_secs(), "{what} is there");
                }
                return Ok(opened);
            }
            Err(error) if is_away(&error) => {
                if outage.is_news(&error.to_string(), Instant::now()) {
                    tracing::warn!("{error}; it is tried again and again, and no calls are taken until then");
                }
            }
            Err(error) => return Err(Failure::failed(error)),
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(LONGEST);
    }
}

/// The source for strangers who publish into routes, where there are some.
pub(crate) async fn ingress(config: &Config) -> Result<Option<Ingress>, Failure> {
    let Queue::RabbitMq { broker, strangers, .. } = &config.queue else { return Ok(None) };
    if strangers.ingress.is_empty() {
        return Ok(None);
    }
    let options = || IngressOptions {
        broker: (**broker).clone(),
        routes: strangers.ingress.iter().map(|named| named.value.clone()).collect(),
        max_request_bytes: config.listen.grpc.max_request_bytes,
    };
    once_there("RabbitMQ", || Ingress::open(options()), portolan_rabbitmq::OpenError::is_away).await.map(Some)
}

/// Opens what remembers messages, for questions and decisions: what is to be done then is for a gateway.
pub(crate) async fn ledger(queue: &Queue) -> Result<Arc<dyn Delivery>, Failure> {
    match queue {
        Queue::Sqlite(path) => sqlite(path.clone()).await,
        Queue::RabbitMq { ledger: Ledger::Postgres(options), .. } => {
            let ledger = PostgresLedger::attend((**options).clone()).await.map_err(Failure::failed)?;
            Ok(Arc::new(Composite::new(Unconnected, ledger)))
        }
        Queue::RabbitMq { ledger: Ledger::Sqlite(path), .. } => {
            Ok(Arc::new(Composite::new(Unconnected, sqlite_ledger(path.clone()).await?)))
        }
    }
}

async fn sqlite_ledger(path: PathBuf) -> Result<SqliteLedger, Failure> {
    apart(move || SqliteLedger::open(&path, portolan_sqlite::Options::default())).await
}

async fn sqlite(path: PathBuf) -> Result<Arc<dyn Delivery>, Failure> {
    Ok(Arc::new(apart(move || SqliteDelivery::open(&path, portolan_sqlite::Options::default())).await?))
}

/// Opens a file where nobody else has to wait for it.
async fn apart<T: Send + 'static>(
    open: impl FnOnce() -> Result<T, portolan_sqlite::OpenError> + Send + 'static,
) -> Result<T, Failure> {
    tokio::task::spawn_blocking(open).await.map_err(Failure::failed)?.map_err(Failure::failed)
}
