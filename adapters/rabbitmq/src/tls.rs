//! Connecting, with TLS where the URL says so. The files are read for each connection, so that certificates that were renewed
//! are taken up.

use std::io;

use lapin::{
    AsyncTcpStream, Connection, ConnectionProperties, runtime,
    tcp::{AMQPUriTcpExt as _, RustlsConnector},
    uri::{AMQPScheme, AMQPUri},
};
use portolan_tls::{Shown, TlsOptions};

/// How connections are encrypted, where they are.
#[derive(Clone, Default)]
pub(crate) struct Tls {
    options: TlsOptions,
    pub(crate) shown: Shown,
}

impl Tls {
    pub(crate) fn new(options: TlsOptions) -> Self {
        Self { options, shown: Shown::default() }
    }

    pub(crate) async fn connect(
        &self,
        uri: AMQPUri,
        properties: ConnectionProperties,
    ) -> lapin::Result<Connection> {
        self.shown.clear();
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
                shown.note(stream.get_ref().1);
            }
            Ok(stream)
        };
        Connection::connector(uri, runtime::default_runtime()?, connect, properties).await
    }
}
