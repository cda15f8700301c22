//! `/metrics`: what the engine counts, and beside it which build this is and what its process uses.

use std::{fmt, sync::Arc};

use portolan_console::Metrics;
use portolan_engine::Engine;
use procfs::{WithCurrentSystemInfo, process};
use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeMetric, prometheus_text},
    metrics::{TypedMetric, counter::ConstCounter, gauge::ConstGauge, info::Info},
    registry::Registry,
};

/// What the console is to tell.
pub(crate) fn of(engine: Arc<Engine>) -> Metrics {
    let mut registry = Registry::default();
    let build = Info::new([("version", env!("CARGO_PKG_VERSION"))]);
    registry.register("portolan_build", "The version of the gateway", build);
    registry.register_collector(Box::new(Process));
    let registry = Arc::new(registry);
    Arc::new(move || {
        let (engine, registry) = (engine.clone(), registry.clone());
        Box::pin(async move {
            let mut text = engine.metrics().await;
            // Writing to a string cannot fail.
            let _ = prometheus_text::encode(&mut text, &registry);
            text
        })
    })
}

/// The process as the kernel sees it, under the names that every Prometheus client gives. What cannot be read is left out.
#[derive(Debug)]
struct Process;

impl Collector for Process {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let encoder = &mut encoder;
        let Ok(process) = process::Process::myself() else { return Ok(()) };
        if let Ok(stat) = process.stat() {
            let ticks = procfs::ticks_per_second() as f64;
            let cpu = ConstCounter::new((stat.utime + stat.stime) as f64 / ticks);
            tell(encoder, "process_cpu_seconds", "Processor time used, in user and kernel mode", cpu)?;
            let resident = whole(stat.rss_bytes().get());
            tell(encoder, "process_resident_memory_bytes", "Resident memory", resident)?;
            tell(encoder, "process_virtual_memory_bytes", "Virtual memory", whole(stat.vsize))?;
            if let Ok(boot) = procfs::boot_time_secs() {
                let start = ConstGauge::new(boot as f64 + stat.starttime as f64 / ticks);
                tell(encoder, "process_start_time_seconds", "When the process began, since 1970", start)?;
            }
        }
        if let Ok(open) = process.fd_count() {
            tell(encoder, "process_open_fds", "Open file descriptors", whole(open as u64))?;
        }
        if let Ok(limits) = process.limits()
            && let process::LimitValue::Value(most) = limits.max_open_files.soft_limit
        {
            tell(encoder, "process_max_fds", "File descriptors that may be open", whole(most))?;
        }
        Ok(())
    }
}

fn tell<M: EncodeMetric + TypedMetric>(
    encoder: &mut DescriptorEncoder<'_>,
    name: &str,
    help: &str,
    metric: M,
) -> fmt::Result {
    metric.encode(encoder.encode_descriptor(name, help, None, M::TYPE)?)
}

fn whole(number: u64) -> ConstGauge<i64> {
    ConstGauge::new(i64::try_from(number).unwrap_or(i64::MAX))
}
