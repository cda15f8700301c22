//! Why a connection for HTTP was not made, or was lost: the innermost thing that is known about an error.

use std::{error::Error, io};

use rustls::AlertDescription;

use crate::connector::ConnectFailure;

/// Why there is no connection, or why one was lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// The host's name has no address.
    NoAddress,
    /// Connecting took too long.
    TooSlow,
    /// TLS before any application data: neither side has accepted the other.
    Tls,
    /// TLS, at any time.
    BrokenTls,
    /// Nobody takes connections there.
    Refused,
    /// Not an HTTP/1.1 server.
    NotHttp,
    /// Anything else.
    Other,
}

/// An error and what it came from. Such chains are short; the bound only keeps a cycle from hanging the call.
fn chain<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |error| within(*error)).take(16)
}

fn within<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a (dyn Error + 'static)> {
    // `io::Error::source` skips the error that it wraps.
    let wrapped = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
    wrapped.map(|inner| inner as &(dyn Error + 'static)).or_else(|| error.source())
}

/// What attempts that never stood as a connection are called.
pub mod reason {
    /// The connection was refused, or no host answers there. Never sent.
    pub const CONNECTION_REFUSED: &str = "CONNECTION_REFUSED";
    /// The host's name has no address. Never sent.
    pub const DNS_FAILED: &str = "DNS_FAILED";
    /// One side refused the other's certificate, or they have no version of TLS (and HTTP) in common. Never sent.
    pub const TLS_REFUSED: &str = "TLS_REFUSED";
    /// Connecting took longer than allowed; or, where it stood, answering.
    pub const TIMEOUT: &str = "TIMEOUT";
}

impl Cause {
    /// The reason to give where the connection never stood, and what an operator is told: of a host without an address `no_address`, which
    /// names the option that has it.
    pub fn unconnected(self, no_address: &'static str) -> (&'static str, &'static str) {
        match self {
            Self::NoAddress => (reason::DNS_FAILED, no_address),
            Self::TooSlow => (reason::TIMEOUT, "no connection within the system's `connect-timeout`"),
            Self::Tls | Self::BrokenTls => (
                reason::TLS_REFUSED,
                "TLS was refused; see the system's `tls` (`ca`, and `cert` and `key` where it asks for a certificate)",
            ),
            Self::Refused | Self::NotHttp | Self::Other => {
                (reason::CONNECTION_REFUSED, "the connection was refused; is the system up?")
            }
        }
    }

    /// What TLS says of an error.
    pub(crate) fn tls<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a rustls::Error> {
        chain(error).find_map(|error| error.downcast_ref())
    }

    /// Looks for the innermost thing known about an error.
    pub fn of(error: &(dyn Error + 'static)) -> Self {
        let mut cause = Self::Other;
        for error in chain(error) {
            if let Some(failure) = error.downcast_ref::<ConnectFailure>() {
                return match failure {
                    ConnectFailure::NoAddress => Self::NoAddress,
                    ConnectFailure::TooSlow => Self::TooSlow,
                };
            }
            if let Some(error) = error.downcast_ref::<rustls::Error>() {
                return if ends_handshake(error) { Self::Tls } else { Self::BrokenTls };
            }
            if error.downcast_ref::<hyper::Error>().is_some_and(hyper::Error::is_parse) {
                cause = Self::NotHttp;
            }
            if let Some(error) = error.downcast_ref::<io::Error>() {
                match error.kind() {
                    io::ErrorKind::ConnectionRefused
                    | io::ErrorKind::HostUnreachable
                    | io::ErrorKind::NetworkUnreachable => cause = Self::Refused,
                    io::ErrorKind::TimedOut => cause = Self::TooSlow,
                    _ => {}
                }
            }
        }
        cause
    }
}

/// Whether this error can only come before the server has accepted the handshake, and with it any data.
///
/// In TLS 1.3 the client's last message of the handshake and its request travel together; a server that refuses the
/// client's certificate answers both by one of these alerts (RFC 8446, 6.2), having read none of the data.
fn ends_handshake(error: &rustls::Error) -> bool {
    use AlertDescription as Alert;
    match error {
        rustls::Error::AlertReceived(alert) => matches!(
            *alert,
            Alert::HandshakeFailure
                | Alert::BadCertificate
                | Alert::UnsupportedCertificate
                | Alert::CertificateRevoked
                | Alert::CertificateExpired
                | Alert::CertificateUnknown
                | Alert::CertificateRequired
                | Alert::UnknownCA
                | Alert::AccessDenied
                | Alert::DecryptError
                | Alert::ProtocolVersion
                | Alert::InsufficientSecurity
                | Alert::UnrecognisedName
        ),
        rustls::Error::InvalidCertificate(_)
        | rustls::Error::NoCertificatesPresented
        | rustls::Error::UnsupportedNameType
        | rustls::Error::PeerIncompatible(_) => true,
        _ => false,
    }
}
