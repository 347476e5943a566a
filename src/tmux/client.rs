//! One call to tmux, with a deadline and a bounded answer. It goes over the server's socket, or
//! through a `tmux` process.

use super::direct::{Access, After, Connection, Fault, Greetings};
use super::held::Held;
use super::owner::{self, Listener, SocketRefusal};
use super::paths;
use super::script::{NoServer, quote};
use crate::model::environment::is_passed;
use crate::model::{SessionName, Socket};
use std::ffi::OsString;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::process::Command;
use tokio::time::Instant;

/// A client of one tmux server. Each call opens its own connection, unless the client is
/// [`lasting`](Self::lasting).
///
/// A script goes over the server's socket (see `direct`). A `tmux` process is used to start a
/// server, when the socket does not work, or when the `tmux` on PATH is a script: a user's script
/// may do more than tmux.
///
/// A process gets its script over standard input (`source-file -`), never as arguments. A frozen
/// server reads the script from the living client only. So once we give up and kill the client,
/// nothing runs late. A command in the arguments does run late (measured on 3.3a). Also, no script
/// shows up in a process list.
#[derive(Debug, Clone)]
pub struct Client {
    socket: Socket,
    select: Vec<OsString>,
    path: PathBuf,
    calls: Arc<AtomicU64>,
    deadline: Duration,
    greetings: Arc<Greetings>,
    /// The pid of the server of the last connection; 0 before the first.
    server: Arc<AtomicU32>,
    /// What new connections may be used for.
    purpose: Access,
    /// The connection of the last call, if it is kept for the next one.
    held: Option<Arc<Held>>,
}

/// How a script is to be run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Request {
    /// It only reads. Its lines are independent.
    Read,
    /// It only reads. A line that fails may end it.
    ReadAtOnce,
    /// It may change something, so it must not run late.
    Act,
}

/// When the standard input of a client process is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Input {
    AtOnce,
    /// Once a server of ours listens. The client itself starts that server.
    OnceOurs,
}

/// The pause between two checks whether a server listens.
const LISTEN_AGAIN: Duration = Duration::from_millis(2);

/// The output of a call.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CallAnswer {
    /// Standard output; bytes that are not UTF-8 are replaced.
    pub out: String,
    /// Standard error, converted likewise: one line for each command that failed.
    pub err: String,
    /// Whether the exit status was 0. For a script it says nothing about single lines.
    pub success: bool,
}

/// Why a call has no answer.
#[derive(Debug, thiserror::Error)]
pub enum CallFault {
    /// There is no `tmux` to run.
    #[error("cannot run tmux: is it installed and on PATH?")]
    NotInstalled(#[source] std::io::Error),
    /// The socket is not ours, or others could replace it. Nothing was sent.
    #[error(transparent)]
    Refused(#[from] SocketRefusal),
    /// No answer came in time. The request may or may not have been done.
    #[error("no answer from tmux within {0:?}")]
    Timeout(Duration),
    /// The output exceeds [`Client::MAX_ANSWER`].
    #[error("tmux printed more than {} MiB", Client::MAX_ANSWER >> 20)]
    Flood,
    /// The connection or the process failed.
    #[error("the call to tmux broke")]
    Io(#[source] std::io::Error),
}

impl Client {
    /// The longest duration of a call. Every verb answers within 5 s, so it leaves time to print.
    pub const DEADLINE: Duration = Duration::from_secs(4);
    /// The most bytes read of one answer. 10,000 panes take about 1 KiB each.
    pub const MAX_ANSWER: usize = 16 << 20;

    /// A client of the server on `socket`. [`Socket::Gastown`] must be resolved before; here it
    /// means the default server.
    #[must_use]
    pub fn new(socket: &Socket) -> Self {
        let select = match socket {
            Socket::Default | Socket::Gastown => vec![],
            Socket::Name(name) => vec!["-L".into(), name.into()],
            Socket::Path(path) => vec!["-S".into(), path.into()],
        };
        Self {
            socket: socket.clone(),
            select,
            path: paths::socket_path(socket),
            calls: Arc::default(),
            deadline: Self::DEADLINE,
            greetings: Arc::default(),
            server: Arc::default(),
            purpose: Access::Read,
            held: None,
        }
    }

    /// A client that keeps its connection for a moment, for further calls by it and its clones.
    ///
    /// Its owner must let the runtime run other tasks, and drop it before anything that may block.
    #[must_use]
    pub fn lasting(&self, purpose: Access) -> Self {
        if self.held.is_some() {
            return self.clone();
        }
        Self {
            purpose,
            held: Some(Arc::default()),
            ..self.clone()
        }
    }

    /// The number of round trips made so far by this client and its clones.
    #[must_use]
    pub fn calls(&self) -> u64 {
        self.calls.load(Ordering::Relaxed)
    }

    /// The pid of the server of the last connection. It is known before the call is answered.
    #[must_use]
    pub fn server(&self) -> Option<u32> {
        Some(self.server.load(Ordering::Relaxed)).filter(|pid| *pid != 0)
    }

    /// The path of the server's socket. The file need not exist.
    #[must_use]
    pub fn socket_path(&self) -> &Path {
        &self.path
    }

    /// Checks that no server listens, or that the server is ours. Call it before handing over to
    /// `tmux` itself.
    ///
    /// # Errors
    /// [`SocketRefusal`].
    pub async fn check_ours(&self) -> Result<(), SocketRefusal> {
        self.check_place()?;
        owner::check_listener(&self.path).await.map(|_| ())
    }

    /// The command that attaches this terminal to a session. Inside tmux it switches the client.
    #[must_use]
    pub fn attach_command(&self, session: &SessionName) -> std::process::Command {
        let mut command = std::process::Command::new("tmux");
        command
            .args(&self.select)
            .args(["attach-session", "-t", &format!("={session}")]);
        command
    }

    /// Shows a session in the client that now shows the session of this pane.
    ///
    /// # Errors
    /// What tmux says against it, or why it cannot be asked.
    pub async fn switch(&self, pane: &str, session: &SessionName) -> Result<(), String> {
        let client = format!("display-message -p -t {} '#{{client_name}}'\n", quote(pane));
        let told = self
            .read(&client)
            .await
            .map_err(|fault| fault.to_string())?;
        let client = told.out.trim_end();
        let target = quote(format!("={session}:"));
        let switch = format!("switch-client -c {} -t {target}\n", quote(client));
        let act = self.act(&switch, NoServer::Stale).await;
        let answer = act.map_err(|fault| fault.to_string())?;
        if answer.err.is_empty() && !client.is_empty() {
            return Ok(());
        }
        let first = answer
            .err
            .lines()
            .next()
            .unwrap_or("no client shows this pane");
        Err(first.to_owned())
    }

    /// Runs a script that only reads. If the socket does not work, a `tmux` process is used.
    ///
    /// # Errors
    /// [`CallFault`].
    pub async fn read(&self, script: &str) -> Result<CallAnswer, CallFault> {
        self.read_by(Request::Read, script).await
    }

    /// As [`read`](Self::read) with one exchange less, but a line that fails may end the script.
    ///
    /// # Errors
    /// [`CallFault`].
    pub async fn read_at_once(&self, script: &str) -> Result<CallAnswer, CallFault> {
        self.read_by(Request::ReadAtOnce, script).await
    }

    async fn read_by(&self, request: Request, script: &str) -> Result<CallAnswer, CallFault> {
        let begun = Instant::now();
        match self.direct(script, request).await {
            Ok(answer) => Ok(answer),
            Err(Fault::Doubtful(
                fault @ (CallFault::Timeout(_) | CallFault::Flood | CallFault::Refused(_)),
            )) => Err(fault),
            Err(Fault::Unasked | Fault::Doubtful(_)) => {
                self.fresh(
                    &["source-file", "-"],
                    script,
                    self.deadline.saturating_sub(begun.elapsed()),
                )
                .await
            }
        }
    }

    /// Runs a script once.
    ///
    /// # Errors
    /// [`CallFault`]: the script may or may not have run, but it will not run later.
    pub async fn act(&self, script: &str, no_server: NoServer) -> Result<CallAnswer, CallFault> {
        let begun = Instant::now();
        match self.direct(script, Request::Act).await {
            Ok(answer) => return Ok(answer),
            Err(Fault::Doubtful(fault)) => return Err(fault),
            Err(Fault::Unasked) => {}
        }
        let left = self.deadline.saturating_sub(begun.elapsed());
        match no_server {
            NoServer::Start => {
                self.fresh(&["start-server", ";", "source-file", "-"], script, left)
                    .await
            }
            NoServer::Stale => self.fresh(&["source-file", "-"], script, left).await,
        }
    }

    /// Runs a script over the socket, within the deadline. Counts the call if the server was asked.
    async fn direct(&self, script: &str, request: Request) -> Result<CallAnswer, Fault> {
        let answer =
            match tokio::time::timeout(self.deadline, Box::pin(self.exchange(script, request)))
                .await
            {
                Ok(Err(Fault::Unasked)) => return Err(Fault::Unasked),
                Ok(answer) => answer,
                Err(_) => Err(Fault::Doubtful(CallFault::Timeout(self.deadline))),
            };
        self.calls.fetch_add(1, Ordering::Relaxed);
        answer
    }

    async fn exchange(&self, script: &str, request: Request) -> Result<CallAnswer, Fault> {
        let (needed, after) = match (request, &self.held) {
            (Request::Read | Request::ReadAtOnce, None) => (Access::Read, After::End),
            (Request::Read | Request::ReadAtOnce, Some(_)) => (Access::Read, After::Ask),
            (Request::Act, None) => (Access::Act, After::End),
            (Request::Act, Some(_)) => (Access::Act, After::Ask),
        };
        if let Some(kept) = self.held.as_ref().and_then(|held| held.take(needed)) {
            match self.go_on(kept, script, request, after).await {
                Err(Fault::Unasked) => {}
                answer => return answer,
            }
        }
        if !is_plain() {
            return Err(Fault::Unasked);
        }
        self.check_place()
            .map_err(|refusal| Fault::Doubtful(CallFault::Refused(refusal)))?;
        let purpose = if needed == Access::Act {
            needed
        } else {
            self.purpose
        };
        if request == Request::ReadAtOnce
            && let Some(mut connection) =
                Connection::ask(&self.path, &self.greetings, purpose, script, after).await?
        {
            self.server
                .store(connection.server().unwrap_or(0), Ordering::Relaxed);
            let answer = connection.answer().await?;
            self.keep(connection);
            return Ok(answer);
        }
        let connection = Connection::open(&self.path, &self.greetings, purpose).await?;
        self.server
            .store(connection.server().unwrap_or(0), Ordering::Relaxed);
        self.go_on(connection, script, request, after).await
    }

    async fn go_on(
        &self,
        mut connection: Connection,
        script: &str,
        request: Request,
        after: After,
    ) -> Result<CallAnswer, Fault> {
        let answer = match request {
            Request::Read | Request::ReadAtOnce => connection.carry_out(script, after).await?,
            Request::Act => connection.act(script, after).await?,
        };
        self.keep(connection);
        Ok(answer)
    }

    fn keep(&self, connection: Connection) {
        if let Some(held) = self.held.as_ref().filter(|_| connection.is_asked()) {
            held.put(connection);
        }
    }

    /// Runs `tmux ARGS` in a process, with `input` on its standard input.
    ///
    /// # Errors
    /// [`CallFault`]. The process is then killed and reaped.
    pub async fn call(&self, args: &[&str], input: &str) -> Result<CallAnswer, CallFault> {
        self.fresh(args, input, self.deadline).await
    }

    /// Runs `tmux -V`, which calls no server.
    ///
    /// # Errors
    /// [`CallFault`].
    pub async fn version(&self) -> Result<CallAnswer, CallFault> {
        self.in_time(self.deadline, self.run(&["-V"], "", Input::AtOnce))
            .await
    }

    /// Checks that nobody else could run a server at this socket path.
    ///
    /// # Errors
    /// [`SocketRefusal`].
    pub fn check_place(&self) -> Result<(), SocketRefusal> {
        owner::check_place(&self.socket, &self.path)
    }

    async fn fresh(
        &self,
        args: &[&str],
        input: &str,
        deadline: Duration,
    ) -> Result<CallAnswer, CallFault> {
        self.in_time(deadline, self.checked(args, input)).await
    }

    async fn in_time(
        &self,
        deadline: Duration,
        call: impl Future<Output = Result<CallAnswer, CallFault>>,
    ) -> Result<CallAnswer, CallFault> {
        self.calls.fetch_add(1, Ordering::Relaxed);
        match tokio::time::timeout(deadline, call).await {
            Ok(answer) => answer,
            Err(_) => Err(CallFault::Timeout(self.deadline)),
        }
    }

    /// Runs `tmux` after checking who listens, because a `tmux` process cannot check that itself.
    async fn checked(&self, args: &[&str], input: &str) -> Result<CallAnswer, CallFault> {
        self.check_place()?;
        let listener = owner::check_listener(&self.path).await?;
        if let Listener::Ours(server) = listener {
            self.server.store(server.unwrap_or(0), Ordering::Relaxed);
            return self.run(args, input, Input::AtOnce).await;
        }
        if !owner::may_be_taken(&self.socket, &self.path) {
            return self.run(args, input, Input::AtOnce).await;
        }
        // Nobody listens yet, but somebody else could before the client connects.
        if args.first() == Some(&"start-server") {
            return self.run(args, input, Input::OnceOurs).await;
        }
        let err = format!("no server running on {}\n", self.path.display());
        Ok(CallAnswer {
            out: String::new(),
            err,
            success: false,
        })
    }

    /// Waits until a server of ours listens.
    async fn ours(&self) -> Result<(), SocketRefusal> {
        loop {
            self.check_place()?;
            if let Listener::Ours(_) = owner::check_listener(&self.path).await? {
                return Ok(());
            }
            tokio::time::sleep(LISTEN_AGAIN).await;
        }
    }

    /// A `tmux` command for this server. It gets only the variables that agents may have, and is
    /// killed when it is dropped.
    fn command(&self) -> Command {
        let mut command = Command::new("tmux");
        command.arg("-u").args(&self.select);
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        command.env_clear().envs(passed());
        command
    }

    async fn run(&self, args: &[&str], input: &str, when: Input) -> Result<CallAnswer, CallFault> {
        let mut child = self
            .command()
            .args(args)
            .spawn()
            .map_err(CallFault::NotInstalled)?;
        let (stdin, out, err) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        if when == Input::OnceOurs {
            self.ours().await?;
        }
        let (written, out, err) = tokio::join!(
            write_all(stdin, input),
            read_bounded(out),
            read_bounded(err)
        );
        // A client that ends early closes its input. Its output says why.
        drop(written);
        let (out, err) = (out?, err?);
        let status = child.wait().await.map_err(CallFault::Io)?;
        Ok(CallAnswer {
            out,
            err,
            success: status.success(),
        })
    }
}

async fn write_all(pipe: Option<tokio::process::ChildStdin>, text: &str) -> std::io::Result<()> {
    let Some(mut pipe) = pipe else { return Ok(()) };
    pipe.write_all(text.as_bytes()).await?;
    pipe.shutdown().await
}

async fn read_bounded(pipe: Option<impl AsyncRead + Unpin>) -> Result<String, CallFault> {
    let Some(pipe) = pipe else {
        return Ok(String::new());
    };
    // The capacity of a pipe. Without it, reading would start with a few bytes at a time.
    let mut bytes = Vec::with_capacity(64 << 10);
    let limit = Client::MAX_ANSWER as u64 + 1;
    pipe.take(limit)
        .read_to_end(&mut bytes)
        .await
        .map_err(CallFault::Io)?;
    if bytes.len() > Client::MAX_ANSWER {
        return Err(CallFault::Flood);
    }
    Ok(String::from_utf8(bytes)
        .unwrap_or_else(|e| String::from_utf8_lossy(e.as_bytes()).into_owned()))
}

/// Our environment variables that tmux, and so the agents, may have.
pub(super) fn passed() -> impl Iterator<Item = (OsString, OsString)> {
    std::env::vars_os().filter(|(name, _)| is_passed(name))
}

/// Whether the `tmux` on PATH is a binary and no script, by its first bytes.
fn is_plain() -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut head = [0; 4];
    let program = std::env::split_paths(&path)
        .find_map(|folder| std::fs::File::open(folder.join("tmux")).ok());
    program.is_some_and(|mut file| file.read_exact(&mut head).is_ok()) && head == *b"\x7fELF"
}
