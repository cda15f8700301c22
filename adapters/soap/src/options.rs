//! How one SOAP system is reached: what `systems.<name>.soap` of `portolan.yaml` may hold, and what its values mean.

use std::{collections::BTreeMap, fmt, net::IpAddr, time::Duration};

use portolan_tls::TlsOptions;
use serde::Deserialize;

/// What is typed for one system. `Debug` shows neither addresses nor secrets.
#[derive(Clone, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct SoapOptions {
    /// Where the service listens: `https://register.example/soap`. The address in the WSDL is not used.
    pub endpoint: String,
    /// How long the system has for one call, for whoever fills [`portolan_delivery::Outgoing::timeout`].
    #[serde(default = "default_timeout", deserialize_with = "duration")]
    pub timeout: Duration,
    /// How long name lookup, TCP and TLS may take together.
    #[serde(default = "default_connect_timeout", deserialize_with = "duration")]
    pub connect_timeout: Duration,
    /// Calls at once; as many connections are kept open.
    #[serde(default = "default_max_concurrency")]
    pub max_concurrency: usize,
    /// Calls that may wait for one of those; more are refused at once.
    #[serde(default = "default_max_waiting")]
    pub max_waiting: usize,
    /// How long an unused connection is kept. Less than what servers usually grant (5 s in Node, 15 s in Apache
    /// httpd, 20 s in Tomcat), so that a call seldom meets a connection that the server is closing.
    #[serde(default = "default_idle_timeout", deserialize_with = "duration")]
    pub idle_timeout: Duration,
    /// HTTP Basic authentication.
    #[serde(default)]
    pub auth: Option<Auth>,
    /// WS-Security: a user in the envelope itself.
    #[serde(default)]
    pub ws_security: Option<WsSecurity>,
    /// Whom to trust, and what to show.
    #[serde(default)]
    pub tls: TlsOptions,
    /// Standing HTTP headers, sent with every call.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// The greatest reply, as it travels and inflated.
    #[serde(default = "default_max_reply_bytes")]
    pub max_reply_bytes: usize,
    /// How many redirections one call follows, within the server of `endpoint`; none, where it is 0.
    #[serde(default = "default_max_redirects")]
    pub max_redirects: usize,
    /// Asks the system to compress its replies. Compressed ones are read in any case.
    #[serde(default)]
    pub compression: bool,
}

/// HTTP Basic authentication (RFC 7617).
#[derive(Clone, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Auth {
    /// The user.
    pub username: String,
    /// The password.
    pub password: String,
}

/// A UsernameToken of WS-Security (OASIS WSS UsernameToken Profile 1.1).
#[derive(Clone, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct WsSecurity {
    /// The user.
    pub username: String,
    /// The password.
    pub password: String,
    /// How the password is shown. There is no default: no system takes both, and none says which.
    #[serde(rename = "type")]
    pub password_type: PasswordType,
    /// For how long a message is valid (`wsu:Timestamp`); without it the header does not say.
    #[serde(default, deserialize_with = "some_duration")]
    pub timestamp: Option<Duration>,
    /// Whether a system that does not know WS-Security must refuse the message (`mustUnderstand`).
    #[serde(default)]
    pub must_understand: bool,
}

/// How a UsernameToken shows its password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PasswordType {
    /// `PasswordText`: as it is.
    Text,
    /// `PasswordDigest`: as a digest of it, a nonce and the time.
    Digest,
}

impl SoapOptions {
    /// Whether somebody who listens to the network can read a password: it is sent as it is, without TLS, and leaves this
    /// machine.
    pub fn readable_password(&self) -> bool {
        let Ok(uri) = self.endpoint.parse::<http::Uri>() else { return false };
        let text = |token: &WsSecurity| token.password_type == PasswordType::Text;
        let shown = self.auth.is_some() || self.ws_security.as_ref().is_some_and(text);
        let host = uri.host().unwrap_or_default().trim_matches(['[', ']']);
        let loopback = host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback());
        shown && uri.scheme_str() == Some("http") && !loopback
    }

    /// An endpoint, and defaults for all else.
    pub fn new(endpoint: impl Into<String>) -> Self {
        Self {
            endpoint: endpoint.into(),
            timeout: default_timeout(),
            connect_timeout: default_connect_timeout(),
            max_concurrency: default_max_concurrency(),
            max_waiting: default_max_waiting(),
            idle_timeout: default_idle_timeout(),
            auth: None,
            ws_security: None,
            tls: TlsOptions::default(),
            headers: BTreeMap::new(),
            max_reply_bytes: default_max_reply_bytes(),
            max_redirects: default_max_redirects(),
            compression: false,
        }
    }
}

fn default_timeout() -> Duration {
    Duration::from_secs(30)
}

fn default_connect_timeout() -> Duration {
    Duration::from_secs(5)
}

fn default_max_concurrency() -> usize {
    64
}

fn default_max_waiting() -> usize {
    1024
}

fn default_idle_timeout() -> Duration {
    Duration::from_secs(4)
}

fn default_max_reply_bytes() -> usize {
    8 * 1024 * 1024
}

fn default_max_redirects() -> usize {
    3
}

impl fmt::Debug for SoapOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SoapOptions")
            .field("endpoint", &"(hidden)")
            .field("timeout", &self.timeout)
            .field("connect_timeout", &self.connect_timeout)
            .field("max_concurrency", &self.max_concurrency)
            .field("max_waiting", &self.max_waiting)
            .field("idle_timeout", &self.idle_timeout)
            .field("auth", &self.auth)
            .field("ws_security", &self.ws_security)
            .field("tls", &self.tls)
            .field("headers", &self.headers.keys().collect::<Vec<_>>())
            .field("max_reply_bytes", &self.max_reply_bytes)
            .field("max_redirects", &self.max_redirects)
            .field("compression", &self.compression)
            .finish()
    }
}

impl fmt::Debug for Auth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Auth(hidden)")
    }
}

impl fmt::Debug for WsSecurity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WsSecurity(hidden)")
    }
}

fn some_duration<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Option<Duration>, D::Error> {
    duration(from).map(Some)
}

/// Reads `250ms`, `5s`, `2m`, `1h`.
pub(crate) fn duration<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
    let text = String::deserialize(from)?;
    parse_duration(&text).ok_or_else(|| {
        serde::de::Error::custom(
            "not a duration; write a whole number and its unit: `250ms`, `5s`, `2m`, `1h`",
        )
    })
}

fn parse_duration(text: &str) -> Option<Duration> {
    let unit_at = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = text.split_at(unit_at);
    let number: u64 = number.parse().ok()?;
    let milliseconds = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        _ => return None,
    };
    number.checked_mul(milliseconds).map(Duration::from_millis)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_a_system_may_hold() {
        let options: SoapOptions = serde_saphyr::from_str(
            "{ endpoint: 'https://canary.example/soap', timeout: 5s, connect-timeout: 250ms, max-concurrency: 8, \
             auth: { username: portal, password: canary-secret }, \
             ws-security: { username: canary-user, password: canary-token, type: digest, timestamp: 5m }, headers: { X-Key: canary-key }, \
             tls: { ca: ca.pem } }",
        )
        .unwrap();
        assert_eq!(options.timeout, Duration::from_secs(5));
        assert_eq!(options.connect_timeout, Duration::from_millis(250));
        assert_eq!(options.max_reply_bytes, 8 * 1024 * 1024);
        let token = options.ws_security.as_ref().unwrap();
        assert_eq!(token.timestamp, Some(Duration::from_secs(300)));
        assert_eq!((token.password_type, token.must_understand), (PasswordType::Digest, false));
        let shown = format!("{options:?}");
        assert!(!shown.contains("canary"), "{shown}");
    }

    #[test]
    fn refuses_what_it_does_not_know() {
        for (text, expected) in [
            ("{ endpoint: 'http://x/', time-out: 5s }", "time-out"),
            ("{ endpoint: 'http://x/', timeout: 5 }", "not a duration"),
            ("{ endpoint: 'http://x/', timeout: 5 s }", "not a duration"),
            ("{ endpoint: 'http://x/', timeout: 99999999999999999999h }", "not a duration"),
            ("{ timeout: 5s }", "endpoint"),
            ("{ endpoint: 'http://x/', ws-security: { username: u, password: p } }", "type"),
            ("{ endpoint: 'http://x/', ws-security: { username: u, password: p, type: hash } }", "hash"),
        ] {
            let error = serde_saphyr::from_str::<SoapOptions>(text).unwrap_err().to_string();
            assert!(error.contains(expected), "{text}: {error}");
        }
    }

    #[test]
    fn a_password_is_readable_that_leaves_the_machine_as_it_is() {
        let token = |password_type| WsSecurity {
            username: "u".into(),
            password: "p".into(),
            password_type,
            timestamp: None,
            must_understand: false,
        };
        let basic = Some(Auth { username: "u".into(), password: "p".into() });
        let text = Some(token(PasswordType::Text));
        let digest = Some(token(PasswordType::Digest));
        for (endpoint, auth, ws_security, expected) in [
            ("http://register.example/soap", &None, &None, false),
            ("http://register.example/soap", &basic, &None, true),
            ("http://register.example/soap", &None, &text, true),
            ("http://register.example/soap", &None, &digest, false),
            ("https://register.example/soap", &basic, &text, false),
            ("http://localhost:8080/soap", &basic, &None, false),
            ("http://127.1.2.3/soap", &basic, &None, false),
            ("http://[::1]:80/soap", &basic, &None, false),
            ("http://10.0.0.1/soap", &basic, &None, true),
        ] {
            let mut options = SoapOptions::new(endpoint);
            (options.auth, options.ws_security) = (auth.clone(), ws_security.clone());
            assert_eq!(options.readable_password(), expected, "{options:?} {endpoint}");
        }
    }
}
