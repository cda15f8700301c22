//! Certificates in files: whether they can be read and go with their keys, and when they end.

use std::path::Path;

use portolan_delivery::Timestamp;
use portolan_grpc::ClientCertificates;
use rustls::pki_types::{CertificateDer, pem::PemObject as _};
use x509_cert::der::Decode as _;

use super::finding::{Check, Finding};
use crate::config::Config;

const CHECK: &str = "certificate";

/// Who renews by hand needs about so long.
const SOON: i64 = 30;

const DAY: i64 = 24 * 3600;

/// What a certificate is for decides which of several must be valid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    /// A certificate and its intermediates: each of them.
    Chain,
    /// Authorities: any.
    Authorities,
}

/// Of all files that the configuration names.
pub(super) fn check(config: &Config) -> Vec<Finding> {
    let now = Timestamp::now();
    let mut findings = Vec::new();
    let mut of_file = |name: &str, path: &Path, role| findings.push(file(name, path, role, now));
    if let Some(tls) = &config.listen.grpc.tls {
        of_file("listen.grpc", &tls.certificate, Role::Chain);
        if let ClientCertificates::Optional { authorities } | ClientCertificates::Required { authorities } =
            &tls.client
        {
            of_file("listen.grpc", authorities, Role::Authorities);
        }
    }
    let systems = config.systems.iter().map(|(name, system)| (name.as_str(), system.kind.tls()));
    let collector = config.telemetry.as_ref().map(|telemetry| ("telemetry", &telemetry.collector.tls));
    for (name, tls) in systems.chain(collector).chain(config.queue.tls()) {
        if let Some(cert) = &tls.cert {
            of_file(name, cert, Role::Chain);
        }
        if let Some(ca) = &tls.ca {
            of_file(name, ca, Role::Authorities);
        }
    }
    // Those of systems and servers were tried when the configuration was read.
    if let Some(tls) = &config.listen.grpc.tls
        && let Err(problem) = tls.check()
    {
        findings.push(
            Check::new(CHECK, "listen.grpc")
                .problem(problem.to_string(), "name the certificate with its own key, both as PEM"),
        );
    }
    findings
}

fn file(name: &str, path: &Path, role: Role, now: Timestamp) -> Finding {
    let check = Check::new(CHECK, format!("{name} {}", path.display()));
    let read = CertificateDer::pem_file_iter(path).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    match read {
        Ok(certificates) => judge(&check, &certificates, role, now),
        Err(_) => check
            .problem("it cannot be read as PEM", "the user that runs the gateway must be able to read it"),
    }
}

/// What a server showed of itself, if anything.
pub(super) fn shown(of: impl std::fmt::Display, certificates: &[Vec<u8>]) -> Option<Finding> {
    let check = Check::new(CHECK, format!("{of}, as it shows itself"));
    (!certificates.is_empty()).then(|| judge(&check, certificates, Role::Chain, Timestamp::now()))
}

/// By the time for which certificates are valid (RFC 5280, 4.1.2.5).
fn judge(check: &Check, certificates: &[impl AsRef<[u8]>], role: Role, now: Timestamp) -> Finding {
    let periods: Option<Vec<_>> = certificates.iter().map(|der| period(der.as_ref())).collect();
    let Some(periods) = periods else {
        return check.problem("it cannot be read as X.509", "have it issued again");
    };
    let ends = periods.iter().map(|(_, end)| *end);
    let begins = periods.iter().map(|(begin, _)| *begin);
    let (begin, end) = match role {
        Role::Chain => (begins.max(), ends.min()),
        Role::Authorities => (begins.min(), ends.max()),
    };
    let (Some(begin), Some(end)) = (begin, end) else {
        return check.problem("there is no certificate in it", "name a file with one, as PEM");
    };
    let now = now.0 / 1_000_000;
    let date =
        jiff::Timestamp::from_second(end).map(|end| end.strftime("%Y-%m-%d").to_string()).unwrap_or_default();
    let days = (end - now).div_euclid(DAY);
    if begin > now {
        check.problem("it is not valid yet", "compare this machine's clock, or have it issued again")
    } else if end <= now {
        check.problem(format!("it ended on {date}"), "renew it, and start the gateway again")
    } else if days < SOON {
        check.warning(format!("it ends in {days} days, on {date}"), "renew it, and start the gateway again")
    } else {
        check.ok(format!("valid for {days} days, until {date}"))
    }
}

/// Seconds since 1970 between which it is valid.
fn period(der: &[u8]) -> Option<(i64, i64)> {
    let validity = x509_cert::Certificate::from_der(der).ok()?.tbs_certificate.validity;
    let seconds = |time: x509_cert::time::Time| i64::try_from(time.to_unix_duration().as_secs()).ok();
    Some((seconds(validity.not_before)?, seconds(validity.not_after)?))
}
