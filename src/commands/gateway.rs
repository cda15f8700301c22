//! How operators' commands reach messages: through the gateway that runs, else on its database.

use std::{
    collections::BTreeMap,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    path::{Path, PathBuf},
    sync::Arc,
};

use portolan_batch::FolderSource;
use portolan_console::{AdminToken, ConsoleClient};
use portolan_delivery::{
    BoxFuture, Control, Count, CutNow, Delivery, DeliveryError, FileDecision, FileFilter, FileHash,
    FileRecord, FileView, Filter, MadeFile, MadeView, MessageId, Operator, OperatorError, Page, Reloaded,
    Resolution, RouteStatus, RouteView, SentIn, Shown, Version,
};
use portolan_diagnostics::Sources;
use portolan_engine::{Engine, EngineOperator, EngineOptions};

use crate::{
    config::{self, Config},
    loader::Files,
    mappings, registry,
    report::Failure,
};

/// Which gateway is meant.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Gateway {
    /// The gateway's configuration
    #[arg(long, value_name = "FILE", default_value = "portolan.yaml")]
    config: PathBuf,
    /// The address of the running gateway's admin API [default: `listen.http` of the configuration]
    #[arg(long, value_name = "ADDRESS")]
    admin: Option<SocketAddr>,
    /// The admin token [default: `admin-token` of the configuration, else `<database>.admin-token` or `portolan.admin-token` beside it]
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
}

/// What the command will do, where no gateway runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// Look at messages: nothing is changed, and mappings need not be sound.
    Read,
    /// Decide about messages, which may need their mapping, or about routes.
    Decide,
    /// Something that only a running gateway does.
    Control,
}

impl Gateway {
    /// The gateway that runs, else its database.
    pub(super) async fn operator(&self, purpose: Purpose) -> Result<Arc<dyn Operator>, Failure> {
        let mut sources = Sources::default();
        let given = self.admin.zip(self.token_file.clone());
        // A token that was named must be there, whether or not a gateway is.
        if let Some(named) = &self.token_file {
            read_token(named)?;
        }
        if let Some((address, token)) = given {
            return self.running(address, token).await?.ok_or_else(|| unreachable(address));
        }
        let loaded = config::load(&self.config, &mut sources);
        let Some(config) = loaded.value else {
            return Err(Failure::configuration(loaded.diagnostics, &sources));
        };
        let token = self.token_file.clone().unwrap_or_else(|| config.admin_token());
        match self.admin {
            Some(address) => return self.running(address, token).await?.ok_or_else(|| unreachable(address)),
            None => {
                let address = reachable(config.listen.http);
                if address.port() != 0
                    && token.exists()
                    && let Some(operator) = self.running(address, token).await?
                {
                    return Ok(operator);
                }
                if purpose == Purpose::Control {
                    return Err(unreachable(address));
                }
            }
        }
        if let Some(database) = config.queue.file()
            && !database.exists()
        {
            return Err(Failure::failed(format_args!(
                "no gateway runs, and there is no queue at {}",
                database.display()
            ))
            .help("start it with `portolan serve`, or name its configuration with --config"));
        }
        let delivery = registry::ledger(&config.queue).await?;
        match purpose {
            Purpose::Decide => self.engine(&config, delivery).await,
            Purpose::Read | Purpose::Control => Ok(Arc::new(Ledger(delivery))),
        }
    }

    /// The folders of systems that drop files, by the configuration; none where there is no sound one here.
    pub(super) fn folders(&self) -> BTreeMap<String, FolderSource> {
        let loaded = config::load(&self.config, &mut Sources::default());
        loaded.value.map(|config| config.folders).unwrap_or_default()
    }

    /// A route by the mappings that the configuration names, as they are now.
    pub(super) fn route(&self, name: &str) -> Result<mappings::Found, Failure> {
        let mut sources = Sources::default();
        let loaded = config::load(&self.config, &mut sources);
        let Some(config) = loaded.value else {
            return Err(Failure::configuration(loaded.diagnostics, &sources));
        };
        let read = mappings::read(&config.folder, &config.routes, Some(&config), &mut sources);
        let mut routes = read.routes.into_iter();
        routes.find(|found| *found.loaded.route.name == *name).ok_or_else(|| {
            Failure::usage(format_args!("there is no sound route `{name}` to read the JSON by"))
                .help("name the gateway's configuration with --config, or hand in the message as protobuf")
        })
    }

    /// The gateway that runs; `None` where nobody answers.
    async fn running(
        &self,
        address: SocketAddr,
        token: PathBuf,
    ) -> Result<Option<Arc<dyn Operator>>, Failure> {
        let token = read_token(&token)?;
        match ConsoleClient::connect(address, &token).await {
            Ok(client) => Ok(Some(Arc::new(client))),
            Err(_) => Ok(None),
        }
    }

    /// An engine that works on nothing by itself, for decisions that need the mapping.
    async fn engine(
        &self,
        config: &Config,
        delivery: Arc<dyn Delivery>,
    ) -> Result<Arc<dyn Operator>, Failure> {
        let options =
            EngineOptions { dispatch: false, retention: config.retention, ..EngineOptions::default() };
        let loader = Arc::new(Files::new(self.config.clone()));
        match Engine::start(options, delivery, loader).await {
            Ok(engine) => Ok(Arc::new(EngineOperator(engine))),
            Err(problem) => Err(super::serve::start_failure(problem)),
        }
    }
}

fn read_token(path: &Path) -> Result<AdminToken, Failure> {
    AdminToken::read(path).map_err(|problem| {
        let why = match problem.kind() {
            std::io::ErrorKind::NotFound => "it is not there".to_owned(),
            _ => problem.to_string(),
        };
        Failure::usage(format_args!("the admin token {} cannot be read: {why}", path.display()))
            .help("run as the user that runs the gateway, or name a copy with --token-file")
    })
}

fn unreachable(address: SocketAddr) -> Failure {
    Failure::failed(format_args!("no gateway answers at {address}"))
        .help("is it running? its `portolan ready` line shows `http=ADDRESS`: give that as --admin")
}

/// A gateway that listens on all networks is asked on this machine's own.
pub(super) fn reachable(mut address: SocketAddr) -> SocketAddr {
    if address.ip().is_unspecified() {
        address.set_ip(match address.ip() {
            IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::LOCALHOST),
            IpAddr::V6(_) => IpAddr::V6(Ipv6Addr::LOCALHOST),
        });
    }
    address
}

/// What an operator's error means for the command.
pub(super) fn refused(error: OperatorError) -> Failure {
    match error {
        OperatorError::Delivery(DeliveryError::NotFound(_)) => {
            Failure::failed(error).help("`portolan queue list` shows the messages that there are")
        }
        OperatorError::Delivery(DeliveryError::NotDead(_)) => Failure::failed(error)
            .help("only dead letters wait for a decision; `portolan queue show ID` tells its state"),
        OperatorError::Findings(text) => Failure::Rendered { text, code: 1 },
        other => Failure::failed(other),
    }
}

/// The questions that the ledger answers without an engine.
struct Ledger(Arc<dyn Delivery>);

fn needs_gateway<T: Send + 'static>() -> BoxFuture<'static, Result<T, OperatorError>> {
    Box::pin(async { Err(OperatorError::Refused("this needs a running gateway".to_owned())) })
}

/// Of a file where nobody is at it.
fn file_view(record: FileRecord) -> FileView {
    FileView { record, system: None, progress: None }
}

impl Operator for Ledger {
    fn list(&self, filter: Filter) -> BoxFuture<'_, Result<Page, OperatorError>> {
        Box::pin(async move { Ok(self.0.list(filter).await?) })
    }

    fn show(&self, id: MessageId) -> BoxFuture<'_, Result<Shown, OperatorError>> {
        Box::pin(async move {
            let record = self.0.get(id).await?.ok_or(DeliveryError::NotFound(id))?;
            // What may be seen the mapping says, and nobody here has read it.
            Ok(Shown { record, visible: Vec::new() })
        })
    }

    fn counts(&self) -> BoxFuture<'_, Result<Vec<Count>, OperatorError>> {
        Box::pin(async move { Ok(self.0.counts().await?) })
    }

    fn retry(&self, _: MessageId, _: Version) -> BoxFuture<'_, Result<(), OperatorError>> {
        needs_gateway()
    }

    fn resolve(&self, _: MessageId, _: Resolution, _: Version) -> BoxFuture<'_, Result<(), OperatorError>> {
        needs_gateway()
    }

    fn files(&self, filter: FileFilter) -> BoxFuture<'_, Result<Vec<FileView>, OperatorError>> {
        Box::pin(async move {
            let Some(files) = self.0.files() else { return Ok(Vec::new()) };
            Ok(files.files(filter).await?.into_iter().map(file_view).collect())
        })
    }

    fn file(
        &self,
        route: Arc<str>,
        file: FileHash,
    ) -> BoxFuture<'_, Result<Option<FileView>, OperatorError>> {
        Box::pin(async move {
            let Some(files) = self.0.files() else { return Ok(None) };
            Ok(files.file(route, file).await?.map(file_view))
        })
    }

    fn release(
        &self,
        _: Arc<str>,
        _: FileHash,
        _: Arc<str>,
    ) -> BoxFuture<'_, Result<FileView, OperatorError>> {
        needs_gateway()
    }

    fn made_files(&self, filter: FileFilter) -> BoxFuture<'_, Result<Vec<MadeView>, OperatorError>> {
        Box::pin(async move {
            let Some(store) = self.0.cuts() else { return Ok(Vec::new()) };
            let (gathered, cuts) =
                (store.gathered().await?, store.cuts(filter.open, FileFilter::MOST).await?);
            let files = MadeFile::asked_for(gathered, cuts, &filter).into_iter();
            Ok(files.map(|file| MadeView { file, system: None, trouble: None }).collect())
        })
    }

    fn sent_in(&self, messages: Vec<MessageId>) -> BoxFuture<'_, Result<Vec<SentIn>, OperatorError>> {
        Box::pin(async move {
            let Some(store) = self.0.cuts() else { return Ok(Vec::new()) };
            Ok(store.sent_in(messages).await?)
        })
    }

    fn cut(&self, _: Arc<str>) -> BoxFuture<'_, Result<CutNow, OperatorError>> {
        needs_gateway()
    }

    fn decide(&self, _: Arc<str>, _: u64, _: FileDecision) -> BoxFuture<'_, Result<CutNow, OperatorError>> {
        needs_gateway()
    }

    fn routes(&self) -> BoxFuture<'_, Result<Vec<RouteView>, OperatorError>> {
        needs_gateway()
    }

    fn route_statuses(&self) -> BoxFuture<'_, Result<Vec<RouteStatus>, OperatorError>> {
        Box::pin(async move {
            let (controls, counts) = (self.0.controls().await?, self.0.counts().await?);
            Ok(RouteStatus::all(Vec::new(), &controls, &counts))
        })
    }

    fn control(&self, _: Arc<str>, _: Control) -> BoxFuture<'_, Result<(), OperatorError>> {
        needs_gateway()
    }

    fn reload(&self) -> BoxFuture<'_, Result<Reloaded, OperatorError>> {
        needs_gateway()
    }
}
