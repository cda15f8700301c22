//! Who calls, by the client certificate: its first URI name (as SPIFFE has it), else its first DNS name, else the common
//! name of its subject. The chain was verified before; a certificate that names nobody is no caller.

use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use webpki::EndEntityCert;

/// Longer names are no one's.
const MAX_NAME: usize = 512;

/// The caller's name.
pub(crate) fn name(certificate: &CertificateDer<'_>) -> Option<Arc<str>> {
    let certificate = EndEntityCert::try_from(certificate).ok()?;
    let name = certificate
        .valid_uri_names()
        .chain(certificate.valid_dns_names())
        .find(|name| is_name(name))
        .or_else(|| common_name(certificate.subject()).filter(|name| is_name(name)))?;
    Some(Arc::from(name))
}

fn is_name(name: &str) -> bool {
    !name.is_empty() && name.len() <= MAX_NAME && !name.chars().any(char::is_control)
}

/// The most specific common name of a subject: the content of an X.501 `RDNSequence` in DER (RFC 5280, section 4.1.2.4).
fn common_name(mut subject: &[u8]) -> Option<&str> {
    const SET: u8 = 0x31;
    const SEQUENCE: u8 = 0x30;
    const OBJECT_ID: u8 = 0x06;
    const UTF8_STRING: u8 = 0x0c;
    const PRINTABLE_STRING: u8 = 0x13;
    const IA5_STRING: u8 = 0x16;
    /// 2.5.4.3
    const COMMON_NAME: &[u8] = &[0x55, 0x04, 0x03];

    let mut found = None;
    while !subject.is_empty() {
        let mut set = expect(&mut subject, SET)?;
        while !set.is_empty() {
            let mut attribute = expect(&mut set, SEQUENCE)?;
            let kind = expect(&mut attribute, OBJECT_ID)?;
            let (tag, value) = element(&mut attribute)?;
            if kind == COMMON_NAME && matches!(tag, UTF8_STRING | PRINTABLE_STRING | IA5_STRING) {
                found = Some(std::str::from_utf8(value).ok()?);
            }
        }
    }
    found
}

fn expect<'a>(input: &mut &'a [u8], wanted: u8) -> Option<&'a [u8]> {
    element(input).filter(|(tag, _)| *tag == wanted).map(|(_, content)| content)
}

/// Takes one DER element off the input: its tag and its content. Lengths of up to two bytes: names are not longer.
fn element<'a>(input: &mut &'a [u8]) -> Option<(u8, &'a [u8])> {
    let (tag, length, rest) = match **input {
        [tag, 0x82, high, low, ref rest @ ..] => (tag, usize::from(u16::from_be_bytes([high, low])), rest),
        [tag, 0x81, length, ref rest @ ..] => (tag, usize::from(length), rest),
        [tag, length @ 0..=0x7f, ref rest @ ..] => (tag, usize::from(length), rest),
        _ => return None,
    };
    let (content, rest) = rest.split_at_checked(length)?;
    *input = rest;
    Some((tag, content))
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, DnType, KeyPair, SanType};

    use super::*;

    #[test]
    fn who_a_certificate_names() {
        let check = |names: &[SanType], common_name: Option<&str>, expected: Option<&str>| {
            let mut params = CertificateParams::default();
            params.distinguished_name = rcgen::DistinguishedName::new();
            params.distinguished_name.push(DnType::OrganizationName, "Ministry");
            if let Some(name) = common_name {
                params.distinguished_name.push(DnType::CommonName, name);
            }
            params.subject_alt_names = names.to_vec();
            let certificate = params.self_signed(&KeyPair::generate().unwrap()).unwrap();
            assert_eq!(name(certificate.der()).as_deref(), expected);
        };
        let uri = SanType::URI("spiffe://civic/portal".try_into().unwrap());
        let dns = SanType::DnsName("portal.civic.example".try_into().unwrap());
        let long = "p".repeat(200);
        check(&[dns.clone(), uri.clone()], Some("portal"), Some("spiffe://civic/portal"));
        check(&[dns], Some("portal"), Some("portal.civic.example"));
        check(&[], Some("portal ä"), Some("portal ä"));
        check(&[], Some(&long), Some(&long));
        check(&[], Some("a\nb"), None);
        check(&[], Some(""), None);
        check(&[], None, None);
    }

    #[test]
    fn broken_subjects_name_nobody() {
        for bytes in
            [&[0x31][..], &[0x31, 5, 0], &[0x31, 0x82, 1], &[0x30, 0], &[0x31, 2, 0x30, 0], &[0x31, 0x84]]
        {
            assert_eq!(common_name(bytes), None, "{bytes:?}");
        }
    }
}
