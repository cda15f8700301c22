//! What a secret is by its name, wherever one may be written down for everybody to read: in the gateway's configuration, or as
//! the constant of a mapping.

/// What names of secrets hold, without separators.
const WORDS: [&str; 13] = [
    "password",
    "passwd",
    "passphrase",
    "secret",
    "token",
    "apikey",
    "authorization",
    "credential",
    "privatekey",
    "accesskey",
    "licensekey",
    "subscriptionkey",
    "authkey",
];

/// What names end in that speak of a secret and do not hold it: `PasswordType`, `token_format`.
const ABOUT: [&str; 8] = ["type", "kind", "format", "encoding", "algorithm", "hint", "profile", "required"];

/// Whether a name is that of a secret, or speaks of one.
pub fn speak_of_a_secret(name: &str) -> bool {
    let plain = plain(name);
    WORDS.iter().any(|word| plain.contains(word))
}

/// Whether the field of a name holds a secret.
pub(crate) fn hold_a_secret(name: &str) -> bool {
    let plain = plain(name);
    let about = plain.contains("secretar") || ABOUT.iter().any(|end| plain.ends_with(end));
    !about && WORDS.iter().any(|word| plain.contains(word))
}

fn plain(name: &str) -> String {
    name.chars().filter(|c| !matches!(c, '-' | '_' | '.')).flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_what_a_field_holds() {
        for name in ["Password", "api-key", "ApiKey", "wsse_password", "AccessToken", "client_secret"] {
            assert!(hold_a_secret(name), "{name}");
        }
        for name in ["PasswordType", "token_format", "SecretaryName", "Key", "Name"] {
            assert!(!hold_a_secret(name), "{name}");
        }
        assert!(speak_of_a_secret("PasswordType"));
    }
}
