//! TLS and mutual TLS, with certificates made for the test.

use std::path::PathBuf;

use portolan_grpc::{BindError, ClientCertificates, GrpcOptions, GrpcSource, TlsOptions};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, SanType};
use tempfile::TempDir;
use tonic::{
    client::Grpc,
    transport::{Certificate, Channel, ClientTlsConfig, Endpoint, Identity},
};

use crate::{
    client::{Server, bytes, call},
    intake::FakeIntake,
};

struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    folder: TempDir,
}

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let authority = Self { issuer, folder: TempDir::new().unwrap() };
        authority.write("ca.pem", &authority.issuer.pem());
        authority
    }

    fn write(&self, name: &str, content: &str) -> PathBuf {
        let path = self.folder.path().join(name);
        std::fs::write(&path, content).unwrap();
        path
    }

    fn issue(&self, name: SanType) -> (String, String) {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::default();
        params.subject_alt_names = vec![name];
        (params.signed_by(&key, &self.issuer).unwrap().pem(), key.serialize_pem())
    }

    fn options(&self, client: ClientCertificates) -> GrpcOptions {
        let (certificate, key) = self.issue(SanType::DnsName("gateway.test".try_into().unwrap()));
        let tls = TlsOptions {
            certificate: self.write("gateway.pem", &certificate),
            key: self.write("gateway.key", &key),
            client,
        };
        GrpcOptions { listen: "127.0.0.1:0".parse().unwrap(), tls: Some(tls), ..GrpcOptions::default() }
    }

    async fn who(&self, server: &Server, identity: Option<(String, String)>) -> Result<String, String> {
        let mut tls = ClientTlsConfig::new()
            .ca_certificate(Certificate::from_pem(self.issuer.pem()))
            .domain_name("gateway.test");
        if let Some((certificate, key)) = identity {
            tls = tls.identity(Identity::from_pem(certificate, key));
        }
        let endpoint = Endpoint::from_shared(format!("https://{}", server.address)).unwrap();
        let channel: Channel = endpoint.tls_config(tls).unwrap().connect_lazy();
        match call(&Grpc::new(channel), "/test.Echo/Who", bytes(b"")).await {
            Ok(reply) => Ok(String::from_utf8(reply.into_inner().to_vec()).unwrap()),
            Err(status) => Err(status.code().to_string()),
        }
    }
}

#[tokio::test]
async fn callers_are_known_by_their_certificates() {
    let authority = Authority::new();
    let authorities = authority.folder.path().join("ca.pem");
    let portal = || Some(authority.issue(SanType::URI("spiffe://civic/portal".try_into().unwrap())));
    let stranger = || Some(Authority::new().issue(SanType::DnsName("stranger.test".try_into().unwrap())));
    let known = || Ok("spiffe://civic/portal".to_owned());
    let nobody = || Ok("nobody".to_owned());
    let refused = || Err(());

    let check = async |client: ClientCertificates, expected: [Result<String, ()>; 3]| {
        let server = Server::start(FakeIntake::new(), authority.options(client.clone())).await;
        for (identity, expected) in [None, portal(), stranger()].into_iter().zip(expected) {
            let shown = identity.is_some();
            let who = authority.who(&server, identity).await.map_err(drop);
            assert_eq!(who, expected, "{client:?}, certificate shown: {shown}");
        }
    };
    check(ClientCertificates::NotAsked, [nobody(), nobody(), nobody()]).await;
    let optional = ClientCertificates::Optional { authorities: authorities.clone() };
    check(optional, [nobody(), known(), refused()]).await;
    check(ClientCertificates::Required { authorities }, [refused(), known(), refused()]).await;
}

#[tokio::test]
async fn what_is_wrong_with_the_files_is_said() {
    let authority = Authority::new();
    let other = authority.write("other.key", &KeyPair::generate().unwrap().serialize_pem());
    let empty = authority.write("empty.pem", "");
    let broken =
        authority.write("broken.pem", "-----BEGIN CERTIFICATE-----\n????\n-----END CERTIFICATE-----\n");
    let absent = authority.folder.path().join("absent.pem");
    let good = authority.options(ClientCertificates::NotAsked).tls.unwrap();
    let check = async |tls: TlsOptions, expected: &str| {
        let options =
            GrpcOptions { listen: "127.0.0.1:0".parse().unwrap(), tls: Some(tls), ..GrpcOptions::default() };
        let error: BindError = GrpcSource::bind(options, FakeIntake::new()).await.err().unwrap();
        assert!(error.to_string().contains(expected), "{error}");
    };
    check(TlsOptions { key: other, ..good.clone() }, "gateway.pem cannot be used").await;
    check(TlsOptions { key: empty.clone(), ..good.clone() }, "empty.pem holds no private key").await;
    check(TlsOptions { certificate: empty.clone(), ..good.clone() }, "empty.pem holds no certificate").await;
    check(TlsOptions { certificate: broken, ..good.clone() }, "broken.pem as PEM").await;
    check(TlsOptions { certificate: absent, ..good.clone() }, "cannot read").await;
    let client = ClientCertificates::Required { authorities: empty };
    check(TlsOptions { client, ..good }, "empty.pem holds no certificate").await;
}
