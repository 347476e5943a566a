//! Asks opencode's own server what its agent does, over loopback.
//!
//! gtctl gives opencode the port at its start, and a password, for whoever reaches that server can
//! have the agent run commands. Both are read back from the process: so they are known after any
//! loss of files.

use crate::model::ProcId;
use crate::model::SortedMap;
use crate::proc::{process, sockets};
use crate::reports::{self, Hooked};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use std::fs::File;
use std::io::{self, Read};
use std::net::{Ipv4Addr, TcpListener};
use std::time::Duration;
use ureq::Agent;

/// The argument that names the port.
pub(super) const PORT: &str = "--port";
/// The variable with the password of the server. Without one the server asks for none.
pub(super) const PASSWORD: &str = "OPENCODE_SERVER_PASSWORD";
/// The variable with the user's name for the server.
const USER: &str = "OPENCODE_SERVER_USERNAME";
/// The name without that variable.
const USUAL_USER: &str = "opencode";
/// How long one answer may take. Real ones took some 5 ms.
const DEADLINE: Duration = Duration::from_millis(500);
/// The longest answer, in bytes. One conversation takes some 60.
const MAX_ANSWER: u64 = 64 << 10;
/// The longest command line that is read, in bytes.
const MAX_ARGV: u64 = 128 << 10;
/// Bytes of a password.
const SECRET: usize = 16;

/// Where the server of one process listens, and how to ask it.
pub struct StatusPort {
    port: u16,
    authorization: Option<String>,
    agent: Agent,
}

impl std::fmt::Debug for StatusPort {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StatusPort")
            .field("port", &self.port)
            .finish_non_exhaustive()
    }
}

/// Why a server has told nothing.
#[derive(Debug, thiserror::Error)]
pub enum StatusFault {
    /// It could not be reached, took too long, or broke off.
    #[error("{0}")]
    Unreachable(Box<ureq::Error>),
    /// It refuses the question.
    #[error("the server answers {0}")]
    Status(u16),
    /// Its answer is not understood.
    #[error("the server answers something else")]
    Unread,
}

impl StatusPort {
    /// Of this process, once it listens. None before that, and where it was started without a port,
    /// or another user listens there.
    #[must_use]
    pub fn of(process: ProcId) -> Option<Self> {
        let argv = process::argv(process.pid, MAX_ARGV)?;
        let port = port_in(&argv).filter(|port| sockets::is_own_listener(*port))?;
        let variables = process::environment(process.pid);
        let is_it = process::identify(process.pid) == Some(process);
        is_it.then(|| Self {
            port,
            authorization: authorization(&variables),
            agent: Agent::config_builder()
                .max_redirects(0)
                .http_status_as_error(false)
                .proxy(None)
                .user_agent(concat!("gtctl/", env!("CARGO_PKG_VERSION")))
                .timeout_global(Some(DEADLINE))
                .build()
                .into(),
        })
    }

    /// Asks once. Blocks, for [`DEADLINE`] at most.
    ///
    /// # Errors
    /// [`StatusFault`].
    pub fn ask(&self) -> Result<Hooked, StatusFault> {
        let unreachable = |fault| StatusFault::Unreachable(Box::new(fault));
        let at = format!(
            "http://{}:{}/session/status",
            Ipv4Addr::LOCALHOST,
            self.port
        );
        let mut request = self.agent.get(&at);
        if let Some(authorization) = &self.authorization {
            request = request.header("authorization", authorization);
        }
        let mut response = request.call().map_err(unreachable)?;
        if response.status().as_u16() != 200 {
            return Err(StatusFault::Status(response.status().as_u16()));
        }
        let body = response
            .body_mut()
            .with_config()
            .limit(MAX_ANSWER)
            .read_to_vec()
            .map_err(unreachable)?;
        reports::session_status(&body).ok_or(StatusFault::Unread)
    }
}

/// The port that a command line names.
pub(super) fn port_in(argv: &[String]) -> Option<u16> {
    let mut words = argv.iter();
    let port: u16 = loop {
        let word = words.next()?;
        if word == PORT {
            break words.next()?.parse().ok()?;
        }
        if let Some(value) = word.strip_prefix("--port=") {
            break value.parse().ok()?;
        }
    };
    (port > 0).then_some(port)
}

fn authorization(variables: &SortedMap<String, Vec<u8>>) -> Option<String> {
    let password = variables.get(PASSWORD).filter(|value| !value.is_empty())?;
    let user = variables
        .get(USER)
        .filter(|value| !value.is_empty())
        .map_or(USUAL_USER.as_bytes(), Vec::as_slice);
    let pair = [user, b":", password].concat();
    Some(format!("Basic {}", STANDARD.encode(pair)))
}

/// A port on which nobody listens now. Another program may take it before the client does; then the
/// client says so and leaves, and the next start gets another one.
pub(super) fn free_port() -> io::Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?
        .local_addr()?
        .port())
}

/// A password that nobody can guess.
pub(super) fn password() -> io::Result<String> {
    let mut bytes = [0u8; SECRET];
    File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(format!("{:032x}", u128::from_be_bytes(bytes)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        text.split(' ').map(str::to_owned).collect()
    }

    #[test]
    fn a_port_is_read_from_a_command_line() {
        assert_eq!(port_in(&words("node opencode --port 4096")), Some(4096));
        assert_eq!(port_in(&words("opencode --port=4097 -s ses_a")), Some(4097));
        for bad in [
            "opencode",
            "opencode --port",
            "opencode --port 0",
            "opencode --port 99999",
        ] {
            assert_eq!(port_in(&words(bad)), None, "{bad}");
        }
    }

    #[test]
    fn passwords_differ_and_go_with_the_name() {
        let password_of = |_| password().unwrap();
        let some: crate::model::SortedSet<String> = (0..100).map(password_of).collect();
        assert_eq!(some.len(), 100);
        let variables = [(PASSWORD.to_owned(), b"sesame".to_vec())].into();
        // `opencode:sesame`
        let expected = "Basic b3BlbmNvZGU6c2VzYW1l";
        assert_eq!(authorization(&variables).as_deref(), Some(expected));
        assert_eq!(authorization(&SortedMap::new()), None);
    }
}
