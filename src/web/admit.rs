//! Who may read: requests for this host, of pages of this host, with the token where one is needed.
//!
//! A page of another site can have a name of its own resolve to this host (DNS rebinding). What it
//! then asks for carries that name in `Host`. What it asks for across sites carries its `Origin`.

use crate::model::SortedSet;
use axum::http::header::{AUTHORIZATION, COOKIE, HOST, ORIGIN};
use axum::http::{HeaderMap, Uri};
use sha2::{Digest, Sha256};
use std::net::IpAddr;

/// The fewest characters of a token.
pub const MIN_TOKEN: usize = 16;

/// A token, or what is derived from it. Its text never shows in `Debug`.
#[derive(Clone)]
pub struct Secret(String);

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret")
    }
}

impl Secret {
    /// Of this text.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self(text.to_owned())
    }

    /// Of bytes that nobody can guess.
    #[must_use]
    pub fn of_bytes(bytes: &[u8]) -> Self {
        Self(hex(bytes))
    }

    /// Its text.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.0
    }

    /// Another secret that follows from it, and from which it cannot be told.
    fn derived(&self, purpose: &str) -> Self {
        let digest = Sha256::new()
            .chain_update(purpose)
            .chain_update([0])
            .chain_update(&self.0)
            .finalize();
        Self(hex(&digest))
    }

    /// Compares in a time that tells nothing of where they differ: the digests are compared, and
    /// all bytes of them.
    #[must_use]
    pub fn is(&self, text: &str) -> bool {
        let (ours, theirs) = (Sha256::digest(&self.0), Sha256::digest(text));
        let difference = ours
            .iter()
            .zip(theirs.iter())
            .fold(0, |found, (one, other)| found | (one ^ other));
        difference == 0
    }
}

fn hex(bytes: &[u8]) -> String {
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 0xf]);
    digits
        .filter_map(|digit| char::from_digit(u32::from(digit), 16))
        .collect()
}

/// Who may read a site.
#[derive(Debug, Clone)]
pub struct Guard {
    /// Names of this host beside `localhost` and its addresses, in lower case.
    hosts: SortedSet<String>,
    token: Option<Secret>,
    csrf: Secret,
}

/// What becomes of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Admission {
    /// It is answered.
    Welcome,
    /// It is answered, and its token came in a header, as no browser sends it by itself.
    WithToken,
    /// It lacks the token.
    NeedsToken,
    /// It is not for this host, or comes from a page of another.
    Refused(&'static str),
}

impl Guard {
    /// Readers need this token, if there is one. `random` is what nobody can guess.
    #[must_use]
    pub fn new(hosts: &[String], token: Option<Secret>, random: &Secret) -> Self {
        Self {
            hosts: hosts.iter().map(|host| host.to_lowercase()).collect(),
            token,
            csrf: random.derived("gtctl csrf"),
        }
    }

    /// What a page must send with an action. Pages of other sites cannot read it.
    #[must_use]
    pub fn csrf(&self) -> &Secret {
        &self.csrf
    }

    /// The cookie that stands for the token. Neither needs the other to be kept: it follows from
    /// the token, so it is still good after a restart.
    pub(super) fn cookie(&self) -> Option<(String, Secret)> {
        let token = self.token.as_ref()?;
        let name: String = token.derived("gtctl name").0.chars().take(8).collect();
        Some((format!("gtctl-{name}"), token.derived("gtctl cookie")))
    }

    /// What becomes of a request.
    pub(super) fn admit(&self, uri: &Uri, headers: &HeaderMap) -> Admission {
        if !self.is_for_this_host(uri, headers) {
            return Admission::Refused("this is served under another name: open it by its address");
        }
        if !is_of_this_site(headers) {
            return Admission::Refused("pages of other sites may not read this");
        }
        let Some(token) = &self.token else {
            return Admission::Welcome;
        };
        let bearer = text(headers, &AUTHORIZATION).and_then(|text| text.strip_prefix("Bearer "));
        if bearer.is_some_and(|bearer| token.is(bearer.trim())) {
            return Admission::WithToken;
        }
        if self
            .cookie()
            .is_some_and(|(name, value)| has_cookie(headers, &name, &value))
        {
            return Admission::Welcome;
        }
        Admission::NeedsToken
    }

    fn is_for_this_host(&self, uri: &Uri, headers: &HeaderMap) -> bool {
        let in_target = uri.authority().map(|authority| Ok(authority.as_str()));
        let named = headers.get_all(HOST).iter().map(|host| host.to_str());
        in_target
            .into_iter()
            .chain(named)
            .all(|host| host.is_ok_and(|host| self.is_this_host(host.trim())))
    }

    fn is_this_host(&self, host: &str) -> bool {
        let name = host
            .rsplit_once(':')
            .filter(|(_, port)| port.parse::<u16>().is_ok())
            .map_or(host, |(name, _)| name);
        let address = name.trim_start_matches('[').trim_end_matches(']');
        let name = name.to_lowercase();
        name == "localhost" || address.parse::<IpAddr>().is_ok() || self.hosts.contains(&name)
    }
}

/// A browser says where a request comes from. Opening the page by a link is no harm: nothing of it
/// can be read by the page that has the link.
fn is_of_this_site(headers: &HeaderMap) -> bool {
    let host = text(headers, &HOST).unwrap_or_default();
    let mut origins = headers.get_all(ORIGIN).iter();
    let is_ours = |origin: &str| {
        let origin = origin
            .strip_prefix("http://")
            .or(origin.strip_prefix("https://"));
        origin == Some(host)
    };
    if !origins.all(|origin| origin.to_str().is_ok_and(is_ours)) {
        return false;
    }
    let said = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let is_foreign = matches!(said("sec-fetch-site"), Some("cross-site" | "same-site"));
    !is_foreign || said("sec-fetch-mode") == Some("navigate")
}

fn text<'h>(headers: &'h HeaderMap, name: &axum::http::HeaderName) -> Option<&'h str> {
    headers.get(name)?.to_str().ok().map(str::trim)
}

fn has_cookie(headers: &HeaderMap, name: &str, value: &Secret) -> bool {
    headers
        .get_all(COOKIE)
        .iter()
        .filter_map(|cookies| cookies.to_str().ok())
        .flat_map(|cookies| cookies.split(';'))
        .filter_map(|cookie| cookie.trim().split_once('='))
        .any(|(known, sent)| known == name && value.is(sent))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(lines: &[(&'static str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(*name, value.parse().unwrap());
        }
        headers
    }

    fn admit(guard: &Guard, target: &str, lines: &[(&'static str, &str)]) -> &'static str {
        match guard.admit(&target.parse().unwrap(), &headers(lines)) {
            Admission::Welcome => "welcome",
            Admission::WithToken => "with token",
            Admission::NeedsToken => "needs token",
            Admission::Refused(_) => "refused",
        }
    }

    fn guard(token: Option<&str>) -> Guard {
        let hosts = ["Box.example".to_owned()];
        Guard::new(&hosts, token.map(Secret::new), &Secret::new("random"))
    }

    #[test]
    fn only_requests_for_this_host_are_answered() {
        let guard = guard(None);
        for (host, want) in [
            ("127.0.0.1:7433", "welcome"),
            ("localhost", "welcome"),
            ("[::1]:7433", "welcome"),
            ("box.EXAMPLE:7433", "welcome"),
            ("evil.example:7433", "refused"),
            ("localhost.evil.example", "refused"),
            ("", "refused"),
        ] {
            assert_eq!(admit(&guard, "/", &[("host", host)]), want, "{host}");
        }
        assert_eq!(admit(&guard, "/", &[]), "welcome");
        let twice = [("host", "localhost"), ("host", "evil.example")];
        assert_eq!(admit(&guard, "/", &twice), "refused");
        let absolute = admit(&guard, "http://evil.example/", &[("host", "localhost")]);
        assert_eq!(absolute, "refused");
    }

    #[test]
    fn pages_of_other_sites_read_nothing() {
        let guard = guard(None);
        let with = |name, value| admit(&guard, "/", &[("host", "localhost:1"), (name, value)]);
        assert_eq!(with("origin", "http://localhost:1"), "welcome");
        assert_eq!(with("origin", "https://localhost:1"), "welcome");
        for origin in [
            "http://localhost:2",
            "http://evil.example",
            "null",
            "localhost:1",
        ] {
            assert_eq!(with("origin", origin), "refused", "{origin}");
        }
        assert_eq!(with("sec-fetch-site", "cross-site"), "refused");
        assert_eq!(with("sec-fetch-site", "same-origin"), "welcome");
        let link = [
            ("host", "localhost:1"),
            ("sec-fetch-site", "cross-site"),
            ("sec-fetch-mode", "navigate"),
        ];
        assert_eq!(admit(&guard, "/", &link), "welcome");
    }

    #[test]
    fn the_token_is_asked_for_and_its_cookie_stands_for_it() {
        let guard = guard(Some("a long enough token"));
        let with = |name, value: &str| admit(&guard, "/", &[("host", "localhost"), (name, value)]);
        assert_eq!(with("accept", "*/*"), "needs token");
        assert_eq!(
            with("authorization", "Bearer a long enough token"),
            "with token"
        );
        assert_eq!(
            with("authorization", "Bearer a long enough tokem"),
            "needs token"
        );
        let (name, value) = guard.cookie().unwrap();
        assert_ne!(value.text(), "a long enough token");
        let cookie = format!("other=1; {name}={}", value.text());
        assert_eq!(with("cookie", &cookie), "welcome");
        assert_eq!(with("cookie", &format!("{name}=0")), "needs token");
        assert_eq!(format!("{guard:?}").matches("long enough").count(), 0);
    }
}
