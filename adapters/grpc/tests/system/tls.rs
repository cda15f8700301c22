//! TLS both ways: whom the target trusts, what it shows, and that a refusal is never taken for an attempt.

use std::{path::PathBuf, sync::Arc};

use portolan_delivery::Sent;
use portolan_grpc::{
    GrpcTarget,
    system::{Health, Options, probe},
};
use rcgen::{CertificateParams, CertifiedIssuer, KeyPair};
use rustls::{
    RootCertStore, ServerConfig, SupportedProtocolVersion,
    crypto::ring,
    pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer},
    server::WebPkiClientVerifier,
    version::{TLS12, TLS13},
};
use tempfile::TempDir;
use tokio::{io::AsyncReadExt as _, net::TcpListener};
use tokio_rustls::TlsAcceptor;
use tonic::transport::{Certificate, Identity, ServerTlsConfig};

use crate::{asking::ask, ledger::Ledger};

type Authority = CertifiedIssuer<'static, KeyPair>;

fn authority() -> Authority {
    let mut params = CertificateParams::default();
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

/// A certificate for a name, and its key.
fn certificate(by: &Authority, name: &str) -> (rcgen::Certificate, KeyPair) {
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new([name.to_owned()]).unwrap();
    (params.signed_by(&key, by).unwrap(), key)
}

fn file(folder: &TempDir, name: &str, pem: &str) -> PathBuf {
    let path = folder.path().join(name);
    std::fs::write(&path, pem).unwrap();
    path
}

/// The ledger with a certificate of `own` for a name, which asks for one of `clients`.
async fn ledger(own: &Authority, name: &str, clients: &Authority) -> String {
    let (certificate, key) = certificate(own, name);
    let tls = ServerTlsConfig::new()
        .identity(Identity::from_pem(certificate.pem(), key.serialize_pem()))
        .client_ca_root(Certificate::from_pem(clients.pem()));
    let address = Ledger::default().serve(Some(tls)).await;
    format!("https://localhost:{}", address.port())
}

#[tokio::test]
async fn both_sides_are_known() {
    let folder = TempDir::new().unwrap();
    let (ours, others) = (authority(), authority());
    let (shown, key) = certificate(&ours, "gateway.example");
    let mut options = Options::new(ledger(&ours, "localhost", &ours).await);
    options.tls.ca = Some(file(&folder, "ca.pem", &ours.pem()));
    options.tls.cert = Some(file(&folder, "cert.pem", &shown.pem()));
    options.tls.key = Some(file(&folder, "key.pem", &key.serialize_pem()));
    let target = GrpcTarget::new(&options).unwrap();
    for _ in 0..2 {
        assert_eq!(ask(&target, "Echo", "over TLS").await.unwrap(), "over TLS");
    }
    let probed = probe(&options).await.unwrap();
    assert_eq!((probed.health, probed.certificates.len()), (Health::Serving, 1));

    for (name, address, ca, said) in [
        (
            "of an unknown authority",
            &options.address,
            &others,
            "its certificate is of an authority that is not trusted here",
        ),
        (
            "for another name",
            &ledger(&ours, "other.example", &ours).await,
            &ours,
            "its certificate is for another name",
        ),
    ] {
        let mut options = options.clone();
        options.address.clone_from(address);
        options.tls.ca = Some(file(&folder, "other.pem", &ca.pem()));
        let error = ask(&GrpcTarget::new(&options).unwrap(), "Echo", "").await.unwrap_err();
        assert_eq!((error.sent, error.reason), (Sent::No, "TLS_REFUSED"), "{name}: {error:?}");
        assert_eq!(probe(&options).await.unwrap_err().said, said, "{name}");
    }
}

/// A server that refuses every client, by its alert and then by closing, with HTTP/2 or without.
async fn refusing(
    own: &Authority,
    clients: &Authority,
    version: &'static SupportedProtocolVersion,
    alpn: &[u8],
) -> String {
    let (certificate, key) = certificate(own, "localhost");
    let mut trusted = RootCertStore::empty();
    trusted.add(clients.der().clone()).unwrap();
    let provider = Arc::new(ring::default_provider());
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(trusted), Arc::clone(&provider))
        .build()
        .unwrap();
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[version])
        .unwrap()
        .with_client_cert_verifier(verifier)
        .with_single_cert(vec![certificate.der().clone()], key)
        .unwrap();
    config.alpn_protocols = vec![alpn.to_vec()];
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            // Closing with the caller's request unread would reset the connection, and the alert could be lost on its way.
            if let Err((_, mut stream)) = acceptor.accept(stream).into_fallible().await {
                while stream.read(&mut [0; 4096]).await.is_ok_and(|read| read > 0) {}
            }
        }
    });
    format!("https://localhost:{port}")
}

#[tokio::test]
async fn who_refuses_us_was_sent_nothing() {
    let folder = TempDir::new().unwrap();
    let (ours, others) = (authority(), authority());
    let (shown, key) = certificate(&ours, "gateway.example");
    let (cert, key) =
        (file(&folder, "cert.pem", &shown.pem()), file(&folder, "key.pem", &key.serialize_pem()));
    for version in [&TLS12, &TLS13] {
        for (name, alpn, shows) in [
            ("without certificate", b"h2".as_slice(), false),
            ("with one of a stranger", b"h2", true),
            ("without HTTP/2", b"http/1.1", true),
        ] {
            let mut options = Options::new(refusing(&ours, &others, version, alpn).await);
            options.tls.ca = Some(file(&folder, "ca.pem", &ours.pem()));
            if shows {
                (options.tls.cert, options.tls.key) = (Some(cert.clone()), Some(key.clone()));
            }
            let error = ask(&GrpcTarget::new(&options).unwrap(), "Echo", "").await.unwrap_err();
            assert_eq!(
                (error.sent, error.reason),
                (Sent::No, "TLS_REFUSED"),
                "{name} {version:?}: {error:?}"
            );
            assert_eq!(probe(&options).await.unwrap_err().said, "it refuses this side in TLS", "{name}");
        }
    }
}
