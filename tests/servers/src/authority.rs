//! A certificate authority for the length of a test.

use std::path::PathBuf;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DistinguishedName, DnType, IsCa, KeyPair};

/// Issues certificates into a folder of its own.
pub struct Authority {
    folder: tempfile::TempDir,
    issuer: CertifiedIssuer<'static, KeyPair>,
}

/// A certificate and its key, as PEM files.
#[derive(Debug, Clone)]
pub struct Certificate {
    /// The certificate.
    pub certificate: PathBuf,
    /// Its key.
    pub key: PathBuf,
}

/// What a server is started with.
pub struct ServerTls<'a> {
    /// Its own certificate.
    pub shows: Certificate,
    /// Who issues certificates of clients.
    pub clients: &'a Authority,
    /// Whether a client must show one.
    pub demands: bool,
}

impl Authority {
    /// One that nobody trusts yet.
    pub fn new() -> Self {
        let mut params = CertificateParams::default();
        params.distinguished_name = named("authority");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("ca.pem"), issuer.pem()).unwrap();
        Self { folder, issuer }
    }

    /// Its own certificate.
    pub fn file(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    /// One for this name.
    pub fn certificate(&self, name: &str) -> Certificate {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new([name.to_owned()]).unwrap();
        params.distinguished_name = named(name);
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let file = |kind: &str, pem: String| {
            let path = self.folder.path().join(format!("{name}.{kind}"));
            std::fs::write(&path, pem).unwrap();
            path
        };
        Certificate { certificate: file("pem", certificate.pem()), key: file("key", key.serialize_pem()) }
    }

    /// A server for `localhost`, to which any client may come.
    pub fn server(&self) -> ServerTls<'_> {
        ServerTls { shows: self.certificate("localhost"), clients: self, demands: false }
    }
}

/// OpenSSL takes a certificate for self-signed where its issuer has the same name.
fn named(name: &str) -> DistinguishedName {
    let mut all = DistinguishedName::new();
    all.push(DnType::CommonName, name);
    all
}

impl Default for Authority {
    fn default() -> Self {
        Self::new()
    }
}
