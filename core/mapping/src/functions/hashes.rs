//! Hashes, with a key and without, and octets as text.

use bumpalo::{Bump, collections::String as BumpString};
use portolan_formats::{Value, lexical};
use sha2::{Digest, Sha256};

use super::{EvalError, Form, Function, Kind, Outcome, Parameter, text::wrong_kind};

const MESSAGE: Parameter = Parameter::value("message", &[Kind::Text, Kind::Bytes]);
const BYTES: Parameter = Parameter::value("bytes", &[Kind::Bytes]);

/// What is hashed: octets, or a text's UTF-8.
fn octets<'a>(value: &Value<'a>) -> Option<&'a [u8]> {
    match *value {
        Value::Text(text) => Some(text.as_bytes()),
        Value::Bytes(bytes) => Some(bytes),
        _ => None,
    }
}

pub(super) const SHA256: Function = Function {
    name: "sha256",
    receiver: true,
    sees_absent: false,
    parameters: &[MESSAGE],
    result: Outcome::Kind(Kind::Text),
    doc: "The SHA-256 of the text's UTF-8, or of bytes, in 64 hexadecimal digits. It hides nothing that can be guessed: a national number has few enough values to try them all, and for a pseudonym there is `hmac_sha256`.",
    examples: &[("'abc'.sha256()", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")],
    eval: |call, arguments| match arguments {
        [message] if let Some(octets) = octets(message) => {
            Ok(Value::Text(lower_hex(&Sha256::digest(octets), call.arena)))
        }
        _ => wrong_kind(),
    },
};

pub(super) const HMAC_SHA256: Function = Function {
    name: "hmac_sha256",
    receiver: true,
    sees_absent: false,
    parameters: &[MESSAGE, Parameter::prepared("secret", Form::Secret)],
    result: Outcome::Kind(Kind::Bytes),
    doc: "The HMAC-SHA-256 (RFC 2104) of the text's UTF-8, or of bytes, with a secret of that name from `secrets:` in portolan.yaml: 32 bytes that nobody can make, or try all values against, who has not the secret. For pseudonyms and for signatures; `hex` and `base64` make text of it. Refused where the secret is not at hand, as without a configuration. The example's secret is that of RFC 4231.",
    examples: &[
        (
            "hex('what do ya want for nothing?'.hmac_sha256('rfc4231'))",
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
        ),
        ("hex('x'.hmac_sha256('unknown'))", "error"),
    ],
    eval: |call, arguments| match arguments {
        [message, _] if let Some(octets) = octets(message) => {
            let signed = call.secret()?.sign(octets);
            Ok(Value::Bytes(call.arena.alloc_slice_copy(&signed)))
        }
        _ => wrong_kind(),
    },
};

pub(super) const HEX: Function = Function {
    name: "hex",
    receiver: true,
    sees_absent: false,
    parameters: &[BYTES],
    result: Outcome::Kind(Kind::Text),
    doc: "The bytes in hexadecimal digits, two for each, in lower case.",
    examples: &[("'Hi'.hmac_sha256('rfc4231').hex().truncate(8)", "6ce22e57")],
    eval: |call, arguments| match *arguments {
        [Value::Bytes(bytes)] => Ok(Value::Text(lower_hex(bytes, call.arena))),
        _ => wrong_kind(),
    },
};

pub(super) const BASE64: Function = Function {
    name: "base64",
    receiver: true,
    sees_absent: false,
    parameters: &[BYTES],
    result: Outcome::Kind(Kind::Text),
    doc: "The bytes in base64 (RFC 4648, section 4), with padding.",
    examples: &[(
        "'what do ya want for nothing?'.hmac_sha256('rfc4231').base64()",
        "W9zBRr9gdU5qBCQmCJV1x1oAPwidJzmDnexYuWTsOEM=",
    )],
    eval: |call, arguments| match *arguments {
        [value @ Value::Bytes(_)] => {
            let mut text = Vec::new();
            lexical::write_any(value, &mut text)?;
            let text = String::from_utf8(text).map_err(|_| EvalError::Mismatch)?;
            Ok(Value::Text(call.arena.alloc_str(&text)))
        }
        _ => wrong_kind(),
    },
};

fn lower_hex<'a>(bytes: &[u8], arena: &'a Bump) -> &'a str {
    let mut hex = BumpString::with_capacity_in(bytes.len() * 2, arena);
    for byte in bytes {
        for half in [byte >> 4, byte & 15] {
            hex.push(char::from_digit(half.into(), 16).unwrap_or_default());
        }
    }
    hex.into_bump_str()
}
