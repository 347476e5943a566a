//! A very small HTTP answerer: one page at `/metrics`, the last that was given, for whoever is on
//! this host.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{AbortHandle, JoinHandle, JoinSet};

/// How long one answer may take, from the connection to its end.
const DEADLINE: Duration = Duration::from_secs(2);
/// Connections served at once. One more closes the oldest, so that those that dawdle keep nobody
/// out: a scraper is answered in a millisecond.
const AT_ONCE: usize = 32;
/// The longest request that is read, in bytes.
const REQUEST: usize = 8 << 10;
/// What rests the listener after a connection that could not be taken, as when all file descriptors
/// are in use.
const REST: Duration = Duration::from_millis(200);

/// A listening port, until it is dropped.
#[derive(Debug)]
pub(super) struct Port {
    address: SocketAddr,
    page: watch::Sender<String>,
    listener: JoinHandle<()>,
}

impl Port {
    /// Listens at a loopback address, in the present tokio runtime: it answers whenever that waits.
    ///
    /// # Errors
    /// What the system says, as when the port is taken.
    pub(super) fn open(address: SocketAddr) -> std::io::Result<Self> {
        let listener = std::net::TcpListener::bind(address)?;
        listener.set_nonblocking(true)?;
        let listener = TcpListener::from_std(listener)?;
        let (page, pages) = watch::channel(String::new());
        Ok(Self {
            address,
            page,
            listener: tokio::spawn(listen(listener, pages)),
        })
    }

    /// Whether it listens there.
    pub(super) fn is_at(&self, address: SocketAddr) -> bool {
        self.address == address
    }

    /// What is answered from now on.
    pub(super) fn show(&self, page: &str) {
        self.page.send_replace(page.to_owned());
    }
}

impl Drop for Port {
    fn drop(&mut self) {
        self.listener.abort();
    }
}

async fn listen(listener: TcpListener, pages: watch::Receiver<String>) {
    let mut served = JoinSet::new();
    // The oldest first.
    let mut handles: VecDeque<AbortHandle> = VecDeque::new();
    loop {
        let taken = listener.accept().await;
        while served.try_join_next().is_some() {}
        handles.retain(|handle| !handle.is_finished());
        match taken {
            Ok((stream, _)) => {
                if handles.len() >= AT_ONCE
                    && let Some(oldest) = handles.pop_front()
                {
                    oldest.abort();
                }
                let page = pages.borrow().clone();
                handles.push_back(served.spawn(async move {
                    // One that is too slow is cut off: it will come again.
                    let _ = tokio::time::timeout(DEADLINE, answer(stream, &page)).await;
                }));
            }
            Err(_) => tokio::time::sleep(REST).await,
        }
    }
}

async fn answer(mut stream: TcpStream, page: &str) -> std::io::Result<()> {
    let request = read_head(&mut stream).await?;
    let (status, kind, body) = reply(&request, page);
    let head = format!(
        "HTTP/1.0 {status}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).await?;
    if !request.starts_with(b"HEAD ") {
        stream.write_all(body.as_bytes()).await?;
    }
    stream.shutdown().await
}

/// Up to the empty line that ends a request's head.
async fn read_head(stream: &mut TcpStream) -> std::io::Result<Vec<u8>> {
    let mut request = Vec::new();
    let mut buffer = [0; 1024];
    loop {
        let n = stream.read(&mut buffer).await?;
        request.extend(buffer.iter().take(n));
        let ended = request.windows(4).any(|four| four == b"\r\n\r\n")
            || request.windows(2).any(|two| two == b"\n\n");
        if n == 0 || ended || request.len() > REQUEST {
            return Ok(request);
        }
    }
}

const PAGE: &str = "text/plain; version=0.0.4; charset=utf-8";
const PLAIN: &str = "text/plain; charset=utf-8";

fn reply<'p>(request: &[u8], page: &'p str) -> (&'static str, &'static str, &'p str) {
    let text = String::from_utf8_lossy(request);
    let mut words = text.lines().next().unwrap_or_default().split(' ');
    let (method, target) = (
        words.next().unwrap_or_default(),
        words.next().unwrap_or_default(),
    );
    let path = target.split('?').next().unwrap_or_default();
    if request.len() > REQUEST {
        return ("431 Request Header Fields Too Large", PLAIN, "too long\n");
    }
    match (method, path) {
        ("GET" | "HEAD", _) if !is_for_this_host(&text) => {
            ("403 Forbidden", PLAIN, "only for this host\n")
        }
        ("GET" | "HEAD", "/metrics") if page.is_empty() => {
            ("503 Service Unavailable", PLAIN, "no cycle yet\n")
        }
        ("GET" | "HEAD", "/metrics") => ("200 OK", PAGE, page),
        ("GET" | "HEAD", _) => ("404 Not Found", PLAIN, "look at /metrics\n"),
        _ => ("405 Method Not Allowed", PLAIN, "only GET\n"),
    }
}

/// A page in a browser can have a name of its own resolve to this host; what it then asks for
/// carries that name.
fn is_for_this_host(request: &str) -> bool {
    let headers = request.lines().filter_map(|line| line.split_once(':'));
    let mut hosts = headers.filter(|(name, _)| name.trim().eq_ignore_ascii_case("host"));
    hosts.all(|(_, host)| is_this_host(host.trim()))
}

fn is_this_host(host: &str) -> bool {
    let name = host
        .rsplit_once(':')
        .filter(|(_, port)| port.parse::<u16>().is_ok())
        .map_or(host, |(name, _)| name);
    let name = name.trim_start_matches('[').trim_end_matches(']');
    name == "localhost" || name.parse::<std::net::IpAddr>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(request: &str) -> &'static str {
        reply(request.as_bytes(), "page").0
    }

    #[test]
    fn only_the_page_is_answered_and_only_here() {
        for (request, want) in [
            (
                "GET /metrics HTTP/1.1\r\nHost: 127.0.0.1:9464\r\n\r\n",
                "200 OK",
            ),
            (
                "GET /metrics?x=1 HTTP/1.0\r\nhost: localhost\r\n\r\n",
                "200 OK",
            ),
            (
                "HEAD /metrics HTTP/1.1\r\nHost: [::1]:9464\r\n\r\n",
                "200 OK",
            ),
            ("GET /metrics\r\n\r\n", "200 OK"),
            (
                "GET /metrics HTTP/1.1\r\nHost: evil.example:9464\r\n\r\n",
                "403 Forbidden",
            ),
            (
                "GET /metrics HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n\r\n",
                "403 Forbidden",
            ),
            (
                "GET /metrics HTTP/1.1\r\nHost : evil.example\r\n\r\n",
                "403 Forbidden",
            ),
            (
                "GET /metrics HTTP/1.1\r\n Host: evil.example\r\n\r\n",
                "403 Forbidden",
            ),
            ("GET / HTTP/1.1\r\n\r\n", "404 Not Found"),
            ("POST /metrics HTTP/1.1\r\n\r\n", "405 Method Not Allowed"),
            ("", "405 Method Not Allowed"),
            ("\u{fffd}\u{1}", "405 Method Not Allowed"),
        ] {
            assert_eq!(status(request), want, "{request:?}");
        }
        assert_eq!(
            status(&format!("GET /metrics HTTP/1.1\r\n{}", "a".repeat(REQUEST))),
            "431 Request Header Fields Too Large"
        );
        assert_eq!(
            reply(b"GET /metrics\r\n\r\n", "").0,
            "503 Service Unavailable"
        );
    }

    async fn ask(address: SocketAddr, request: &[u8]) -> String {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(request).await.unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).await.unwrap();
        text
    }

    fn free() -> SocketAddr {
        std::net::TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
    }

    #[tokio::test]
    async fn the_last_page_is_served_while_others_dawdle() {
        let address = free();
        let port = Port::open(address).unwrap();
        assert!(port.is_at(address) && Port::open(address).is_err());
        port.show("one\n");
        let others = dawdlers(AT_ONCE * 3, address).await;
        assert!(
            ask(address, b"GET /metrics HTTP/1.1\r\n\r\n")
                .await
                .ends_with("\r\n\r\none\n")
        );
        port.show("two\n");
        let answer = ask(address, b"GET /metrics HTTP/1.1\r\n\r\n").await;
        assert!(
            answer.starts_with("HTTP/1.0 200 OK\r\n") && answer.ends_with("\r\n\r\ntwo\n"),
            "{answer}"
        );
        let head = ask(address, b"HEAD /metrics HTTP/1.1\r\n\r\n").await;
        assert!(
            head.contains("Content-Length: 4\r\n") && head.ends_with("\r\n\r\n"),
            "{head}"
        );
        drop((port, others));
    }

    async fn dawdlers(count: usize, address: SocketAddr) -> Vec<TcpStream> {
        let mut streams = Vec::new();
        for _ in 0..count {
            streams.push(TcpStream::connect(address).await.unwrap());
        }
        streams
    }
}
