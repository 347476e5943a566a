//! Scripts for tmux: quoting, and batches that get a reply for each line.
//!
//! tmux's own parser reads a script. So every word is in double quotes, with `\ooo` for each byte
//! that could have a meaning. No `#(..)`, `$VAR`, `;`, `~`, brace or newline of a user is read as
//! syntax.
//!
//! Lines are independent: one that fails does not stop the others. Within a line, a command that
//! fails stops the rest. So a reply at the end of a line proves that all of the line was done.

use super::nonce::nonce;
use super::{Access, CallAnswer, CallFault, Client};
use std::fmt::Write as _;
use std::time::{Duration, Instant};

/// Quotes one word of a script, so that tmux takes it literally. A NUL ends the word, because tmux
/// cannot carry it.
#[must_use]
pub fn quote(text: impl AsRef<[u8]>) -> String {
    let mut quoted = String::from('"');
    for &byte in text.as_ref() {
        if byte.is_ascii_alphanumeric() || b"_/.,:=@%+-".contains(&byte) {
            quoted.push(char::from(byte));
        } else {
            // Writing to a String cannot fail.
            let _ = write!(quoted, "\\{byte:03o}");
        }
    }
    quoted.push('"');
    quoted
}

/// Quotes one word where tmux expands formats (`-c`, `-s`, `-n`). Doubles each `#`, so that it
/// stays literal.
#[must_use]
pub fn quote_format(text: impl AsRef<[u8]>) -> String {
    let mut doubled = Vec::new();
    for &byte in text.as_ref() {
        doubled.push(byte);
        if byte == b'#' {
            doubled.push(byte);
        }
    }
    quote(doubled)
}

/// The prefix of a line's replies. No text on a screen can forge it.
#[derive(Debug, Clone)]
pub struct Tag(String);

impl Tag {
    /// A command that says the line is done. `fields` is a format, read at the quoted `target`.
    #[must_use]
    pub fn ok(&self, target: &str, fields: &str) -> String {
        self.say("ok", target, fields)
    }

    /// A command that says the fence refused.
    #[must_use]
    pub fn stale(&self, target: &str, fields: &str) -> String {
        self.say("stale", target, fields)
    }

    /// A command that starts the text of the reply. The text ends at `ok`.
    #[must_use]
    pub fn begin(&self) -> String {
        format!("display-message -p {}", quote(format!("{} begin", self.0)))
    }

    fn say(&self, word: &str, target: &str, fields: &str) -> String {
        format!(
            "display-message -p -t {target} {}",
            quote(format!("{} {word} {fields}", self.0))
        )
    }
}

/// The result of one line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// All of it was done.
    Ok {
        /// The values of the requested fields.
        fields: String,
        /// The output between [`Tag::begin`] and `ok`, each line with its newline.
        text: String,
    },
    /// Nothing was done: the fence refused, or the server is gone. Contains the fields of
    /// [`Tag::stale`].
    Stale(String),
    /// tmux refused it with this message.
    Refused(String),
    /// It is unknown whether it was done, for this reason.
    Unseen(String),
}

/// What a batch does if there is no server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoServer {
    /// Starts one. The last look has seen no server.
    Start,
    /// Every line is stale.
    Stale,
}

/// Lines that run in order, in as few calls as the limits allow.
#[derive(Debug)]
pub struct Batch {
    nonce: String,
    lines: Vec<String>,
}

impl Default for Batch {
    fn default() -> Self {
        Self {
            nonce: nonce(),
            lines: vec![],
        }
    }
}

impl Batch {
    /// The number of lines in the first call. It stays far below the deadline: with 1,000 sessions,
    /// tmux takes about 13 ms for a start. Later calls have more or fewer lines, depending on the
    /// time of the last call.
    pub const FIRST_LINES: usize = 32;
    /// The most lines in one call.
    pub const MAX_LINES: usize = 256;
    /// The most bytes in one call, unless a single line has more.
    pub const MAX_BYTES: usize = 256 << 10;

    /// Adds a line: commands joined by ` ; `.
    pub fn push(&mut self, line: impl FnOnce(&Tag) -> String) {
        let tag = Tag(format!("{} {}", self.nonce, self.lines.len()));
        self.lines.push(line(&tag));
    }

    /// Whether there is nothing to run.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// Runs the lines and returns a reply for each, in order.
    ///
    /// After a call without an answer no other call is made: the remaining lines are
    /// [`Reply::Unseen`] too. No line is tried twice.
    pub async fn run(self, client: &Client, no_server: NoServer) -> Vec<Reply> {
        let client = &client.lasting(Access::Act);
        let mut replies = Vec::with_capacity(self.lines.len());
        let mut failure = None;
        let (mut unsent, mut pace) = (self.lines.as_slice(), Pace::default());
        while !unsent.is_empty() {
            let first = replies.len();
            if let Some(why) = &failure {
                replies.extend(
                    unsent
                        .iter()
                        .map(|_| Reply::Unseen(format!("not tried: {why}"))),
                );
                break;
            }
            let (chunk, after) = unsent.split_at(pace.fitting(unsent));
            unsent = after;
            let begun = Instant::now();
            let mut script = chunk.join("\n");
            script.push('\n');
            match client.act(&script, no_server).await {
                Ok(answer) => {
                    pace.took(begun.elapsed());
                    replies.extend(self.read(first, chunk.len(), &answer));
                }
                Err(fault) => {
                    replies.extend(chunk.iter().map(|_| unanswered(&fault)));
                    failure = Some(fault.to_string());
                }
            }
        }
        replies
    }

    /// Runs a single line.
    pub async fn run_one(client: &Client, line: impl FnOnce(&Tag) -> String) -> Reply {
        let mut batch = Self::default();
        batch.push(line);
        let reply = batch.run(client, NoServer::Stale).await.pop();
        reply.unwrap_or_else(|| Reply::Unseen("no reply".to_owned()))
    }

    /// Reads the replies of `count` lines, beginning with index `first`, from the output of their
    /// call.
    fn read(&self, first: usize, count: usize, answer: &CallAnswer) -> Vec<Reply> {
        let mut replies: Vec<Option<Reply>> = vec![None; count];
        let prefix = format!("{} ", self.nonce);
        let mut text = String::new();
        for line in answer.out.split_inclusive('\n') {
            let Some(reply) = line.strip_prefix(&prefix) else {
                text.push_str(line);
                continue;
            };
            let mut words = reply.trim_end_matches('\n').splitn(3, ' ');
            let index = words
                .next()
                .and_then(|i| i.parse::<usize>().ok())
                .and_then(|i| i.checked_sub(first));
            let (word, fields) = (
                words.next().unwrap_or(""),
                words.next().unwrap_or("").to_owned(),
            );
            let text = std::mem::take(&mut text);
            // Only the first reply of a line counts.
            let slot = index
                .and_then(|i| replies.get_mut(i))
                .filter(|slot| slot.is_none());
            match (slot, word) {
                (Some(slot), "ok") => *slot = Some(Reply::Ok { fields, text }),
                (Some(slot), "stale") => *slot = Some(Reply::Stale(fields)),
                (Some(_) | None, _) => {}
            }
        }
        fill(replies, answer)
    }
}

/// Fills in the lines without a reply from standard error. Errors come in the order of the lines.
fn fill(replies: Vec<Option<Reply>>, answer: &CallAnswer) -> Vec<Reply> {
    let errors: Vec<&str> = answer.err.lines().collect();
    let missing = replies.iter().filter(|r| r.is_none()).count();
    let no_server = missing == replies.len()
        && errors
            .iter()
            .any(|e| e.starts_with("no server running") || e.starts_with("error connecting"));
    let mut each = errors.iter();
    let mut next_reply = || {
        if no_server {
            return Reply::Stale("the tmux server is gone".to_owned());
        }
        match each.next() {
            Some(error) if errors.len() == missing => Reply::Refused((*error).to_owned()),
            Some(_) | None => Reply::Unseen(match answer.err.trim() {
                "" => "tmux ended without a word".to_owned(),
                message => format!("tmux said: {}", message.replace('\n', "; ")),
            }),
        }
    };
    replies
        .into_iter()
        .map(|reply| reply.unwrap_or_else(&mut next_reply))
        .collect()
}

fn unanswered(fault: &CallFault) -> Reply {
    match fault {
        CallFault::NotInstalled(_) | CallFault::Refused(_) => Reply::Refused(fault.to_string()),
        CallFault::Timeout(_) | CallFault::Flood | CallFault::Io(_) => {
            Reply::Unseen(fault.to_string())
        }
    }
}

/// The number of lines in the next call.
struct Pace(usize);

impl Default for Pace {
    fn default() -> Self {
        Self(Batch::FIRST_LINES)
    }
}

impl Pace {
    /// After a call faster than this, the number doubles.
    const QUICK: Duration = Duration::from_millis(500);
    /// After a call slower than this, the number is halved.
    const SLOW: Duration = Duration::from_secs(1);

    /// How many of these lines fit into the next call. At least one.
    fn fitting(&self, lines: &[String]) -> usize {
        let mut bytes = 0;
        let fitting = lines.iter().take(self.0).take_while(|line| {
            bytes += line.len() + 1;
            bytes <= Batch::MAX_BYTES
        });
        fitting.count().max(1)
    }

    /// Adapts the number to the duration of a call.
    fn took(&mut self, time: Duration) {
        if time < Self::QUICK {
            self.0 = (self.0 * 2).min(Batch::MAX_LINES);
        } else if time > Self::SLOW {
            self.0 = (self.0 / 2).max(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quoting_leaves_nothing_that_means_anything() {
        assert_eq!(quote("a-b/c.d=1"), r#""a-b/c.d=1""#);
        assert_eq!(quote(""), r#""""#);
        assert_eq!(quote("$H;\n#(x)"), r#""\044H\073\012\043\050x\051""#);
        assert_eq!(quote("é"), r#""\303\251""#);
        assert_eq!(quote_format("#(x)"), r#""\043\043\050x\051""#);
        let every: Vec<u8> = (1..=255).collect();
        let quoted = quote(every);
        assert!(
            quoted
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"_/.,:=@%+-\\\"".contains(&b))
        );
        assert_eq!(quoted.bytes().filter(|b| *b == b'"').count(), 2);
    }

    #[test]
    fn calls_keep_their_bounds_and_grow_while_they_are_quick() {
        let lines: Vec<String> = (0..1000).map(|n| n.to_string()).collect();
        let mut pace = Pace::default();
        let mut fitting = |took: u64| {
            let count = pace.fitting(&lines);
            pace.took(Duration::from_millis(took));
            count
        };
        assert_eq!(
            [1, 1, 1, 1, 700, 1500, 1500, 1].map(&mut fitting),
            [32, 64, 128, 256, 256, 256, 128, 64]
        );
        for _ in 0..20 {
            fitting(3000);
        }
        assert_eq!(fitting(3000), 1);
        let long = [
            "x".repeat(Batch::MAX_BYTES + 1),
            "y".into(),
            "z".repeat(Batch::MAX_BYTES - 1),
        ];
        assert_eq!(
            [0, 1, 2].map(|from| Pace::default().fitting(&long[from..])),
            [1, 1, 1]
        );
    }

    #[test]
    fn replies_find_their_lines_and_errors_theirs() {
        let mut batch = Batch::default();
        for _ in 0..3 {
            batch.push(|_| String::new());
        }
        let n = batch.nonce.clone();
        let answer = CallAnswer {
            out: format!("{n} 0 begin\none\ntwo\n{n} 0 ok a b\n{n} 2 stale c\n"),
            err: "duplicate session: x\n".into(),
            success: false,
        };
        let replies = batch.read(0, 3, &answer);
        assert_eq!(
            replies[0],
            Reply::Ok {
                fields: "a b".into(),
                text: "one\ntwo\n".into()
            }
        );
        assert_eq!(replies[1], Reply::Refused("duplicate session: x".into()));
        assert_eq!(replies[2], Reply::Stale("c".into()));
        let gone = CallAnswer {
            out: String::new(),
            err: "no server running on /x\n".into(),
            success: false,
        };
        assert!(
            batch
                .read(0, 3, &gone)
                .iter()
                .all(|r| matches!(r, Reply::Stale(_)))
        );
        let broke = CallAnswer {
            out: String::new(),
            err: "server exited unexpectedly\n".into(),
            success: false,
        };
        assert!(
            batch
                .read(0, 3, &broke)
                .iter()
                .all(|r| matches!(r, Reply::Unseen(_)))
        );
    }
}
