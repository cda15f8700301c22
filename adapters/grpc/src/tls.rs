//! TLS and mutual TLS by rustls, from PEM files that are read when the source is bound.

use std::{path::Path, sync::Arc};

use rustls::{
    RootCertStore, ServerConfig,
    pki_types::{CertificateDer, PrivateKeyDer, pem, pem::PemObject as _},
    server::{WebPkiClientVerifier, danger::ClientCertVerifier},
};
use tokio_rustls::TlsAcceptor;

use crate::{
    error::BindError,
    options::{ClientCertificates, TlsOptions},
};

/// What takes connections with these options. HTTP/2 is offered, and HTTP/1.1 where browsers may call.
pub(crate) fn acceptor(options: &TlsOptions, web: bool) -> Result<TlsAcceptor, BindError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let refused = |path: &Path, problem: String| BindError::Tls { path: path.to_owned(), problem };
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|error| refused(&options.certificate, error.to_string()))?;
    let builder = match client_verifier(&options.client, provider)? {
        Some(verifier) => builder.with_client_cert_verifier(verifier),
        None => builder.with_no_client_auth(),
    };
    let key = PrivateKeyDer::from_pem_file(&options.key).map_err(|error| match error {
        pem::Error::NoItemsFound => BindError::Missing { path: options.key.clone(), wanted: "private key" },
        error => unreadable(&options.key, &error),
    })?;
    let mut config = builder
        .with_single_cert(certificates(&options.certificate)?, key)
        .map_err(|error| refused(&options.certificate, error.to_string()))?;
    config.alpn_protocols = vec![b"h2".to_vec()];
    if web {
        config.alpn_protocols.push(b"http/1.1".to_vec());
    }
    Ok(TlsAcceptor::from(Arc::new(config)))
}

fn client_verifier(
    client: &ClientCertificates,
    provider: Arc<rustls::crypto::CryptoProvider>,
) -> Result<Option<Arc<dyn ClientCertVerifier>>, BindError> {
    let (authorities, required) = match client {
        ClientCertificates::NotAsked => return Ok(None),
        ClientCertificates::Optional { authorities } => (authorities, false),
        ClientCertificates::Required { authorities } => (authorities, true),
    };
    let refused = |problem: String| BindError::Tls { path: authorities.clone(), problem };
    let mut roots = RootCertStore::empty();
    for certificate in certificates(authorities)? {
        roots.add(certificate).map_err(|error| refused(error.to_string()))?;
    }
    let builder = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
    let builder = if required { builder } else { builder.allow_unauthenticated() };
    builder.build().map(Some).map_err(|error| refused(error.to_string()))
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, BindError> {
    let certificates: Vec<_> = CertificateDer::pem_file_iter(path)
        .and_then(Iterator::collect)
        .map_err(|error| unreadable(path, &error))?;
    if certificates.is_empty() {
        return Err(BindError::Missing { path: path.to_owned(), wanted: "certificate" });
    }
    Ok(certificates)
}

fn unreadable(path: &Path, error: &pem::Error) -> BindError {
    // The reader's own text may quote the file, and the file may be a key.
    let problem = match error {
        pem::Error::Io(error) => error.to_string(),
        _ => "it is not well-formed".to_owned(),
    };
    BindError::Pem { path: path.to_owned(), problem }
}
