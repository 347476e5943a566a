//! A running `gtctl serve`, and a client of it that sends what it is told, byte by byte.

use crate::harness::{PATIENCE, Running, Yard};
use serde_json::Value;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::Command;

/// A `gtctl serve` that listens.
pub(super) struct Site {
    pub(super) address: SocketAddr,
    /// The token that it printed; empty where there is none.
    pub(super) token: String,
    pub(super) running: Running,
}

/// An answer.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) head: String,
    pub(super) body: String,
}

impl Site {
    /// Serves the yard's town at a free port.
    pub(super) fn of(yard: &Yard, flags: &[&str]) -> Self {
        let args = [&["serve", "--listen", "127.0.0.1:0"], flags].concat();
        Self::by(yard, yard.gtctl_command(&args))
    }

    /// The same by a command of the caller's.
    pub(super) fn by(yard: &Yard, command: Command) -> Self {
        let running = yard.running(command);
        let mut url = None;
        yard.until("the address", || {
            let said = running.said();
            url = said
                .lines()
                .find_map(|line| Some(line.split_once("http://")?.1.to_owned()));
            url.is_some()
        });
        let url = url.unwrap();
        let (address, token) = url.trim().split_once('/').unwrap();
        Self {
            address: address.parse().unwrap(),
            token: token.trim_start_matches('#').to_owned(),
            running,
        }
    }

    /// Sends `GET path` with these further lines, and reads the answer.
    pub(super) fn get(&self, path: &str, lines: &[&str]) -> Answer {
        self.send(&format!("GET {path} HTTP/1.1"), lines, "")
    }

    /// The same with the token.
    pub(super) fn get_with_token(&self, path: &str) -> Answer {
        self.get(path, &["Host: localhost", &self.bearer()])
    }

    pub(super) fn bearer(&self) -> String {
        format!("Authorization: Bearer {}", self.token)
    }

    /// Sends one request, and reads the answer.
    pub(super) fn send(&self, request: &str, lines: &[&str], body: &str) -> Answer {
        let stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        answer_of(stream, request, lines, body)
    }

    /// Opens the stream of the status.
    pub(super) fn stream(&self) -> Events {
        let mut stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let request = format!(
            "GET /api/v1/stream HTTP/1.1\r\nHost: localhost\r\n{}\r\n\r\n",
            self.bearer()
        );
        stream.write_all(request.as_bytes()).unwrap();
        Events(BufReader::new(stream))
    }
}

/// Sends one request by a connection, and reads the answer to its end.
pub(super) fn answer_of(
    mut stream: impl Read + Write,
    request: &str,
    lines: &[&str],
    body: &str,
) -> Answer {
    let length = format!("Content-Length: {}", body.len());
    let head = [&[request], lines, &["Connection: close", &length, "", ""]].concat();
    stream.write_all(head.join("\r\n").as_bytes()).unwrap();
    // It may have answered already, and be gone.
    let _ = stream.write_all(body.as_bytes());
    let mut text = Vec::new();
    let _ = stream.read_to_end(&mut text);
    let text = String::from_utf8_lossy(&text).into_owned();
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
    let status = head.split(' ').nth(1).unwrap_or_default();
    Answer {
        status: status.parse().unwrap_or_default(),
        head: head.to_lowercase(),
        body: body.to_owned(),
    }
}

/// The events of a stream.
pub(super) struct Events(BufReader<TcpStream>);

impl Events {
    /// The number of the next event, and its data.
    pub(super) fn next(&mut self) -> (u64, Value) {
        let (mut id, mut data) = (0, Value::Null);
        loop {
            let mut line = String::new();
            assert!(self.0.read_line(&mut line).unwrap() > 0, "the stream ended");
            let line = line.trim_end();
            if let Some(text) = line.strip_prefix("id: ") {
                id = text.parse().unwrap();
            }
            if let Some(text) = line.strip_prefix("data: ") {
                data = serde_json::from_str(text).unwrap();
            }
            if line.is_empty() && !data.is_null() {
                return (id, data);
            }
        }
    }
}
