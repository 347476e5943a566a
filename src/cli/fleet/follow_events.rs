//! `gtctl events -F` of several hosts: one stream of lines, each with its host.

use super::{Asked, Fleet, Form, VerbWords, words};
use crate::cli::args::Events;
use crate::cli::exit::{Exit, Trouble};
use crate::cli::output::Terminal;
use crate::cli::own;
use crate::model::SortedSet;
use crate::model::{HostName, Unreached};
use crate::proc;
use crate::proc::child;
use crate::remote::{TerminalUse, at_terminal};
use crate::render::events::EventLines;
use crate::render::sanitise;
use futures_util::future::join_all;
use serde_json::Value;
use std::cell::RefCell;
use std::ffi::OsString;
use std::time::Duration;

/// How long to wait before a host that was lost is called again.
const AGAIN: Duration = Duration::from_secs(5);
/// The longest text of an event of another host, in characters.
const LONG: usize = 4096;

/// Where the events of a host have come to.
#[derive(Debug, Default)]
struct Position {
    /// The time of the last event.
    stamp: Option<String>,
    /// The events of that time. A host that is called again prints them once more.
    seen: SortedSet<String>,
}

impl Position {
    /// Whether this event has not come yet. Then it is the last one.
    fn is_new(&mut self, line: &str, event: &Value) -> bool {
        let stamp = event.get("ts").and_then(Value::as_str).map(str::to_owned);
        if stamp != self.stamp {
            self.stamp = stamp;
            self.seen.clear();
        }
        self.seen.insert(line.to_owned())
    }
}

impl Fleet<'_> {
    /// Prints the events of all hosts as they come, until interrupted. A host that is not reached,
    /// or is lost, is called again and again.
    ///
    /// # Errors
    /// A session that is not declared.
    pub(in super::super) async fn follow_events(
        &self,
        flags: &Events,
        named: &[String],
        terminal: &Terminal,
    ) -> Result<Exit, Trouble> {
        let words = VerbWords::of("events -F");
        let asked = if named.is_empty() {
            self.everywhere(&words.done())
        } else {
            let routes = self.all_routes(named)?;
            super::look::asked(routes, |sessions| words.clone().arguments(sessions))
        };
        let width = asked.iter().map(|asked| asked.name.as_str().len()).max();
        let page = RefCell::new(terminal.event_lines(proc::clock::now()));
        let print = |name: &HostName, event: Value| {
            print(name, event, width.unwrap_or(0), &page, terminal);
        };
        let hosts = asked
            .iter()
            .map(|asked| self.follow_one(asked, flags, &print, terminal));
        tokio::select! {
            _ = join_all(hosts) => Ok(Exit::Failed),
            _ = tokio::signal::ctrl_c() => Ok(Exit::Done),
        }
    }

    /// Follows one host. Ends only where it can never be reached.
    async fn follow_one(
        &self,
        asked: &Asked,
        flags: &Events,
        print: &impl Fn(&HostName, Value),
        terminal: &Terminal,
    ) {
        let mut position = Position::default();
        let mut is_told = false;
        loop {
            let argv = match self.argv_of(asked, flags, &position) {
                Ok(argv) => argv,
                Err(why) => {
                    terminal.warn(&format!("host {}: {why}", asked.name));
                    return;
                }
            };
            let dir = std::env::current_dir().unwrap_or_else(|_| "/".into());
            let take = |line: &str| {
                let event = serde_json::from_str::<Value>(line).ok();
                if let Some(event) = event.filter(Value::is_object)
                    && position.is_new(line, &event)
                {
                    is_told = false;
                    print(&asked.name, event);
                }
            };
            let ended = child::read_lines(&child::words(&argv), &dir, take).await;
            if !std::mem::replace(&mut is_told, true) {
                let why = ended.map_or_else(|fault| fault.to_string(), |status| status.to_string());
                terminal.warn(&format!(
                    "host {name} was not reached, or was lost ({why}); gtctl calls it again. `gtctl hosts --on {name}` \
                     says more",
                    name = asked.name
                ));
            }
            tokio::time::sleep(AGAIN).await;
        }
    }

    /// The command line that follows the events of a host from this position on.
    fn argv_of(
        &self,
        asked: &Asked,
        flags: &Events,
        position: &Position,
    ) -> Result<Vec<OsString>, Unreached> {
        let (since, last) = match &position.stamp {
            Some(stamp) => (Some(stamp.as_str()), None),
            None => (flags.since.as_deref(), flags.last),
        };
        let position = VerbWords::default()
            .value("--since", since)
            .value("--last", last)
            .done();
        let mut all = words::of_form(Form::Pages, self.global);
        // The flags stand before the sessions, which are arguments.
        let (verb, sessions) = asked.words.split_at(asked.words.len().min(2));
        all.extend(verb.iter().chain(&position).chain(sessions).cloned());
        if self.is_here(&asked.name) {
            let mut argv = own::command(self.place, self.global);
            let name = asked.name.as_str();
            let own = ["--this-host", name, "--on", name];
            argv.extend(own.map(OsString::from));
            argv.extend(all.iter().map(OsString::from));
            return Ok(argv);
        }
        let host = self.place.town.hosts.all.get(&asked.name);
        let host = host.ok_or(Unreached::NoAddress)?;
        at_terminal(&asked.name, host, &all, TerminalUse::Lines, &self.masters)
    }
}

/// Prints an event with the host that it comes from.
fn print(
    name: &HostName,
    event: Value,
    width: usize,
    page: &RefCell<EventLines>,
    terminal: &Terminal,
) {
    let mut event = sanitise::json(event, LONG);
    if terminal.is_json() {
        if let Some(fields) = event.as_object_mut() {
            fields.insert("host".to_owned(), name.as_str().into());
        }
        terminal.print_json_line(&event);
        return;
    }
    let message = event.get("message").and_then(Value::as_str);
    let message = format!("{:width$}  {}", name.as_str(), message.unwrap_or_default());
    if let Some(fields) = event.as_object_mut() {
        fields.insert("message".to_owned(), message.into());
    }
    terminal.print(&page.borrow_mut().line(&event));
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_host_that_is_called_again_repeats_no_event() {
        let mut position = Position::default();
        let mut takes = |line: &str, ts: &str| position.is_new(line, &json!({ "ts": ts }));
        assert!(takes("a", "1"));
        assert!(takes("b", "1"));
        assert!(!takes("a", "1"), "it has come");
        assert!(takes("a", "2"));
        assert!(!takes("a", "2"));
    }
}
