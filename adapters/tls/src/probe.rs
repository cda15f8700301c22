//! Why a system that was asked whether it is there gave no answer, in more words than a call's log needs.

use std::error::Error;

use crate::{Cause, Refusal};

/// Why there is no answer. No addresses.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{said}")]
pub struct ProbeError {
    /// What happened.
    pub said: String,
    /// What to do.
    pub todo: String,
}

impl ProbeError {
    /// What happened, and what to do.
    pub fn new(said: impl Into<String>, todo: impl Into<String>) -> Self {
        Self { said: said.into(), todo: todo.into() }
    }

    /// There is no connection. `option` is the one that has the system's address; `refuses_us` what to do where TLS was refused by it.
    pub fn unconnected(error: &(dyn Error + 'static), option: &str, refuses_us: &str) -> Self {
        match Cause::of(error) {
            Cause::NoAddress => Self::new(
                "the host's name has no address",
                format!("see the system's `{option}`, and the machine's DNS"),
            ),
            Cause::TooSlow => Self::new(
                "no connection within `connect-timeout`",
                "look whether a firewall swallows the packets; a longer `connect-timeout` helps where the way is slow",
            ),
            Cause::Tls | Cause::BrokenTls => {
                Self::refused(Refusal::of(error).unwrap_or(Refusal::Other), option, refuses_us)
            }
            Cause::Refused | Cause::NotHttp | Cause::Other => {
                Self::new("the connection was refused", "is the system up?")
            }
        }
    }

    /// TLS was refused, by one of both sides.
    pub fn refused(refusal: Refusal, option: &str, refuses_us: &str) -> Self {
        let todo = match refusal {
            Refusal::Expired => "the system's owner has to renew it".to_owned(),
            Refusal::UnknownAuthority => {
                "name the authority under the system's `tls: { ca: FILE }`".to_owned()
            }
            Refusal::OtherName => format!("write into `{option}` the name that the certificate is for"),
            Refusal::RefusesUs => refuses_us.to_owned(),
            Refusal::Other => "see the system's `tls`, and whether it speaks TLS 1.2 or 1.3 there".to_owned(),
            Refusal::NotYetValid | Refusal::Certificate => refusal.todo().to_owned(),
        };
        Self::new(refusal.said(), todo)
    }
}
