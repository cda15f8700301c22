//! What an error of TLS means, in words for a person.

use std::{error::Error, fmt};

use rustls::CertificateError as Wrong;

use crate::Cause;

/// Why there is no encrypted connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// The server's certificate has expired.
    Expired,
    /// The server's certificate is not valid yet.
    NotYetValid,
    /// The server's certificate is of an authority that is not trusted here.
    UnknownAuthority,
    /// The server's certificate is for another name.
    OtherName,
    /// The server's certificate cannot be accepted otherwise.
    Certificate,
    /// The server refuses this side: it may want a certificate, or another one than it gets.
    RefusesUs,
    /// Anything else.
    Other,
}

impl Refusal {
    /// Of an error, or of what it was caused by; nothing where that has nothing to do with TLS.
    pub fn of(error: &(dyn Error + 'static)) -> Option<Self> {
        Cause::tls(error).map(Self::by)
    }

    /// Of rustls's own error.
    pub fn by(error: &rustls::Error) -> Self {
        match error {
            rustls::Error::InvalidCertificate(Wrong::Expired | Wrong::ExpiredContext { .. }) => Self::Expired,
            rustls::Error::InvalidCertificate(Wrong::NotValidYet | Wrong::NotValidYetContext { .. }) => {
                Self::NotYetValid
            }
            rustls::Error::InvalidCertificate(Wrong::UnknownIssuer | Wrong::BadSignature) => {
                Self::UnknownAuthority
            }
            rustls::Error::InvalidCertificate(
                Wrong::NotValidForName | Wrong::NotValidForNameContext { .. },
            ) => Self::OtherName,
            rustls::Error::InvalidCertificate(_) => Self::Certificate,
            rustls::Error::AlertReceived(_) => Self::RefusesUs,
            _ => Self::Other,
        }
    }

    /// What happened.
    pub fn said(self) -> &'static str {
        match self {
            Self::Expired => "its certificate has expired",
            Self::NotYetValid => "its certificate is not valid yet",
            Self::UnknownAuthority => "its certificate is of an authority that is not trusted here",
            Self::OtherName => "its certificate is for another name",
            Self::Certificate => "its certificate cannot be accepted",
            Self::RefusesUs => "it refuses this side in TLS",
            Self::Other => "TLS was refused",
        }
    }

    /// What to do about it, where a server is named by a URL, and files by `ca`, `certificate` and `key`.
    pub fn todo(self) -> &'static str {
        match self {
            Self::Expired => "whoever runs the server has to renew it",
            Self::NotYetValid => "compare this machine's clock",
            Self::UnknownAuthority => "name the authority's file with `ca`",
            Self::OtherName => "write the name that the certificate is for into the URL",
            Self::Certificate => {
                "have it issued again, for a server, with its name as a subject alternative name"
            }
            Self::RefusesUs => {
                "it may want a certificate (`certificate`, `key`), or another one than it gets"
            }
            Self::Other => "see whether it speaks TLS 1.2 or 1.3 there",
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}; {}", self.said(), self.todo())
    }
}
