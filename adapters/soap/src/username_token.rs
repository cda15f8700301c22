//! WS-Security's UsernameToken (OASIS WSS UsernameToken Profile 1.1), written into the envelope at the moment of sending: its
//! nonce is of one attempt, and its time is judged by the system's clock.

use std::fmt::Write as _;

use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use portolan_delivery::{SendError, Timestamp};
use quick_xml::{Reader, escape::escape, events::Event};
use ring::{
    digest,
    rand::{SecureRandom, SystemRandom},
};

use crate::{
    OptionsError,
    headers::not_sendable,
    options::{PasswordType, WsSecurity},
};

const SECEXT: &str = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd";
const UTILITY: &str = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd";
const PROFILE: &str = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-username-token-profile-1.0";
const BASE64: &str =
    "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-soap-message-security-1.0#Base64Binary";

/// As long as the profile's own examples have it, and too long to meet by chance.
type Nonce = [u8; 16];

/// What one system is shown.
#[derive(Debug)]
pub(crate) struct UsernameToken {
    options: WsSecurity,
}

impl UsernameToken {
    pub(crate) fn new(options: &WsSecurity) -> Result<Self, OptionsError> {
        let written = match options.password_type {
            PasswordType::Text => [options.username.as_str(), &options.password],
            PasswordType::Digest => [options.username.as_str(), ""],
        };
        // XML has no way to write most of them, and reads the others as something else.
        if written.iter().any(|text| text.contains(char::is_control)) {
            return Err(OptionsError::ControlCharacter);
        }
        if options.timestamp.is_some_and(|lifetime| lifetime.as_secs() == 0) {
            return Err(OptionsError::Zero("ws-security.timestamp"));
        }
        Ok(Self { options: options.clone() })
    }

    /// The envelope with the token among its headers, for one attempt.
    pub(crate) fn shown_in(&self, envelope: &[u8], now: Timestamp) -> Result<Bytes, SendError> {
        let mut nonce = Nonce::default();
        let random = SystemRandom::new().fill(&mut nonce);
        random.map_err(|_| not_sendable("this machine has no random numbers for a WS-Security nonce"))?;
        with_header(envelope, |soap| self.security(soap, &nonce, now))
            .ok_or_else(|| not_sendable("what was to be sent has no place for a WS-Security header"))
    }

    /// `wsse:Security`; `soap` is the prefix of the envelope's own namespace, with its colon.
    fn security(&self, soap: &str, nonce: &Nonce, now: Timestamp) -> String {
        let WsSecurity { username, password, password_type, timestamp, must_understand } = &self.options;
        let created = seconds(now);
        let mut header = format!("<wsse:Security xmlns:wsse=\"{SECEXT}\" xmlns:wsu=\"{UTILITY}\"");
        if *must_understand {
            let _ = write!(header, " {soap}mustUnderstand=\"1\"");
        }
        header.push('>');
        if let Some(lifetime) = timestamp {
            let expires = seconds(now.plus(*lifetime));
            let _ = write!(
                header,
                "<wsu:Timestamp><wsu:Created>{created}</wsu:Created><wsu:Expires>{expires}</wsu:Expires></wsu:Timestamp>"
            );
        }
        let (kind, password) = match password_type {
            PasswordType::Text => ("PasswordText", escape(password.as_str()).into_owned()),
            PasswordType::Digest => ("PasswordDigest", password_digest(nonce, &created, password)),
        };
        let _ = write!(
            header,
            "<wsse:UsernameToken><wsse:Username>{}</wsse:Username>\
             <wsse:Password Type=\"{PROFILE}#{kind}\">{password}</wsse:Password>\
             <wsse:Nonce EncodingType=\"{BASE64}\">{}</wsse:Nonce><wsu:Created>{created}</wsu:Created>\
             </wsse:UsernameToken></wsse:Security>",
            escape(username.as_str()),
            STANDARD.encode(nonce),
        );
        header
    }
}

/// Section 3.1 of the profile: Base64 of SHA-1 of nonce, time and password.
fn password_digest(nonce: &[u8], created: &str, password: &str) -> String {
    // The profile knows no other; it hides the password from who listens, and no more is claimed for it.
    let mut digest = digest::Context::new(&digest::SHA1_FOR_LEGACY_USE_ONLY);
    for part in [nonce, created.as_bytes(), password.as_bytes()] {
        digest.update(part);
    }
    STANDARD.encode(digest.finish())
}

/// To the second: there are receivers that read no fraction, and a time that is cut is never in the future.
fn seconds(time: Timestamp) -> String {
    Timestamp(time.0 - time.0.rem_euclid(1_000_000)).to_rfc3339()
}

/// The envelope with one more header, before all others. `None` where it is no envelope.
fn with_header(envelope: &[u8], header: impl FnOnce(&str) -> String) -> Option<Bytes> {
    let envelope = std::str::from_utf8(envelope).ok()?;
    let mut reader = Reader::from_str(envelope);
    let soap = loop {
        match reader.read_event().ok()? {
            Event::Start(root) if root.local_name().as_ref() == "Envelope" => {
                break root.name().prefix().map(|prefix| format!("{}:", prefix.as_ref())).unwrap_or_default();
            }
            Event::Decl(_) | Event::Comment(_) | Event::PI(_) => {}
            Event::Text(text) if text.trim().is_empty() => {}
            _ => return None,
        }
    };
    let header = header(&soap);
    loop {
        let before = usize::try_from(reader.buffer_position()).ok()?;
        let event = reader.read_event().ok()?;
        let after = usize::try_from(reader.buffer_position()).ok()?;
        let secured = match event {
            Event::Start(first) if first.local_name().as_ref() == "Header" => {
                let (open, rest) = envelope.split_at_checked(after)?;
                [open, &header, rest].concat()
            }
            Event::Empty(first) if first.local_name().as_ref() == "Header" => {
                let (open, rest) = envelope.split_at_checked(after)?;
                let open = open.strip_suffix("/>")?;
                format!("{open}>{header}</{soap}Header>{rest}")
            }
            Event::Start(_) | Event::Empty(_) => {
                let (open, rest) = envelope.split_at_checked(before)?;
                format!("{open}<{soap}Header>{header}</{soap}Header>{rest}")
            }
            Event::Text(_) | Event::Comment(_) | Event::PI(_) => continue,
            _ => return None,
        };
        return Some(Bytes::from(secured));
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const NOW: Timestamp = Timestamp(1_058_318_672_999_999);
    const NONCE: Nonce = *b"\x59\x27\x2a\x6a\x78\xc2\x10\x00\xb8\x99\x0a\x01\x13\x4e\xec\x01";

    fn options(password_type: PasswordType) -> WsSecurity {
        WsSecurity {
            username: "NNK".into(),
            password: "open sesame".into(),
            password_type,
            timestamp: None,
            must_understand: false,
        }
    }

    #[test]
    fn digests_are_those_that_others_make() {
        // As the tests of zeep have it, and as node-soap makes it.
        for (nonce, created, password, expected) in [
            (&b"mocked-random"[..], "2016-05-08T12:00:00+00:00", "geheim", "hVicspAQSg70JNhe67OHqD9gexc="),
            (
                b"\x59\x27\x2a\x6a\x78\xc2\x10\x00\xb8\x99\x0a\x01\x13\x4e\xec\x01",
                "2003-07-16T01:24:32Z",
                "open sesame",
                "RylODsRrU8XL5O0NT5JGy0WpX3E=",
            ),
        ] {
            assert_eq!(password_digest(nonce, created, password), expected, "{created}");
        }
    }

    #[test]
    fn tokens_are_written_as_the_profile_has_them() {
        let digest = UsernameToken::new(&options(PasswordType::Digest)).unwrap().security("s:", &NONCE, NOW);
        for expected in [
            "<wsse:Username>NNK</wsse:Username>",
            "#PasswordDigest\">RylODsRrU8XL5O0NT5JGy0WpX3E=</wsse:Password>",
            "#Base64Binary\">WScqanjCEAC4mQoBE07sAQ==</wsse:Nonce>",
            "<wsu:Created>2003-07-16T01:24:32Z</wsu:Created></wsse:UsernameToken></wsse:Security>",
        ] {
            assert!(digest.contains(expected), "no {expected} in {digest}");
        }
        assert!(!digest.contains("sesame") && !digest.contains("mustUnderstand"), "{digest}");

        let mut all = options(PasswordType::Text);
        all.password = "a<b>&\"c".into();
        all.timestamp = Some(Duration::from_secs(300));
        all.must_understand = true;
        let text = UsernameToken::new(&all).unwrap().security("env:", &NONCE, NOW);
        for expected in [
            " env:mustUnderstand=\"1\"><wsu:Timestamp>",
            "<wsu:Created>2003-07-16T01:24:32Z</wsu:Created><wsu:Expires>2003-07-16T01:29:32Z</wsu:Expires>",
            "#PasswordText\">a&lt;b&gt;&amp;&quot;c</wsse:Password>",
        ] {
            assert!(text.contains(expected), "no {expected} in {text}");
        }
    }

    #[test]
    fn it_is_the_first_header() {
        for (envelope, expected) in [
            (
                "<e:Envelope xmlns:e='u'><e:Body/></e:Envelope>",
                Some("<e:Envelope xmlns:e='u'><e:Header>[e:]</e:Header><e:Body/></e:Envelope>"),
            ),
            (
                "<?xml version='1.0'?>\n<Envelope xmlns='u'>\n <Header>\n<a/></Header><Body>x</Body></Envelope>",
                Some(
                    "<?xml version='1.0'?>\n<Envelope xmlns='u'>\n <Header>[]\n<a/></Header><Body>x</Body></Envelope>",
                ),
            ),
            (
                "<e:Envelope xmlns:e='u'><e:Header a='>'/><e:Body></e:Body></e:Envelope>",
                Some("<e:Envelope xmlns:e='u'><e:Header a='>'>[e:]</e:Header><e:Body></e:Body></e:Envelope>"),
            ),
            ("<e:Envelope xmlns:e='u'/>", None),
            ("<e:Envelope xmlns:e='u'></e:Envelope>", None),
            ("<a><Header/></a>", None),
            ("text", None),
            ("", None),
        ] {
            let got = with_header(envelope.as_bytes(), |soap| format!("[{soap}]"));
            assert_eq!(got, expected.map(|text| Bytes::from(text.to_owned())), "{envelope}");
        }
    }

    #[test]
    fn every_attempt_has_a_nonce_of_its_own() {
        let token = UsernameToken::new(&options(PasswordType::Digest)).unwrap();
        let shown = || token.shown_in(b"<e:Envelope xmlns:e='u'><e:Body/></e:Envelope>", NOW).unwrap();
        assert_ne!(shown(), shown());
        let error = token.shown_in(b"<canary/>", NOW).unwrap_err();
        assert!(!error.to_string().contains("canary"), "{error}");
    }

    #[test]
    fn what_cannot_be_written_is_refused_when_the_options_are_read() {
        let refused = |change: fn(&mut WsSecurity)| {
            let mut wrong = options(PasswordType::Text);
            change(&mut wrong);
            UsernameToken::new(&wrong).unwrap_err().to_string()
        };
        assert!(refused(|o| o.username = "canary\0".into()).contains("`ws-security`"));
        assert!(refused(|o| o.password = "canary\r".into()).contains("control character"));
        assert!(refused(|o| o.timestamp = Some(Duration::from_millis(999))).contains("timestamp"));
        let digest = WsSecurity { password: "any\x01".into(), ..options(PasswordType::Digest) };
        assert!(UsernameToken::new(&digest).is_ok(), "a digest is made of bytes");
        assert!(!format!("{:?}", UsernameToken::new(&options(PasswordType::Text))).contains("sesame"));
    }
}
