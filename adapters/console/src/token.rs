//! The admin token: who can read the file beside the database may operate the gateway, and nobody else.

use std::{
    fs,
    io::{self, Read, Write},
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};

/// Bytes of randomness, written as twice as many hexadecimal digits.
const LENGTH: usize = 32;

/// The secret that admin calls carry. Its `Debug` shows nothing of it.
#[derive(Clone, PartialEq, Eq)]
pub struct AdminToken(String);

impl std::fmt::Debug for AdminToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("AdminToken(..)")
    }
}

impl AdminToken {
    /// Where the token of a database's gateway lies: `<database>.admin-token`.
    pub fn path_beside(database: &Path) -> PathBuf {
        let mut path = database.as_os_str().to_owned();
        path.push(".admin-token");
        path.into()
    }

    /// Reads the token file, or creates it (mode 0600) where there is none.
    ///
    /// A token is kept from one run to the next, so that a console elsewhere stays in; a file that others can read, or
    /// that holds no token, is replaced.
    pub fn read_or_create(path: &Path) -> io::Result<Self> {
        let private = |m: &fs::Metadata| m.is_file() && m.permissions().mode() & 0o077 == 0;
        if fs::symlink_metadata(path).is_ok_and(|m| private(&m))
            && let Ok(token) = Self::read(path)
        {
            return Ok(token);
        }
        let mut random = [0u8; LENGTH];
        getrandom::fill(&mut random).map_err(io::Error::other)?;
        let token: String = random.iter().map(|b| format!("{b:02x}")).collect();
        // Written beside and moved into place: nobody ever reads half a token, and permissions hold from the first byte.
        let mut fresh = path.as_os_str().to_owned();
        fresh.push(format!(".{}", std::process::id()));
        let fresh = PathBuf::from(fresh);
        let _ = fs::remove_file(&fresh);
        let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&fresh)?;
        file.write_all(token.as_bytes())?;
        file.write_all(b"\n")?;
        drop(file);
        fs::rename(&fresh, path)?;
        Ok(Self(token))
    }

    /// Reads a token file that a gateway created.
    pub fn read(path: &Path) -> io::Result<Self> {
        let mut text = String::new();
        fs::File::open(path)?.take(1024).read_to_string(&mut text)?;
        let text = text.trim();
        if text.len() != LENGTH * 2 || !text.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "the file does not hold an admin token"));
        }
        Ok(Self(text.to_owned()))
    }

    /// The value of the `authorization` metadata.
    pub(crate) fn header(&self) -> String {
        format!("Bearer {}", self.0)
    }

    /// Whether a value of the `authorization` metadata carries this token. Takes the same time wherever they differ.
    pub(crate) fn admits(&self, header: &[u8]) -> bool {
        let Some(offered) = header.strip_prefix(b"Bearer ") else { return false };
        let expected = self.0.as_bytes();
        let different = offered.iter().zip(expected).fold(0, |all, (a, b)| all | (a ^ b));
        std::hint::black_box(different) == 0 && offered.len() == expected.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_created_private_kept_and_replaced_when_others_could_read_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = AdminToken::path_beside(&folder.path().join("portolan.db"));
        assert!(path.ends_with("portolan.db.admin-token"));
        let first = AdminToken::read_or_create(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(AdminToken::read_or_create(&path).unwrap(), first);
        assert_eq!(AdminToken::read(&path).unwrap(), first);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        assert_ne!(AdminToken::read_or_create(&path).unwrap(), first);
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn admits_itself_only() {
        let token = AdminToken("a".repeat(64));
        let check =
            |header: String, expected| assert_eq!(token.admits(header.as_bytes()), expected, "{header}");
        check(token.header(), true);
        check(format!("Bearer {}", "a".repeat(63)), false);
        check(format!("Bearer {}", "a".repeat(65)), false);
        check("Bearer ".into(), false);
        check("a".repeat(64), false);
    }
}
