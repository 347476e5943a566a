//! Numbers of bytes as people write them: `10MiB`, `512M`.

/// The number of bytes that a text says: a whole number, then nothing, `B`, `K`, `M`, `G` or `T`,
/// in either case, with or without `iB` after the letter. None for anything else, and beyond `u64`.
///
/// Each unit is 1024 times the one before. A crate would read `512M` as 512,000,000 and accept
/// `1.5MB`: a limit in a manifest would change without a word (docs/adr/0013).
///
/// ```
/// use gtctl::model::parse_bytes;
/// assert_eq!(parse_bytes("512M"), Some(512 << 20));
/// assert_eq!(parse_bytes("10 MiB"), Some(10 << 20));
/// assert_eq!(parse_bytes("10MB"), None);
/// ```
#[must_use]
pub fn parse_bytes(text: &str) -> Option<u64> {
    let text = text.trim();
    let unit = text.trim_start_matches(|c: char| c.is_ascii_digit());
    let number: u64 = text.strip_suffix(unit)?.parse().ok()?;
    let shift = match unit.trim().to_ascii_lowercase().as_str() {
        "" | "b" => 0,
        "k" | "kib" => 10,
        "m" | "mib" => 20,
        "g" | "gib" => 30,
        "t" | "tib" => 40,
        _ => return None,
    };
    number.checked_mul(1 << shift)
}
