//! TLS both ways: whom the target trusts, what it shows, and that a refusal is never taken for an attempt.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::{path::PathBuf, sync::Arc, time::Duration};

use bytes::Bytes;
use portolan_delivery::{MessageId, Outgoing, SendError, Sent, Target};
use portolan_schema::{Protocol, SoapBinding, SoapVersion};
use portolan_soap::{SoapOptions, SoapTarget, probe};
use rcgen::{CertificateParams, CertifiedIssuer, KeyPair};
use rustls::{
    RootCertStore, ServerConfig,
    crypto::ring,
    pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer},
    server::WebPkiClientVerifier,
    version::{TLS12, TLS13},
};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};
use tokio_rustls::TlsAcceptor;

const REPLY: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 77\r\n\r\n\
    <s:Envelope xmlns:s='http://schemas.xmlsoap.org/soap/envelope/'></s:Envelope>";

type Authority = CertifiedIssuer<'static, KeyPair>;

fn authority() -> Authority {
    let mut params = CertificateParams::default();
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

/// A certificate for `localhost` and its key.
fn certificate(by: &Authority) -> (rcgen::Certificate, KeyPair) {
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(["localhost".to_owned()]).unwrap();
    (params.signed_by(&key, by).unwrap(), key)
}

/// A server with a certificate of `own`, which asks for one of `clients`.
async fn server(
    own: &Authority,
    clients: &Authority,
    version: &'static rustls::SupportedProtocolVersion,
) -> String {
    let (certificate, key) = certificate(own);
    let mut trusted = RootCertStore::empty();
    trusted.add(clients.der().clone()).unwrap();
    let provider = Arc::new(ring::default_provider());
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(trusted), Arc::clone(&provider))
        .build()
        .unwrap();
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[version])
        .unwrap()
        .with_client_cert_verifier(verifier)
        .with_single_cert(vec![certificate.der().clone()], key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            match acceptor.accept(stream).into_fallible().await {
                Ok(mut stream) => {
                    let _ = stream.read(&mut [0; 4096]).await;
                    let _ = stream.write_all(REPLY).await;
                    let _ = stream.shutdown().await;
                }
                // Closing with the caller's request unread would reset the connection, and the alert could be lost on
                // its way; the target then says CONNECTION_LOST, which is as much as it can know.
                Err((_, mut stream)) => _ = stream.read(&mut [0; 4096]).await,
            }
        }
    });
    format!("https://localhost:{port}/")
}

fn file(folder: &TempDir, name: &str, pem: String) -> PathBuf {
    let path = folder.path().join(name);
    std::fs::write(&path, pem).unwrap();
    path
}

async fn ask(options: SoapOptions) -> Result<Bytes, SendError> {
    let binding =
        SoapBinding { version: SoapVersion::V11, action: String::new(), address: None, one_way: None };
    let outgoing = Outgoing {
        message: MessageId::generate(),
        payload: Bytes::from_static(b"<request/>"),
        protocol: Arc::new(Protocol::Soap(binding)),
        timeout: Duration::from_secs(20),
        idempotency_key: None,
        traceparent: None,
    };
    SoapTarget::new(&options).unwrap().send(outgoing).await
}

#[tokio::test]
async fn both_sides_are_known_or_nothing_is_sent() {
    let folder = TempDir::new().unwrap();
    let (ours, others) = (authority(), authority());
    let (certificate, key) = {
        let (certificate, key) = certificate(&ours);
        (file(&folder, "cert.pem", certificate.pem()), file(&folder, "key.pem", key.serialize_pem()))
    };
    let (own_ca, other_ca) = (file(&folder, "own.pem", ours.pem()), file(&folder, "other.pem", others.pem()));
    for version in [&TLS12, &TLS13] {
        let knows_us = server(&ours, &ours, version).await;
        let knows_others = server(&ours, &others, version).await;
        for (name, endpoint, ca, shows, expected) in [
            ("known", &knows_us, &own_ca, true, None),
            ("without certificate", &knows_us, &own_ca, false, Some("it refuses this side in TLS")),
            ("with one of a stranger", &knows_others, &own_ca, true, Some("it refuses this side in TLS")),
            (
                "of an unknown authority",
                &knows_us,
                &other_ca,
                true,
                Some("its certificate is of an authority that is not trusted here"),
            ),
        ] {
            let mut options = SoapOptions::new(endpoint.clone());
            options.tls.ca = Some(ca.clone());
            if shows {
                (options.tls.cert, options.tls.key) = (Some(certificate.clone()), Some(key.clone()));
            }
            match probe(&options).await {
                Ok(probe) => {
                    assert_eq!(expected, None, "{name}");
                    assert_eq!((probe.status.as_u16(), probe.certificates.len()), (200, 1), "{name}");
                }
                Err(error) => assert_eq!(Some(&*error.said), expected, "{name}"),
            }
            match ask(options).await {
                Ok(_) => assert_eq!(expected, None, "{name}"),
                Err(error) => {
                    assert!(expected.is_some(), "{name}: {error:?}");
                    assert_eq!((error.reason, error.sent), ("TLS_REFUSED", Sent::No), "{name}: {error:?}");
                }
            }
        }
    }
}
