//! The log: on standard error, as text or as JSON.

use std::io::{self, IsTerminal, Write};

use tracing_subscriber::EnvFilter;

use crate::{config::LogFormat, report::Failure};

/// What these crates tell below `info` shows internal addresses and headers. Whoever wants that names the crate:
/// `debug,hyper_util=debug`. What `lapin` and `russh` call an error is a connection's end, of which our own lines tell.
const OTHERS: &str = "h2=info,hyper=info,hyper_util=info,lapin=off,russh=off,russh_sftp=off,rustls=info,tokio_postgres=warn,tonic=info,tower=info";

/// Starts it. `level` is `info`, or such per module: `info,portolan_soap=debug`.
pub(crate) fn start(format: LogFormat, level: &str) -> Result<(), Failure> {
    let filter = EnvFilter::try_new(format!("{OTHERS},{level}")).map_err(|_| {
        Failure::usage("the log level is not understood")
            .help("write error, warn, info, debug or trace, or such per module: info,portolan_soap=debug")
    })?;
    let color = std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty()) && std::io::stderr().is_terminal();
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(|| Lossy(io::stderr()))
        .log_internal_errors(false)
        .with_ansi(color);
    let started = match format {
        LogFormat::Text => log.try_init(),
        LogFormat::Json => log.json().flatten_event(true).try_init(),
    };
    started.map_err(Failure::failed)
}

/// A log that cannot be written, because its disk is full or its reader is gone, loses lines; it never holds up or ends
/// the work that it tells of.
struct Lossy<W>(W);

impl<W: Write> Write for Lossy<W> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let _ = self.0.write_all(line);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        let _ = self.0.flush();
        Ok(())
    }
}
