//! The client's side of TLS: whom it trusts, and the certificate that it shows.

use std::{path::Path, sync::Arc};

use rustls::{
    ClientConfig, RootCertStore,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
};

use crate::{OptionsError, TlsOptions};

/// The configuration for a system; `encrypted` says whether it will be used at all.
pub(crate) fn client_config(options: &TlsOptions, encrypted: bool) -> Result<ClientConfig, OptionsError> {
    let roots = match &options.ca {
        Some(file) => authorities(file)?,
        None if encrypted => machine_authorities()?,
        None => RootCertStore::empty(),
    };
    let trusting = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(tls)?
        .with_root_certificates(roots);
    match (&options.cert, &options.key) {
        (None, None) => Ok(trusting.with_no_client_auth()),
        (Some(cert), Some(key)) => {
            let key = PrivateKeyDer::from_pem_file(key).map_err(|e| pem(key, &e))?;
            trusting.with_client_auth_cert(certificates(cert)?, key).map_err(tls)
        }
        _ => Err(OptionsError::HalfIdentity),
    }
}

fn authorities(file: &Path) -> Result<RootCertStore, OptionsError> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(file)? {
        roots.add(certificate).map_err(|e| pem(file, &e))?;
    }
    Ok(roots)
}

fn machine_authorities() -> Result<RootCertStore, OptionsError> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if roots.is_empty() { Err(OptionsError::NoAuthorities) } else { Ok(roots) }
}

fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, OptionsError> {
    let found: Vec<_> = CertificateDer::pem_file_iter(file)
        .and_then(Iterator::collect::<Result<_, _>>)
        .map_err(|e| pem(file, &e))?;
    if found.is_empty() {
        return Err(OptionsError::Pem(file.to_owned(), "there is no certificate in it".to_owned()));
    }
    Ok(found)
}

fn pem(file: &Path, error: &dyn std::fmt::Display) -> OptionsError {
    OptionsError::Pem(file.to_owned(), error.to_string())
}

fn tls(error: rustls::Error) -> OptionsError {
    OptionsError::Tls(error.to_string())
}
