//! Verbs about a town on several hosts.
//!
//! Each host is asked by its own gtctl: this one as a child, the others by ssh, all at the same
//! time. What they answer becomes one page. A verb that finds itself called by another host
//! (`--on HOST`, with the host that it is) does its work as in a town on one host.
//!
//! | file | its part |
//! |---|---|
//! | `words.rs` | the words of a verb, as another gtctl gets them |
//! | `routes.rs` | which sessions are on which host |
//! | `look.rs` | verbs that only look |
//! | `follow.rs` `follow_events.rs` | what goes on and on at our terminal |
//! | `work.rs` | verbs that act |
//! | `restarts.rs` | asks before much is restarted |
//! | `manifest.rs` | sends the manifest |
//! | `hosts.rs` `setup.rs` | `gtctl hosts` |

mod follow;
mod follow_events;
mod hosts;
mod look;
mod manifest;
mod restarts;
mod routes;
mod setup;
mod words;
mod work;

pub(super) use hosts::run as hosts;
pub(super) use routes::Routes;
pub(super) use words::VerbWords;

use super::args::{Global, Verb};
use super::exit::{Exit, Trouble};
use super::output::Terminal;
use super::own;
use super::place::Place;
use crate::model::SortedMap;
use crate::model::environment::Inherit;
use crate::model::{HostName, Period, Unreached};
use crate::proc::child::{self, Bound, Ending, Leftovers, Spec, Stream};
use crate::remote::{Call, Masters, RemoteReply, call};
use crate::render::fleet::{self, HostAnswer, HostReply};
use futures_util::future::join_all;
use std::ffi::OsString;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// How long a host may take for a verb that only looks. With all that is around it, the verb ends
/// within ten seconds.
const LOOK: Duration = Duration::from_secs(7);
/// Bytes kept of what a host prints.
const KEPT: usize = 32 << 20;

/// What a host is asked for: page or text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Pages,
    Text,
}

/// A call of one host.
pub(super) struct Asked {
    name: HostName,
    words: Vec<String>,
}

/// A town on several hosts, as a verb sees it.
pub(super) struct Fleet<'a> {
    place: &'a Place,
    global: &'a Global,
    masters: Masters,
}

/// The hosts that a verb is about. None where it is about this host alone, as in a town without
/// hosts.
///
/// # Errors
/// `--on` names a host that there is not.
pub(super) fn of<'a>(place: &'a Place, global: &'a Global) -> Result<Option<Fleet<'a>>, Trouble> {
    let hosts = &place.town.hosts;
    for name in &global.on {
        let is_known = HostName::new(name).is_ok_and(|name| hosts.all.contains_key(&name));
        if !is_known {
            return Err(unknown_host(place, name));
        }
    }
    let here = hosts.here.as_ref().map(HostName::as_str);
    let is_here_alone = matches!(global.on.as_slice(), [only] if Some(only.as_str()) == here);
    if hosts.is_empty() || is_here_alone {
        return Ok(None);
    }
    let command = std::env::var("GTCTL_SSH").ok();
    let runtime = std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from);
    Ok(Some(Fleet {
        place,
        global,
        masters: Masters::open(command.as_deref(), runtime.as_deref()),
    }))
}

/// Whether a verb can be about other hosts.
pub(super) fn can_go(verb: &Verb) -> bool {
    match verb {
        Verb::Apply(_)
        | Verb::Diff(_)
        | Verb::Status(_)
        | Verb::Top(_)
        | Verb::Explain(_)
        | Verb::Expire(_)
        | Verb::Start(_)
        | Verb::Stop(_)
        | Verb::Down(_)
        | Verb::Restart(_)
        | Verb::Reset(_)
        | Verb::Pause(_)
        | Verb::Resume(_)
        | Verb::Nudge(_)
        | Verb::Answer(_)
        | Verb::Attach(_)
        | Verb::Events(_)
        | Verb::Logs(_)
        | Verb::Verify(_)
        | Verb::Wait(_)
        | Verb::Hosts(_)
        | Verb::Doctor(_) => true,
        Verb::Reconcile(_)
        | Verb::Config { .. }
        | Verb::Forecast(_)
        | Verb::Record(_)
        | Verb::Replay(_)
        | Verb::Chore { .. }
        | Verb::MoveServer(_)
        | Verb::Adopt(_)
        | Verb::Import(_)
        | Verb::Init(_)
        | Verb::Validate(_)
        | Verb::Schema(_)
        | Verb::Report(_)
        | Verb::Serve(_)
        | Verb::Metrics(_)
        | Verb::Service(_)
        | Verb::Completions(_)
        | Verb::Man(_)
        | Verb::Guard { .. }
        | Verb::Sink(_) => false,
    }
}

fn unknown_host(place: &Place, name: &str) -> Trouble {
    let names: Vec<&str> = place.town.hosts.all.keys().map(HostName::as_str).collect();
    let help = if names.is_empty() {
        "the manifest has no [hosts]".to_owned()
    } else {
        format!("the hosts are {}", names.join(", "))
    };
    Trouble::new(format!(
        "there is no host `{name}` in town {}",
        place.town.name
    ))
    .help(help)
    .exits(Exit::Usage)
}

impl Fleet<'_> {
    /// The hosts that the verb is about: those of `--on`, else all.
    fn chosen(&self) -> Vec<HostName> {
        let all = self.place.town.hosts.all.keys();
        let on = &self.global.on;
        all.filter(|name| on.is_empty() || on.iter().any(|on| on == name.as_str()))
            .cloned()
            .collect()
    }

    fn is_here(&self, name: &HostName) -> bool {
        self.place.town.hosts.here.as_ref() == Some(name)
    }

    /// The text of the manifest, which other hosts get.
    ///
    /// # Errors
    /// Where it includes other files: only one file is sent.
    fn text(&self) -> Result<&str, Trouble> {
        if self.place.texts.included.is_empty() {
            return Ok(&self.place.texts.town);
        }
        Err(Trouble::new("a manifest that includes other files cannot be sent to other hosts")
            .help("put everything into one file, or use `--on` with the host that this machine is"))
    }

    /// The same words for all hosts that the verb is about.
    pub(super) fn everywhere(&self, words: &[String]) -> Vec<Asked> {
        let chosen = self.chosen().into_iter();
        chosen
            .map(|name| Asked {
                name,
                words: words.to_vec(),
            })
            .collect()
    }

    /// Asks hosts, all at the same time. Each may take `limit`.
    async fn ask(
        &self,
        asked: &[Asked],
        form: Form,
        input: &str,
        limit: Duration,
    ) -> Vec<HostAnswer<'_>> {
        let calls = asked
            .iter()
            .map(|asked| self.ask_one(asked, form, input, limit));
        join_all(calls).await.into_iter().flatten().collect()
    }

    async fn ask_one(
        &self,
        asked: &Asked,
        form: Form,
        input: &str,
        limit: Duration,
    ) -> Option<HostAnswer<'_>> {
        let (name, host) = self.place.town.hosts.all.get_key_value(&asked.name)?;
        let is_here = self.is_here(name);
        let words: Vec<String> = words::of_form(form, self.global)
            .into_iter()
            .chain(asked.words.iter().cloned())
            .collect();
        let reply = if is_here {
            self.ask_here(name, &words, input, limit).await
        } else {
            let this = Call {
                name,
                host,
                words: &words,
                input,
                limit,
            };
            call(&this, &self.masters).await
        };
        Some(HostAnswer {
            name,
            host,
            is_here,
            reply: reply.and_then(|reply| read(&reply, form)),
        })
    }

    /// This host is asked by this program, as others are by theirs.
    async fn ask_here(
        &self,
        name: &HostName,
        words: &[String],
        input: &str,
        limit: Duration,
    ) -> Result<RemoteReply, Unreached> {
        let begun = Instant::now();
        let mut argv = own::command(self.place, self.global);
        let own = ["--this-host", name.as_str(), "--on", name.as_str()];
        argv.extend(own.map(OsString::from));
        argv.extend(words.iter().map(OsString::from));
        let dir = std::env::current_dir().unwrap_or_else(|_| "/".into());
        let ran = child::run(&Spec {
            argv: child::words(&argv),
            dir: &dir,
            inherit: Inherit::Most,
            variables: SortedMap::new(),
            input,
            out: Stream::Kept(Bound::head(KEPT)),
            err: Stream::Kept(Bound::tail(64 << 10)),
            limit,
            leftovers: Leftovers::Stay,
        })
        .await;
        let code = match &ran.ending {
            Ending::Exited(status) => status.code().and_then(|code| u8::try_from(code).ok()),
            Ending::TimedOut => return Err(Unreached::Slow(period(limit))),
            Ending::Flooded | Ending::Cancelled => None,
            Ending::NotStarted(fault) | Ending::Lost(fault) => {
                return Err(Unreached::NoGtctl(fault.to_string()));
            }
        };
        Ok(RemoteReply {
            code: code.unwrap_or(1),
            out: ran.out.text(),
            err: ran.err.text(),
            took: period(begun.elapsed()),
        })
    }

    /// Prints the answers: as JSON, or one below the other.
    fn show(&self, verb: &str, answers: &[HostAnswer<'_>], terminal: &Terminal) {
        if terminal.is_json() {
            terminal.print_json(&fleet::page(verb, &self.place.town, answers));
        } else {
            let paper = terminal.paper(crate::proc::clock::now());
            terminal.print(&fleet::sections(answers, &paper));
        }
    }
}

fn period(duration: Duration) -> Period {
    Period::from_millis(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX))
}

/// Reads an answer. A gtctl that has failed before it had a page has not answered.
fn read(reply: &RemoteReply, form: Form) -> Result<HostReply, Unreached> {
    let pages = match form {
        Form::Pages => fleet::pages(&reply.out)?,
        Form::Text => Vec::new(),
    };
    let notes = notes(&reply.err);
    let is_missing = |note: &String| note.contains("cannot read") && note.contains("No such file");
    if let Some(note) = notes.iter().find(|note| is_missing(note)) {
        return Err(Unreached::NoTown(note.clone()));
    }
    if form == Form::Pages && pages.is_empty() && reply.code == Exit::Failed.code() {
        let said = notes.last().cloned().unwrap_or_default();
        return Err(Unreached::Failed(said));
    }
    Ok(HostReply {
        code: reply.code,
        pages,
        text: match form {
            Form::Pages => String::new(),
            Form::Text => reply.out.clone(),
        },
        notes,
        took: reply.took,
    })
}

/// What it has said beside the result, a sentence each.
fn notes(err: &str) -> Vec<String> {
    let note = |line: &str| {
        let document: Option<serde_json::Value> = serde_json::from_str(line).ok();
        let message = document.as_ref().and_then(|it| it.get("message")?.as_str());
        message.unwrap_or(line).to_owned()
    };
    let lines = err.lines().filter(|line| !line.trim().is_empty());
    lines.take(50).map(note).collect()
}

/// How a verb about several hosts ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// It only looks: a host that is not reached is a failure.
    Looks,
    /// It acts: what could be done is done.
    Acts,
}

/// The exit code of all answers together.
fn exit_of(answers: &[HostAnswer<'_>], kind: Kind) -> Exit {
    let exit = |answer: &HostAnswer<'_>| {
        let reply = answer.reply.as_ref();
        reply.map_or(Exit::Failed, |reply| Exit::of_code(reply.code))
    };
    let all: Vec<Exit> = answers.iter().map(exit).collect();
    let Some(first) = all.first().copied() else {
        return Exit::Done;
    };
    let has = |exit: Exit| all.contains(&exit);
    if all.iter().all(|exit| *exit == first) {
        return first;
    }
    let order = match kind {
        Kind::Looks => [
            Exit::Failed,
            Exit::Usage,
            Exit::Held,
            Exit::Partial,
            Exit::Pending,
        ],
        Kind::Acts => [
            Exit::Held,
            Exit::Partial,
            Exit::Failed,
            Exit::Usage,
            Exit::Pending,
        ],
    };
    let worst = order.into_iter().find(|exit| has(*exit));
    match (kind, worst) {
        // Other hosts have done their part.
        (Kind::Acts, Some(Exit::Failed | Exit::Usage)) => Exit::Partial,
        (_, worst) => worst.unwrap_or(Exit::Done),
    }
}
