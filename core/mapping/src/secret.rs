//! Secrets that mappings name and the gateway's configuration holds. Only what a function makes of one is kept, never its text,
//! and nothing shows either.

use std::{collections::BTreeMap, fmt, sync::Arc};

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// The secrets of a configuration by their names.
#[derive(Debug, Clone, Default)]
pub enum Secrets {
    /// No configuration is at hand, so any name may be one of its own.
    #[default]
    Unknown,
    /// These, and no others.
    Known(BTreeMap<Arc<str>, Key>),
}

impl Secrets {
    /// The secret of a name.
    pub fn get(&self, name: &str) -> Option<&Key> {
        match self {
            Self::Unknown => None,
            Self::Known(keys) => keys.get(name),
        }
    }
}

/// The key of a keyed hash, prepared once for all messages.
#[derive(Clone)]
pub struct Key(Hmac<Sha256>);

impl Key {
    /// Of the octets of a secret; nothing is made of none.
    pub fn new(secret: &[u8]) -> Option<Self> {
        if secret.is_empty() {
            return None;
        }
        Hmac::new_from_slice(secret).ok().map(Self)
    }

    /// The HMAC-SHA-256 of a message (RFC 2104, FIPS 198-1).
    pub fn sign(&self, message: &[u8]) -> [u8; 32] {
        self.0.clone().chain_update(message).finalize().into_bytes().into()
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signs_as_rfc_4231_says() {
        let check = |key: &[u8], message: &[u8], expected: &str| {
            let hex: String =
                Key::new(key).unwrap().sign(message).iter().map(|b| format!("{b:02x}")).collect();
            assert_eq!(hex, expected);
        };
        check(&[0x0b; 20], b"Hi There", "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
        check(
            b"Jefe",
            b"what do ya want for nothing?",
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
        );
        check(
            &[0xaa; 131],
            b"Test Using Larger Than Block-Size Key - Hash Key First",
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
        );
    }

    #[test]
    fn shows_nothing() {
        let keys = BTreeMap::from([("k".into(), Key::new(b"canary").unwrap())]);
        assert_eq!(format!("{:?}", Secrets::Known(keys)), "Known({\"k\": Key(..)})");
        assert!(Key::new(b"").is_none());
    }
}
