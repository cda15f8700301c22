//! Connecting, with TLS where the URL says so. The files are read for each connection, so that certificates that were renewed
//! are taken up.

use std::{io, sync::Arc};

use lapin::{
    AsyncTcpStream, Connection, ConnectionProperties, runtime,
    tcp::{AMQPUriTcpExt as _, RustlsConnector},
    uri::{AMQPScheme, AMQPUri},
};
use parking_lot::Mutex;
use portolan_tls::TlsOptions;

/// How connections are encrypted, where they are.
#[derive(Clone, Default)]
pub(crate) struct Tls {
    options: TlsOptions,
    /// What the broker showed last, in DER.
    shown: Arc<Mutex<Vec<Vec<u8>>>>,
}

impl Tls {
    pub(crate) fn new(options: TlsOptions) -> Self {
        Self { options, shown: Arc::default() }
    }

    /// The broker's certificate and intermediates, in DER; none without TLS.
    pub(crate) fn shown(&self) -> Vec<Vec<u8>> {
        self.shown.lock().clone()
    }

    pub(crate) async fn connect(
        &self,
        uri: AMQPUri,
        properties: ConnectionProperties,
    ) -> lapin::Result<Connection> {
        self.shown.lock().clear();
        let encryption = match uri.scheme {
            AMQPScheme::AMQPS => {
                let config = self.options.client_config().map_err(io::Error::other)?;
                Some((RustlsConnector::from(config), self.shown.clone()))
            }
            AMQPScheme::AMQP => None,
        };
        // lapin's own TLS would trust the machine's authorities beside the one that is named.
        let connect = async move |uri: AMQPUri, runtime| {
            let plain = AMQPUri { scheme: AMQPScheme::AMQP, ..uri.clone() };
            let stream = plain.connect_async(&runtime).await?;
            let Some((connector, shown)) = &encryption else { return Ok(stream) };
            let stream = stream.into_rustls(connector, &uri.authority.host).await?;
            if let AsyncTcpStream::Rustls(stream) = &stream {
                let certificates = stream.get_ref().1.peer_certificates().unwrap_or_default();
                *shown.lock() = certificates.iter().map(|certificate| certificate.to_vec()).collect();
            }
            Ok(stream)
        };
        Connection::connector(uri, runtime::default_runtime()?, connect, properties).await
    }
}
