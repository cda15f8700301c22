//! The HTTP headers of a call: made once for each operation, and only copied on the path.

use std::sync::Arc;

use base64::{Engine, engine::general_purpose::STANDARD};
use http::{
    HeaderMap, HeaderName, HeaderValue, Uri,
    header::{
        ACCEPT_ENCODING, AUTHORIZATION, CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, HOST, TRANSFER_ENCODING,
        USER_AGENT,
    },
};
use parking_lot::RwLock;
use portolan_delivery::{Outgoing, SendError, Sent};
use portolan_schema::{Protocol, SoapBinding, SoapVersion};

use crate::{OptionsError, SoapOptions, error::reason};

const SOAP_ACTION: HeaderName = HeaderName::from_static("soapaction");
const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
/// <https://www.w3.org/TR/trace-context/>
const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

/// More operations than any route table has; beyond it the oldest are made anew.
const MOST_OPERATIONS: usize = 1024;

/// The headers of one system.
pub(crate) struct Headers {
    /// What every call carries.
    standing: HeaderMap,
    /// With what its binding says, by the identity of the protocol. Holding the protocol keeps its address from being
    /// given to another.
    operations: RwLock<Vec<(Arc<Protocol>, HeaderMap)>>,
}

impl std::fmt::Debug for Headers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Headers(hidden)")
    }
}

impl Headers {
    pub(crate) fn new(options: &SoapOptions, uri: &Uri) -> Result<Self, OptionsError> {
        let mut standing = HeaderMap::new();
        let host = uri.authority().map_or("", |authority| authority.as_str());
        standing.insert(HOST, HeaderValue::from_str(host).map_err(|_| OptionsError::Endpoint)?);
        standing
            .insert(USER_AGENT, HeaderValue::from_static(concat!("portolan/", env!("CARGO_PKG_VERSION"))));
        if options.compression {
            standing.insert(ACCEPT_ENCODING, HeaderValue::from_static("gzip, deflate"));
        }
        if let Some(auth) = &options.auth {
            let credentials = STANDARD.encode(format!("{}:{}", auth.username, auth.password));
            let mut value = HeaderValue::try_from(format!("Basic {credentials}"))
                .map_err(|_| OptionsError::Header(AUTHORIZATION.to_string()))?;
            value.set_sensitive(true);
            standing.insert(AUTHORIZATION, value);
        }
        for (name, value) in &options.headers {
            let refused = || OptionsError::Header(name.clone());
            let header: HeaderName = name.parse().map_err(|_| refused())?;
            let own = [CONTENT_TYPE, CONTENT_LENGTH, TRANSFER_ENCODING, CONNECTION, HOST, SOAP_ACTION];
            if own.contains(&header) || (header == AUTHORIZATION && options.auth.is_some()) {
                return Err(OptionsError::OwnHeader(name.clone()));
            }
            let mut value = HeaderValue::from_str(value).map_err(|_| refused())?;
            value.set_sensitive(true);
            standing.insert(header, value);
        }
        Ok(Self { standing, operations: RwLock::default() })
    }

    /// What every call carries.
    pub(crate) fn standing(&self) -> &HeaderMap {
        &self.standing
    }

    /// The headers of one call.
    pub(crate) fn of(&self, outgoing: &Outgoing) -> Result<HeaderMap, SendError> {
        let known = {
            let operations = self.operations.read();
            operations.iter().find(|(p, _)| Arc::ptr_eq(p, &outgoing.protocol)).map(|(_, h)| h.clone())
        };
        let mut headers = match known {
            Some(headers) => headers,
            None => self.remember(&outgoing.protocol)?,
        };
        if let Some(key) = &outgoing.idempotency_key {
            let mut value = HeaderValue::from_str(key).map_err(|_| {
                not_sendable("the idempotency key has characters that an HTTP header must not have")
            })?;
            value.set_sensitive(true);
            headers.insert(IDEMPOTENCY_KEY, value);
        }
        if let Some(Ok(value)) = outgoing.traceparent.as_deref().map(HeaderValue::from_str) {
            headers.insert(TRACEPARENT, value);
        }
        Ok(headers)
    }

    fn remember(&self, protocol: &Arc<Protocol>) -> Result<HeaderMap, SendError> {
        let Protocol::Soap(binding) = &**protocol else {
            return Err(not_sendable("the route's target is no SOAP operation"));
        };
        let mut headers = self.standing.clone();
        binding_headers(binding, &mut headers)?;
        let mut operations = self.operations.write();
        if operations.len() >= MOST_OPERATIONS {
            operations.remove(0);
        }
        operations.push((Arc::clone(protocol), headers.clone()));
        Ok(headers)
    }
}

/// SOAP 1.1, section 6.1; SOAP 1.2 part 2, section 7.1 and RFC 3902.
fn binding_headers(binding: &SoapBinding, headers: &mut HeaderMap) -> Result<(), SendError> {
    // A quote would end the quoted string: such an action is no URI.
    let value = |text: String| match HeaderValue::try_from(text) {
        Ok(value) if !binding.action.contains(['"', '\\']) => Ok(value),
        _ => Err(not_sendable("the WSDL's SOAPAction cannot be an HTTP header")),
    };
    match binding.version {
        SoapVersion::V11 => {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/xml; charset=utf-8"));
            headers.insert(SOAP_ACTION, value(format!("\"{}\"", binding.action))?);
        }
        SoapVersion::V12 if binding.action.is_empty() => {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/soap+xml; charset=utf-8"));
        }
        SoapVersion::V12 => {
            let content_type = format!("application/soap+xml; charset=utf-8; action=\"{}\"", binding.action);
            headers.insert(CONTENT_TYPE, value(content_type)?);
        }
    }
    Ok(())
}

/// What cannot be sent, now or ever.
pub(crate) fn not_sendable(message: &'static str) -> SendError {
    SendError::new(Sent::Never, reason::NOT_SENDABLE, message)
}
