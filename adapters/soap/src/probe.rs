//! Whether a system is there: one connection, one GET that asks for nothing, and what is seen on the way. For
//! `portolan doctor`; the path of calls does not come here.

use std::time::{Duration, SystemTime};

use http::{Request, StatusCode, Uri, header::DATE};
use http_body_util::Empty;
use hyper::{body::Bytes, client::conn::http1};
use hyper_rustls::MaybeHttpsStream;
use portolan_tls::{Cause, Connector, ProbeError};
use tokio::time::{Instant, timeout};
use tower::Service as _;

use crate::{OptionsError, SoapOptions, headers::Headers, target::tls_config};

/// What a system shows of itself.
#[derive(Debug, Clone)]
pub struct Probe {
    /// What name lookup, TCP and TLS took together.
    pub connected: Duration,
    /// What the answer took after that.
    pub answered: Duration,
    /// Of the answer. A SOAP service may well answer a GET with an error.
    pub status: StatusCode,
    /// Its clock, to the second, where it tells (`Date`).
    pub date: Option<SystemTime>,
    /// Its certificate and intermediates, in DER.
    pub certificates: Vec<Vec<u8>>,
}

impl From<OptionsError> for ProbeError {
    fn from(error: OptionsError) -> Self {
        ProbeError::new(error.to_string(), "correct the system's options")
    }
}

/// Connects and asks, with the system's own credentials and headers, within its `connect-timeout` and `timeout`.
pub async fn probe(options: &SoapOptions) -> Result<Probe, ProbeError> {
    let uri: Uri = options.endpoint.parse().map_err(|_| OptionsError::Endpoint)?;
    let tls = tls_config(&options.tls, &uri)?;
    let mut request = Request::new(Empty::<Bytes>::new());
    *request.headers_mut() = Headers::new(options, &uri)?.standing().clone();
    *request.uri_mut() =
        uri.path_and_query().map_or_else(|| Uri::from_static("/"), |path| path.clone().into());

    let began = Instant::now();
    let mut connector = Connector::new(tls, options.connect_timeout);
    let stream = connector.call(uri).await.map_err(|error| unconnected(&*error))?;
    let connected = began.elapsed();
    let certificates = match &stream {
        MaybeHttpsStream::Http(_) => Vec::new(),
        MaybeHttpsStream::Https(tls) => portolan_tls::certificates(tls.inner().get_ref().1),
    };
    let asked = async {
        let (mut sender, connection) = http1::handshake::<_, Empty<Bytes>>(stream).await?;
        let driver = tokio::spawn(connection);
        let answer = sender.send_request(request).await;
        driver.abort();
        answer
    };
    let answer = match timeout(options.timeout, asked).await {
        Ok(Ok(answer)) => answer,
        Ok(Err(error)) if Cause::of(&error) == Cause::Tls => return Err(unconnected(&error)),
        Ok(Err(error)) if Cause::of(&error) == Cause::NotHttp => {
            return Err(ProbeError::new(
                "what answers does not speak HTTP/1.1",
                "see the system's `endpoint`",
            ));
        }
        Ok(Err(_)) => {
            return Err(ProbeError::new(
                "the connection was lost before an answer",
                "look into the system's own log",
            ));
        }
        Err(_) => {
            let todo = "look whether the system is overloaded, or give it a longer `timeout`";
            return Err(ProbeError::new(format!("no answer within {:?}", options.timeout), todo));
        }
    };
    let date =
        answer.headers().get(DATE).and_then(|date| httpdate::parse_http_date(date.to_str().ok()?).ok());
    Ok(Probe {
        connected,
        answered: began.elapsed() - connected,
        status: answer.status(),
        date,
        certificates,
    })
}

/// The option that has the system's address, and what to do where it refuses this side's certificates.
const ADDRESS: &str = "endpoint";
const REFUSES_US: &str = "it may want a certificate (`tls: { cert, key }`), or another one than it gets";

fn unconnected(error: &(dyn std::error::Error + 'static)) -> ProbeError {
    ProbeError::unconnected(error, ADDRESS, REFUSES_US)
}
