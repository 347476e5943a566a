//! Delimiters that nothing in an answer can forge.

use std::io::Read;

/// A fresh random word for one call: 16 hexadecimal digits, unknown to whoever wrote the texts it delimits.
///
/// # Errors
/// When the system has no randomness to give; a guessable delimiter would be worse than none.
pub(super) fn nonce() -> std::io::Result<String> {
    let mut bytes = [0; 8];
    std::fs::File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(format!("{:016x}", u64::from_ne_bytes(bytes)))
}
