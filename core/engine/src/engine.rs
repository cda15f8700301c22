//! The engine: routes at work between an [`Intake`] on one side, systems on the other, and the ledger in between.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use arc_swap::ArcSwap;
use opentelemetry::global::BoxedTracer;
use parking_lot::Mutex;
use portolan_delivery::{BundleHash, Delivery, DeliveryError, GatewayId, Timestamp};
use tokio::sync::{Notify, watch};

use crate::{
    cut_now::Cutting,
    cutting, dispatch,
    held::Held,
    housekeeping,
    load::{LoadError, Loaded, Loader},
    metrics::Metrics,
    route::{Route, RouteTable, Served},
    settle,
    systems::Systems,
    trouble::Trouble,
    under_way::UnderWay,
    untold::Untold,
    waiters::Waiters,
};

/// What differs between deployments.
#[derive(Debug, Clone)]
pub struct EngineOptions {
    /// Attempts at work at a time for each route whose system is not known, since it is not served any more.
    pub dispatch_concurrency: usize,
    /// How long finished messages are remembered, and with them their request ids and operations.
    pub retention: Duration,
    /// Whether queued messages are worked on, and outcomes announced; off while an operator looks, or to measure accepting alone.
    pub dispatch: bool,
    /// Where spans go, if anywhere.
    pub tracer: Option<Arc<BoxedTracer>>,
}

impl Default for EngineOptions {
    fn default() -> Self {
        Self {
            dispatch_concurrency: 32,
            retention: Duration::from_secs(7 * 24 * 3600),
            dispatch: true,
            tracer: None,
        }
    }
}

/// Routes at work. One for each process; adapters see it as `Intake`, operators as `Operator`.
pub struct Engine {
    pub(crate) options: EngineOptions,
    pub(crate) gateway: GatewayId,
    pub(crate) delivery: Arc<dyn Delivery>,
    pub(crate) loader: Arc<dyn Loader>,
    pub(crate) table: ArcSwap<RouteTable>,
    /// Versions that are no longer served but that messages still refer to, and those that cannot be.
    older: Mutex<HashMap<BundleHash, Result<Arc<Served>, LoadError>>>,
    /// One of them at a time is read: a backlog of one version asks for it all at once.
    opening: tokio::sync::Mutex<()>,
    pub(crate) waiters: Waiters,
    pub(crate) untold: Untold,
    pub(crate) under_way: UnderWay,
    pub(crate) cutting: Cutting,
    pub(crate) in_flight: InFlight,
    pub(crate) metrics: Metrics,
    draining: AtomicBool,
    fatal: watch::Sender<Option<String>>,
    pub(crate) stop: watch::Sender<bool>,
    /// A slot for an attempt came free.
    pub(crate) freed: Arc<Notify>,
    /// Whether outcomes cannot be announced.
    pub(crate) unannounced: Trouble,
    /// Something became of an announced message.
    pub(crate) happened: Notify,
    pub(crate) systems: Systems,
    pub(crate) held: Held,
    /// One reload at a time.
    reload: tokio::sync::Mutex<()>,
}

/// Work that must end before the process may: counted, so that a drain knows when it has.
#[derive(Debug, Default)]
pub(crate) struct InFlight {
    count: AtomicUsize,
    idle: Notify,
}

/// One piece of work in flight, until dropped.
pub(crate) struct Work(Arc<Engine>);

impl Drop for Work {
    fn drop(&mut self) {
        if self.0.in_flight.count.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.0.in_flight.idle.notify_waiters();
        }
    }
}

/// Bundles of older versions held ready at a time.
const OLDER_VERSIONS: usize = 256;

impl Engine {
    /// Settles what an earlier run left behind, loads the routes, and begins to work.
    pub async fn start(
        options: EngineOptions,
        delivery: Arc<dyn Delivery>,
        loader: Arc<dyn Loader>,
    ) -> Result<Arc<Self>, StartError> {
        let gateway = GatewayId::generate();
        let settled = delivery.reconcile(gateway, Timestamp::now()).await?;
        let metrics = Metrics::new();
        settle::reconciled(&metrics, &settled);
        let loaded = loader.load()?;
        let freed = Arc::new(Notify::new());
        let engine = Arc::new(Self {
            options,
            gateway,
            delivery,
            loader,
            table: ArcSwap::default(),
            older: Mutex::default(),
            opening: tokio::sync::Mutex::new(()),
            waiters: Waiters::default(),
            untold: Untold::default(),
            under_way: UnderWay::default(),
            cutting: Cutting::default(),
            in_flight: InFlight::default(),
            metrics,
            draining: AtomicBool::new(false),
            fatal: watch::Sender::new(None),
            stop: watch::Sender::new(false),
            unannounced: Trouble::new("outcomes cannot be announced now; they are later"),
            happened: Notify::new(),
            systems: Systems::new(freed.clone()),
            freed,
            held: Held::default(),
            reload: tokio::sync::Mutex::new(()),
        });
        engine.learn_controls().await?;
        engine.serve(loaded).await?;
        if engine.options.dispatch {
            tokio::spawn(dispatch::run(engine.clone()));
            tokio::spawn(housekeeping::announce(engine.clone()));
            tokio::spawn(cutting::run(engine.clone()));
        }
        tokio::spawn(housekeeping::forget(engine.clone()));
        if engine.delivery.is_shared() {
            tokio::spawn(housekeeping::reconcile(engine.clone()));
            tokio::spawn(housekeeping::tell_waiters(engine.clone()));
            tokio::spawn(housekeeping::learn_controls(engine.clone()));
        }
        Ok(engine)
    }

    /// Keeps the bundles, then serves the routes; calls in flight finish on the version with which they began. Gives what is
    /// left to do.
    async fn serve(&self, loaded: Vec<Loaded>) -> Result<Option<String>, DeliveryError> {
        // Also of routes that keep no messages: an operator may choose them for a message that was kept before.
        for one in &loaded {
            self.delivery.keep_bundle(one.route.bundle, one.bundle.clone()).await?;
        }
        let kept = loaded.iter().filter(|one| one.route.has_ledger_row());
        let kept: Vec<_> = kept.map(|one| one.route.name.clone()).collect();
        let later = self.delivery.serve(&kept).await?;
        self.systems.configure(self.loader.systems());
        let generation = self.table.load().generation + 1;
        let routes = loaded.into_iter().map(|one| self.attached(one.route));
        self.table.store(Arc::new(RouteTable::new(generation, routes)));
        // What refused to compile may do so now that systems or standing headers differ, and the other way round.
        self.older.lock().clear();
        // Routes may be of other systems now, which have room.
        self.freed.notify_one();
        Ok(later)
    }

    /// With the series that its calls move, and the gate that they pass.
    fn attached(&self, route: Route) -> Arc<Served> {
        let (metrics, gate) = (self.metrics.of(&route), self.systems.get(&route.system));
        Arc::new(Served { route, metrics, gate })
    }

    /// Reads the files again and serves what they say, if all of it is sound. Gives what is left to do.
    pub(crate) async fn reload_routes(&self) -> Result<Option<String>, StartError> {
        let _one_at_a_time = self.reload.lock().await;
        let loader = self.loader.clone();
        let loaded = apart(move || loader.load()).await?;
        Ok(self.serve(loaded).await.map_err(|e| self.failed(e))?)
    }

    /// Which routes are held up, by whichever gateway.
    pub(crate) async fn learn_controls(&self) -> Result<(), DeliveryError> {
        let controls = self.delivery.controls().await.map_err(|e| self.failed(e))?;
        if self.held.learn(controls) {
            self.freed.notify_one();
        }
        Ok(())
    }

    /// The version of a route with which a message began.
    pub(crate) async fn version(&self, name: &str, bundle: BundleHash) -> Result<Arc<Served>, VersionError> {
        if let Some(known) = self.known_version(name, bundle) {
            return known.map_err(VersionError::Load);
        }
        let _one_at_a_time = self.opening.lock().await;
        if let Some(known) = self.known_version(name, bundle) {
            return known.map_err(VersionError::Load);
        }
        let generation = self.table.load().generation;
        let content = self.delivery.bundle(bundle).await;
        let content = content.map_err(|e| VersionError::Delivery(self.failed(e)))?;
        let content = content.ok_or(VersionError::Missing(bundle))?;
        let loader = self.loader.clone();
        let opened = apart(move || loader.open(&content)).await.map(|loaded| self.attached(loaded.route));
        if let Err(error) = &opened {
            tracing::error!(route = name, %bundle, error = error.brief(), "an earlier version of a route cannot be served");
        }
        let mut older = self.older.lock();
        // What was read with the configuration before a reload is not for messages after it.
        if self.table.load().generation == generation {
            if older.len() >= OLDER_VERSIONS {
                older.clear();
            }
            older.insert(bundle, opened.clone());
        }
        opened.map_err(VersionError::Load)
    }

    fn known_version(&self, name: &str, bundle: BundleHash) -> Option<Result<Arc<Served>, LoadError>> {
        if let Some(route) = self.table.load().by_name.get(name).filter(|r| r.bundle == bundle) {
            return Some(Ok(route.clone()));
        }
        self.older.lock().get(&bundle).cloned()
    }

    /// The route that serves a method now.
    pub(crate) fn route_for(&self, method: &str) -> Option<Arc<Served>> {
        self.table.load().by_method.get(method).cloned()
    }

    /// Counts a piece of work until the guard is dropped.
    pub(crate) fn work(self: &Arc<Self>) -> Work {
        self.in_flight.count.fetch_add(1, Ordering::AcqRel);
        Work(self.clone())
    }

    /// Notes a failure of the ledger. A fatal one stops accepting for good: what is durable is not known any more.
    pub(crate) fn failed(&self, error: DeliveryError) -> DeliveryError {
        if let DeliveryError::Fatal(why) = &error {
            self.fatal.send_if_modified(|f| {
                f.is_none() && {
                    *f = Some(why.clone());
                    true
                }
            });
        }
        error
    }

    /// Whether calls are taken. Those of routes that keep no messages are also while the queue is away.
    pub fn is_accepting(&self) -> bool {
        !self.draining.load(Ordering::Acquire) && self.fatal.borrow().is_none()
    }

    /// Whether messages are accepted and can be made durable, too.
    pub fn is_ready(&self) -> bool {
        self.is_accepting() && self.delivery.is_available()
    }

    /// Resolves with the reason when the ledger has failed and the process must end.
    pub async fn failure(&self) -> String {
        let mut fatal = self.fatal.subscribe();
        match fatal.wait_for(Option::is_some).await {
            Ok(why) => why.clone().unwrap_or_default(),
            Err(_) => std::future::pending().await,
        }
    }

    /// Stops accepting and claiming; resolves when everything in flight is settled, or `limit` has passed.
    /// Returns whether all of it was.
    pub async fn drain(&self, limit: Duration) -> bool {
        self.draining.store(true, Ordering::Release);
        self.stop.send_replace(true);
        let all = async {
            loop {
                let idle = self.in_flight.idle.notified();
                tokio::pin!(idle);
                idle.as_mut().enable();
                if self.in_flight.count.load(Ordering::Acquire) == 0 {
                    return housekeeping::announce_all(self).await;
                }
                idle.await;
            }
        };
        tokio::time::timeout(limit, all).await.is_ok()
    }
}

/// Reads files and compiles routes where nobody else has to wait for it.
async fn apart<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, LoadError> + Send + 'static,
) -> Result<T, LoadError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|error| Err(LoadError::Bundle(error.to_string())))
}

/// Why the engine does not start, or does not take a reload.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The ledger failed.
    #[error(transparent)]
    Delivery(#[from] DeliveryError),
    /// The files are not sound.
    #[error(transparent)]
    Load(#[from] LoadError),
}

/// Why the version of a route with which a message began is not to be had.
#[derive(Debug, thiserror::Error)]
pub(crate) enum VersionError {
    #[error(transparent)]
    Delivery(DeliveryError),
    #[error(
        "the bundle {0} with which the message came is not kept any more; retry it with the newest version"
    )]
    Missing(BundleHash),
    // The findings are in the log: this text goes to callers, too.
    #[error("the version with which the message came cannot be served; the gateway's log says why")]
    Load(LoadError),
}
