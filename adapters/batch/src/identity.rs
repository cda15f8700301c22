//! What a file is known by.

use std::io::{self, Read};

use sha2::{Digest, Sha256};

/// The SHA-256 of a file that has so many bytes, in constant memory; `None` where it has more or fewer.
pub(crate) fn sha256(file: &mut impl Read, bytes: u64) -> io::Result<Option<[u8; 32]>> {
    let (mut sha256, mut buffer, mut left) = (Sha256::new(), vec![0; 128 << 10], bytes);
    loop {
        match file.read(&mut buffer) {
            Ok(0) => return Ok((left == 0).then(|| sha256.finalize().into())),
            Ok(read) => {
                let Some(rest) = left.checked_sub(read as u64) else { return Ok(None) };
                left = rest;
                sha256.update(&buffer[..read]);
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}
