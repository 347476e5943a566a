//! What a page may do.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

/// The value of `Content-Security-Policy` for pages that have this one style and this one script:
/// they may ask this site and show its icon, and nothing else.
#[must_use]
pub fn content_policy(style: &str, script: &str) -> String {
    let hash = |text: &str| STANDARD.encode(Sha256::digest(text));
    format!(
        "default-src 'none'; style-src 'sha256-{}'; script-src 'sha256-{}'; connect-src 'self'; \
         img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
        hash(style),
        hash(script)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_known_by_its_hash_is_run() {
        let policy = content_policy("", "x");
        assert!(policy.starts_with("default-src 'none'; "), "{policy}");
        // The hash of nothing.
        let style = "style-src 'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='";
        assert!(policy.contains(style), "{policy}");
        assert!(!policy.contains("unsafe"), "{policy}");
    }
}
