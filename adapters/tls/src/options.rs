//! Whom a client trusts, and the certificate that it shows: PEM files.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use rustls::{
    ClientConfig, RootCertStore,
    crypto::ring,
    pki_types::{
        CertificateDer, PrivateKeyDer,
        pem::{self, PemObject},
    },
};
use serde::Deserialize;

/// TLS: PEM files.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct TlsOptions {
    /// The certificate authorities to trust; those of the machine where there is none.
    #[serde(default)]
    pub ca: Option<PathBuf>,
    /// The client's certificate chain, for mutual TLS.
    #[serde(default)]
    pub cert: Option<PathBuf>,
    /// The client's private key.
    #[serde(default)]
    pub key: Option<PathBuf>,
}

/// Why they cannot be used. Nothing of a file's contents is in the text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TlsError {
    /// A PEM file.
    #[error("{} cannot be used: {problem}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// A certificate without its key, or a key without its certificate.
    #[error("a certificate and its key go together: name both, or neither")]
    HalfIdentity,
    /// The machine trusts nobody.
    #[error("this machine has no certificate authorities of its own: name a file with `ca`")]
    NoAuthorities,
    /// rustls refuses the combination.
    #[error("{0}")]
    Refused(String),
}

impl TlsOptions {
    /// Whether anything is said.
    pub fn is_set(&self) -> bool {
        self.ca.is_some() || self.cert.is_some() || self.key.is_some()
    }

    /// Reads the files, and makes of them how to connect.
    ///
    /// # Errors
    /// One cannot be used, or they do not go together.
    pub fn client_config(&self) -> Result<ClientConfig, TlsError> {
        let roots = match &self.ca {
            Some(file) => authorities(file)?,
            None => machine_authorities()?,
        };
        self.trusting(roots)
    }

    /// Reads the files, for who may not need them: it is no error that the machine trusts nobody.
    ///
    /// # Errors
    /// One cannot be used, or they do not go together.
    pub fn check(&self) -> Result<ClientConfig, TlsError> {
        self.trusting(self.ca.as_deref().map_or_else(|| Ok(RootCertStore::empty()), authorities)?)
    }

    fn trusting(&self, roots: RootCertStore) -> Result<ClientConfig, TlsError> {
        let refused = |error: rustls::Error| TlsError::Refused(error.to_string());
        let trusting = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(refused)?
            .with_root_certificates(roots);
        match (&self.cert, &self.key) {
            (None, None) => Ok(trusting.with_no_client_auth()),
            (Some(cert), Some(key)) => {
                let secret =
                    PrivateKeyDer::from_pem_file(key).map_err(|e| unreadable(key, "private key", &e))?;
                trusting.with_client_auth_cert(certificates(cert)?, secret).map_err(|error| match error {
                    rustls::Error::General(_) => unusable(key, "it is no RSA, ECDSA or EdDSA key"),
                    rustls::Error::InconsistentKeys(_) => {
                        unusable(cert, &format!("it does not go with the key {}", key.display()))
                    }
                    error => unusable(cert, &error.to_string()),
                })
            }
            _ => Err(TlsError::HalfIdentity),
        }
    }
}

fn authorities(file: &Path) -> Result<RootCertStore, TlsError> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(file)? {
        roots.add(certificate).map_err(|error| unusable(file, &error.to_string()))?;
    }
    Ok(roots)
}

fn machine_authorities() -> Result<RootCertStore, TlsError> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if roots.is_empty() { Err(TlsError::NoAuthorities) } else { Ok(roots) }
}

fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let found: Result<Vec<_>, _> =
        CertificateDer::pem_file_iter(file).and_then(Iterator::collect::<Result<_, _>>);
    match found {
        Ok(found) if found.is_empty() => Err(unusable(file, "there is no certificate in it")),
        Ok(found) => Ok(found),
        Err(error) => Err(unreadable(file, "certificate", &error)),
    }
}

/// The reader's own text may quote the file, and the file may be a key.
fn unreadable(path: &Path, wanted: &str, error: &pem::Error) -> TlsError {
    match error {
        pem::Error::Io(error) => unusable(path, &error.to_string()),
        pem::Error::NoItemsFound => unusable(path, &format!("there is no {wanted} in it")),
        _ => unusable(path, "it is no well-formed PEM"),
    }
}

fn unusable(path: &Path, problem: &str) -> TlsError {
    TlsError::File { path: path.to_owned(), problem: problem.to_owned() }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use rcgen::{CertificateParams, KeyPair};

    use super::*;

    #[test]
    fn files_are_named_and_never_quoted() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            let path = folder.path().join(name);
            fs::write(&path, text).unwrap();
            Some(path)
        };
        let [mine, other] = [(); 2].map(|()| KeyPair::generate().unwrap());
        let own = CertificateParams::new(["localhost".to_owned()]).unwrap().self_signed(&mine).unwrap();
        let cert = write("cert.pem", &own.pem());
        let key = write("key.pem", &mine.serialize_pem());
        let strange = write("strange.pem", &other.serialize_pem());
        let broken = write("broken.pem", "-----BEGIN PRIVATE KEY-----\ncanary\n-----END PRIVATE KEY-----\n");
        let absent = Some(folder.path().join("absent.pem"));
        let check =
            |ca: &Option<PathBuf>, cert: &Option<PathBuf>, key: &Option<PathBuf>, expected: &[&str]| {
                let options = TlsOptions { ca: ca.clone(), cert: cert.clone(), key: key.clone() };
                let told = options.check().map_or_else(|e| e.to_string(), |_| "usable".to_owned());
                assert!(expected.iter().all(|part| told.contains(part)), "{told}");
                assert!(!told.contains("canary"), "{told}");
            };
        check(&None, &None, &None, &["usable"]);
        check(&cert, &cert, &key, &["usable"]);
        check(&absent, &None, &None, &["absent.pem cannot be used: No such file"]);
        check(&key, &None, &None, &["key.pem cannot be used: there is no certificate in it"]);
        check(&None, &cert, &None, &["go together"]);
        check(&None, &None, &key, &["go together"]);
        check(&None, &cert, &cert, &["cert.pem cannot be used: there is no private key in it"]);
        check(&None, &cert, &broken, &["broken.pem cannot be used"]);
        check(&None, &cert, &strange, &["cert.pem cannot be used", "the key", "strange.pem"]);
    }
}
