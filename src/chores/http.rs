//! Asks a GitHub server. Each question is bounded in time and size, and conditional.
//!
//! The token goes only to its own server: never over plain HTTP to another machine, and never to the
//! target of a redirect. No message contains it.

use crate::model::Period;
use std::fmt;
use std::net::IpAddr;
use std::time::{Duration, Instant};
use ureq::http::{Response, Uri};
use ureq::{Agent, Body};

/// The most bytes read of an answer.
const MAX_BODY: u64 = 1 << 20;
/// How long one answer may take, its body included.
const MAX_WAIT: Duration = Duration::from_secs(30);
/// The least time for one answer, even when the time for all is nearly over.
const LEAST_WAIT: Duration = Duration::from_millis(10);
/// The most redirects that are followed, on the same server only. A renamed repository needs one.
const MAX_REDIRECTS: usize = 3;
/// The longest time that a server is not asked again because it wants that.
const MAX_PATIENCE: Period = Period::from_hours(24);
/// The same where the server names no time.
const USUAL_PATIENCE: Period = Period::from_mins(1);

/// A server, and how to ask it.
pub(super) struct Server {
    base: String,
    token: Option<String>,
    agent: Agent,
    /// When all questions must be answered.
    deadline: Instant,
}

/// An answer.
#[derive(Debug)]
pub(super) enum Answer {
    /// Nothing has changed since the `ETag` was given.
    Same,
    /// This text, with the `ETag` for the next question.
    Fresh(Vec<u8>, Option<String>),
    /// The path does not exist.
    Missing,
    /// The server wants the question again after this time.
    Later(Period),
}

/// Why there was no answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum HttpFault {
    /// The server could not be reached, or stopped answering.
    #[error("{0}")]
    Unreachable(Box<ureq::Error>),
    /// The server has an error, or refuses this question.
    #[error("the server answers {0}")]
    Status(u16),
    /// The server redirects to another server.
    #[error("the server redirects elsewhere")]
    Astray,
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server")
            .field("base", &self.base)
            .finish_non_exhaustive()
    }
}

impl Server {
    /// The server at `base`. All questions together may take `patience`, and each at most
    /// [`MAX_WAIT`].
    pub(super) fn new(base: &str, token: Option<String>, patience: Duration) -> Self {
        let base = base.trim_end_matches('/').to_owned();
        let config = Agent::config_builder()
            .max_redirects(0)
            .http_status_as_error(false)
            .user_agent(concat!("gtctl/", env!("CARGO_PKG_VERSION")))
            .build();
        let token =
            token.filter(|token| may_carry(&base) && token.chars().all(|c| c.is_ascii_graphic()));
        Self {
            base,
            token,
            agent: config.into(),
            deadline: Instant::now() + patience,
        }
    }

    /// Its address.
    pub(super) fn base(&self) -> &str {
        &self.base
    }

    /// Asks for a path, which begins with a slash. Blocks.
    pub(super) fn ask(
        &self,
        path: &str,
        etag: Option<&str>,
        now_secs: i64,
    ) -> Result<Answer, HttpFault> {
        let mut at = format!("{}{path}", self.base);
        for _ in 0..=MAX_REDIRECTS {
            let mut response = self.get(&at, etag)?;
            match response.status().as_u16() {
                200 => {
                    let etag = header(&response, "etag").map(str::to_owned);
                    let body = response
                        .body_mut()
                        .with_config()
                        .limit(MAX_BODY)
                        .read_to_vec();
                    return body
                        .map(|body| Answer::Fresh(body, etag))
                        .map_err(unreachable);
                }
                304 => return Ok(Answer::Same),
                404 => return Ok(Answer::Missing),
                301 | 302 | 307 | 308 => {
                    at = Self::on_the_same(&at, header(&response, "location"))?;
                }
                status @ (403 | 429) => {
                    return patience(&response, status, now_secs)
                        .map(Answer::Later)
                        .ok_or(HttpFault::Status(status));
                }
                status => return Err(HttpFault::Status(status)),
            }
        }
        Err(HttpFault::Astray)
    }

    fn get(&self, at: &str, etag: Option<&str>) -> Result<Response<Body>, HttpFault> {
        let left = self
            .deadline
            .saturating_duration_since(Instant::now())
            .clamp(LEAST_WAIT, MAX_WAIT);
        let request = self
            .agent
            .get(at)
            .config()
            .timeout_global(Some(left))
            .build();
        let mut request = request.header("accept", "application/vnd.github+json");
        if let Some(token) = &self.token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        if let Some(etag) = etag {
            request = request.header("if-none-match", etag);
        }
        request.call().map_err(unreachable)
    }

    /// The place of a redirect, if it is on the same server.
    fn on_the_same(at: &str, location: Option<&str>) -> Result<String, HttpFault> {
        let (from, to) = (
            at.parse::<Uri>().ok(),
            location
                .filter(|to| !to.starts_with("//"))
                .and_then(|to| to.parse::<Uri>().ok()),
        );
        let (Some(from), Some(to)) = (from, to) else {
            return Err(HttpFault::Astray);
        };
        match (to.scheme(), to.authority()) {
            (None, None) => {
                let origin = from
                    .scheme_str()
                    .zip(from.authority())
                    .ok_or(HttpFault::Astray)?;
                Ok(format!("{}://{}{to}", origin.0, origin.1))
            }
            (scheme, authority) if scheme == from.scheme() && authority == from.authority() => {
                Ok(to.to_string())
            }
            (Some(_) | None, Some(_) | None) => Err(HttpFault::Astray),
        }
    }
}

fn unreachable(fault: ureq::Error) -> HttpFault {
    HttpFault::Unreachable(Box::new(fault))
}

/// Whether a token may go to this address: the connection is encrypted, or stays on this machine.
fn may_carry(base: &str) -> bool {
    let Ok(uri) = base.parse::<Uri>() else {
        return false;
    };
    let host = uri.host().unwrap_or_default().trim_matches(['[', ']']);
    let is_here = host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback());
    uri.scheme_str() == Some("https") || is_here
}

/// How long the server wants no question; none where it refuses for another reason.
fn patience(response: &Response<Body>, status: u16, now_secs: i64) -> Option<Period> {
    let number = |name| header(response, name).and_then(|text| text.trim().parse::<i64>().ok());
    let used_up = number("x-ratelimit-remaining") == Some(0);
    let reset = number("x-ratelimit-reset")
        .filter(|_| used_up)
        .map(|at| at.saturating_sub(now_secs));
    let seconds = number("retry-after").or(reset);
    let asked =
        seconds.map(|seconds| Period::from_secs(u64::try_from(seconds.max(1)).unwrap_or(1)));
    asked
        .or((status == 429).then_some(USUAL_PATIENCE))
        .map(|period| period.min(MAX_PATIENCE))
}

fn header<'r>(response: &'r Response<Body>, name: &str) -> Option<&'r str> {
    response.headers().get(name)?.to_str().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_goes_nowhere_in_the_clear() {
        for base in [
            "https://api.github.com",
            "http://127.0.0.1:80/api",
            "http://localhost:1",
            "http://[::1]:1",
        ] {
            assert!(may_carry(base), "{base}");
        }
        for base in [
            "http://api.github.com",
            "http://127.0.0.1.evil.org",
            "http://10.0.0.1",
            "ftp://x",
            "",
        ] {
            assert!(!may_carry(base), "{base}");
        }
    }

    #[test]
    fn a_redirect_stays_on_the_server() {
        let server = Server::new(
            "https://a.org/",
            Some("secret".into()),
            Duration::from_secs(1),
        );
        let to = |location| Server::on_the_same("https://a.org/x", Some(location)).ok();
        assert_eq!(to("/y?z=1").as_deref(), Some("https://a.org/y?z=1"));
        assert_eq!(to("https://a.org/y").as_deref(), Some("https://a.org/y"));
        for elsewhere in [
            "http://a.org/y",
            "https://b.org/y",
            "https://a.org:444/y",
            "https://a.org@b.org/",
            "//b.org/y",
            "",
        ] {
            assert_eq!(to(elsewhere), None, "{elsewhere}");
        }
        assert!(!format!("{server:?}").contains("secret"));
    }
}
