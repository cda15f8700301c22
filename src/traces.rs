//! Where spans go: to a collector by OTLP over gRPC, in batches, from a thread of their own. A collector that is slow or
//! away costs spans, never calls.

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use opentelemetry::{KeyValue, global::BoxedTracer, trace::TracerProvider as _};
use opentelemetry_otlp::{ExporterBuildError, WithTonicConfig as _};
use opentelemetry_sdk::{
    Resource,
    error::OTelSdkResult,
    trace::{Sampler, SdkTracerProvider, SpanData, SpanExporter},
};
use tonic::{
    metadata::{MetadataKey, MetadataMap},
    transport::{Certificate, ClientTlsConfig, Endpoint, Identity},
};

use crate::config::{Collector, Telemetry};

/// How long the collector has for a batch.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long the last spans have at the end.
const LAST: Duration = Duration::from_secs(5);

/// The export of spans, until it is stopped.
pub(crate) struct Traces {
    provider: SdkTracerProvider,
}

impl Traces {
    /// Starts it. Connects to nothing yet; needs the runtime.
    pub(crate) fn start(telemetry: &Telemetry) -> Result<(Self, Arc<BoxedTracer>), String> {
        let exporter = exporter(&telemetry.collector)?;
        let provider = SdkTracerProvider::builder()
            .with_batch_exporter(Telling { exporter, failing: AtomicBool::new(false) })
            .with_sampler(Sampler::ParentBased(Box::new(Sampler::TraceIdRatioBased(telemetry.sample))))
            .with_resource(resource(telemetry))
            .build();
        let tracer = BoxedTracer::new(Box::new(provider.tracer("portolan")));
        Ok((Self { provider }, Arc::new(tracer)))
    }

    /// Sends what there is, and ends.
    pub(crate) async fn stop(self) {
        let stopped = tokio::task::spawn_blocking(move || self.provider.shutdown_with_timeout(LAST)).await;
        if !matches!(stopped, Ok(Ok(()))) {
            tracing::warn!("the last spans were not exported");
        }
    }
}

fn resource(telemetry: &Telemetry) -> Resource {
    let mut about = vec![KeyValue::new("service.version", env!("CARGO_PKG_VERSION"))];
    if let Ok(host) = std::fs::read_to_string("/proc/sys/kernel/hostname") {
        let host = host.trim().to_owned();
        about.push(KeyValue::new("service.instance.id", format!("{host}:{}", std::process::id())));
        about.push(KeyValue::new("host.name", host));
    }
    Resource::builder_empty().with_service_name(telemetry.service.clone()).with_attributes(about).build()
}

/// Whether a collector could be spoken to like this.
pub(crate) fn check(collector: &Collector) -> Result<(), String> {
    endpoint(collector)?;
    metadata(collector)?;
    Ok(())
}

/// Whether it takes connections now.
pub(crate) async fn reach(collector: &Collector) -> Result<(), ()> {
    let endpoint = endpoint(collector).map_err(drop)?;
    endpoint.connect().await.map(drop).map_err(drop)
}

fn exporter(collector: &Collector) -> Result<opentelemetry_otlp::SpanExporter, String> {
    let refused = |problem: ExporterBuildError| format!("`telemetry`: {problem}");
    opentelemetry_otlp::SpanExporter::builder()
        .with_tonic()
        .with_channel(endpoint(collector)?.connect_lazy())
        .with_metadata(metadata(collector)?)
        .build()
        .map_err(refused)
}

fn endpoint(collector: &Collector) -> Result<Endpoint, String> {
    const WANTED: &str = "write the collector's address for OTLP over gRPC: http://127.0.0.1:4317";
    let endpoint = Endpoint::from_shared(collector.endpoint.clone()).map_err(|_| WANTED.to_owned())?;
    let endpoint = endpoint.timeout(PATIENCE).connect_timeout(PATIENCE);
    match endpoint.uri().scheme_str() {
        Some("http") if collector.tls.is_set() => {
            Err("`tls` needs an https:// address: to http:// nothing is encrypted".to_owned())
        }
        Some("http") => Ok(endpoint),
        Some("https") => {
            endpoint.tls_config(tls(collector)?).map_err(|_| "`tls` cannot be used as it is".to_owned())
        }
        _ => Err(WANTED.to_owned()),
    }
}

fn tls(collector: &Collector) -> Result<ClientTlsConfig, String> {
    let read = |path: &Path| {
        std::fs::read(path).map_err(|problem| format!("`tls`: {} cannot be read: {problem}", path.display()))
    };
    let options = &collector.tls;
    let mut config = match &options.ca {
        Some(path) => ClientTlsConfig::new().ca_certificate(Certificate::from_pem(read(path)?)),
        None => ClientTlsConfig::new().with_native_roots(),
    };
    match (&options.cert, &options.key) {
        (Some(cert), Some(key)) => config = config.identity(Identity::from_pem(read(cert)?, read(key)?)),
        (None, None) => {}
        _ => return Err("`tls`: `cert` and `key` go together".to_owned()),
    }
    Ok(config)
}

fn metadata(collector: &Collector) -> Result<MetadataMap, String> {
    let mut metadata = MetadataMap::new();
    for (name, value) in &collector.headers {
        let refused = || format!("`headers`: `{name}` cannot be sent as gRPC metadata");
        let key = name.to_ascii_lowercase().parse::<MetadataKey<_>>().map_err(|_| refused())?;
        metadata.insert(key, value.parse().map_err(|_| refused())?);
    }
    Ok(metadata)
}

/// Tells when spans begin to be lost, and when they arrive again. No address, and nothing of the collector's words.
#[derive(Debug)]
struct Telling<E> {
    exporter: E,
    failing: AtomicBool,
}

impl<E: SpanExporter> SpanExporter for Telling<E> {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let spans = batch.len();
        let result = self.exporter.export(batch).await;
        match (&result, self.failing.swap(result.is_err(), Ordering::Relaxed)) {
            (Err(_), false) => {
                tracing::warn!(
                    spans,
                    "spans cannot be exported and are lost; is the collector of `telemetry` up?"
                );
            }
            (Ok(()), true) => tracing::info!("spans are exported again"),
            _ => {}
        }
        result
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.exporter.shutdown_with_timeout(timeout)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.exporter.set_resource(resource);
    }
}
