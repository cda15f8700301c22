//! A call as it goes out: path, metadata, deadline and the framed message, with a witness of its being taken.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use base64::{
    Engine as _, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use http::{
    HeaderMap, HeaderName, HeaderValue, Method, Request, Uri, Version,
    header::{CONTENT_TYPE, TE, USER_AGENT},
    uri::{PathAndQuery, Scheme},
};
use http_body_util::{BodyExt as _, Full};
use portolan_delivery::{Outgoing, SendError, Sent};
use portolan_schema::Protocol;

use super::{Options, OptionsError, error::not_sendable, target::Body};
use crate::{codec, deadline};

const GRPC_TIMEOUT: HeaderName = HeaderName::from_static("grpc-timeout");
const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
/// <https://www.w3.org/TR/trace-context/>
const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

/// Values of `-bin` metadata come with and without padding (PROTOCOL-HTTP2, "Binary-Header").
pub(super) const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Whether a message was taken for sending: the only proof that a call was not sent. HTTP/2 sends the head of a request first;
/// as long as the message was not taken after it, the system has nothing that it could carry out.
#[derive(Debug, Clone, Default)]
pub(super) struct Taken(Arc<AtomicBool>);

impl Taken {
    /// What may be said of the call if it fails now.
    pub(super) fn sent(&self) -> Sent {
        if self.0.load(Ordering::Acquire) { Sent::Maybe } else { Sent::No }
    }
}

/// What all calls to one system have in common.
pub(super) struct Envelope {
    uri: Uri,
    /// The metadata of every call.
    standing: HeaderMap,
}

impl std::fmt::Debug for Envelope {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Envelope(hidden)")
    }
}

impl Envelope {
    pub(super) fn new(options: &Options) -> Result<Self, OptionsError> {
        let mut standing = HeaderMap::new();
        standing.insert(TE, HeaderValue::from_static("trailers"));
        standing.insert(CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
        standing
            .insert(USER_AGENT, HeaderValue::from_static(concat!("portolan/", env!("CARGO_PKG_VERSION"))));
        for (name, value) in &options.metadata {
            let refused = || OptionsError::Metadata(name.clone());
            let known: HeaderName = name.parse().map_err(|_| refused())?;
            if is_own(known.as_str()) {
                return Err(OptionsError::OwnMetadata(name.clone()));
            }
            let of_metadata =
                |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_-.".contains(&byte);
            let is_name = name.bytes().all(of_metadata);
            let binary = name.ends_with("-bin");
            if !is_name || (binary && BASE64.decode(value).is_err()) || !value.bytes().all(printable) {
                return Err(refused());
            }
            let mut value = HeaderValue::from_str(value).map_err(|_| refused())?;
            value.set_sensitive(true);
            standing.insert(known, value);
        }
        Ok(Self { uri: options.uri()?, standing })
    }

    /// The call, for a system that has so long.
    pub(super) fn request(
        &self,
        outgoing: &Outgoing,
        timeout: Duration,
        taken: &Taken,
    ) -> Result<Request<Body>, SendError> {
        let Protocol::Grpc { path, client_streaming: false, server_streaming: false, .. } =
            &*outgoing.protocol
        else {
            return Err(not_sendable("the route's target is no unary method of gRPC"));
        };
        let path = PathAndQuery::try_from(path.as_str())
            .map_err(|_| not_sendable("the method's name cannot be the path of a call"))?;
        let message = codec::framed(&outgoing.payload)
            .ok_or_else(|| not_sendable("the message is larger than gRPC can tell (4 GiB)"))?;
        let mut request = self.asking(path, timeout);
        if let Some(key) = &outgoing.idempotency_key {
            let value = HeaderValue::from_str(key).ok().filter(|_| key.bytes().all(printable));
            let mut value = value.ok_or_else(|| {
                not_sendable("the idempotency key has characters that metadata must not have")
            })?;
            value.set_sensitive(true);
            request.headers_mut().insert(IDEMPOTENCY_KEY, value);
        }
        if let Some(Ok(value)) = outgoing.traceparent.as_deref().map(HeaderValue::from_str) {
            request.headers_mut().insert(TRACEPARENT, value);
        }
        let taken = taken.0.clone();
        let noted = Full::new(message).map_frame(move |frame| {
            taken.store(true, Ordering::Release);
            frame
        });
        Ok(request.map(|()| noted.boxed_unsync()))
    }

    /// A call without a message.
    pub(super) fn asking(&self, path: PathAndQuery, timeout: Duration) -> Request<()> {
        let mut uri = self.uri.clone().into_parts();
        uri.scheme.get_or_insert(Scheme::HTTP);
        uri.path_and_query = Some(path);
        let mut request = Request::new(());
        *request.method_mut() = Method::POST;
        *request.version_mut() = Version::HTTP_2;
        // Scheme and authority were there, and a path is: there is nothing left to refuse.
        *request.uri_mut() = Uri::from_parts(uri).unwrap_or_default();
        *request.headers_mut() = self.standing.clone();
        if let Ok(value) = HeaderValue::try_from(deadline::written(timeout)) {
            request.headers_mut().insert(GRPC_TIMEOUT, value);
        }
        request
    }
}

/// What the protocol itself has (PROTOCOL-HTTP2, "Request-Headers"), and what HTTP/2 does not allow.
fn is_own(name: &str) -> bool {
    name.starts_with("grpc-")
        || matches!(
            name,
            "te" | "content-type"
                | "content-length"
                | "user-agent"
                | "host"
                | "connection"
                | "keep-alive"
                | "proxy-connection"
                | "transfer-encoding"
                | "upgrade"
        )
}

/// PROTOCOL-HTTP2, "ASCII-Value".
fn printable(byte: u8) -> bool {
    (b' '..=b'~').contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metadata_is_what_grpc_allows() {
        let check = |name: &str, value: &str, expected: Result<(), &str>| {
            let mut options = Options::new("http://localhost:1");
            options.metadata.insert(name.to_owned(), value.to_owned());
            match (Envelope::new(&options), expected) {
                (Ok(envelope), Ok(())) => assert_eq!(envelope.standing[name], value),
                (Err(error), Err(part)) => assert!(error.to_string().contains(part), "{name}: {error}"),
                (found, _) => panic!("{name}: {found:?}"),
            }
        };
        check("x-tenant", "a", Ok(()));
        check("authorization", "Bearer canary", Ok(()));
        check("trace.id_1", "", Ok(()));
        check("key-bin", "AAECAw==", Ok(()));
        check("key-bin", "AAECAw", Ok(()));
        check("key-bin", "~", Err("`key-bin` is no name of metadata"));
        check("X-Tenant", "a", Err("`X-Tenant` is no name of metadata"));
        check("x tenant", "a", Err("`x tenant` is no name of metadata"));
        check("x-tenant", "ä", Err("`x-tenant` is no name of metadata"));
        check("x-tenant", "a\nb", Err("`x-tenant` is no name of metadata"));
        check("grpc-timeout", "1S", Err("`grpc-timeout` is written by Portolan"));
        check("te", "trailers", Err("`te` is written by Portolan"));
        check("Content-Type", "text/plain", Err("`Content-Type` is written by Portolan"));
    }
}
