//! Reads `ready`: what must have passed before a session counts as ready.

use super::fault::Fault;
use super::reading::Reading;
use super::session::{Tiers, pick};
use super::template::Words;
use super::wire::ReadyTable;
use crate::model::{ReadyProbe, ReadyQuestion};

const HELP: &str =
    "write one of { log = \"listening on\" }, { command = [\"pg_isready\"] } and { port = 8080 }";

impl Reading<'_> {
    /// The readiness probe of a session. Notes a fault and returns `None` if it asks nothing, two
    /// things at once, or something that cannot be asked.
    pub(crate) fn ready(&mut self, tiers: &Tiers<'_>, words: &Words<'_>) -> Option<ReadyProbe> {
        let table = pick!(tiers, ready)?;
        let every = table.every.map_or(ReadyProbe::EVERY, |every| every.0);
        if every < ReadyProbe::LEAST {
            let message = format!("`every` is shorter than {}", ReadyProbe::LEAST);
            let fault = self.not_ready_at(tiers, &["ready", "every"], message);
            self.faults.push(fault.help("write \"200ms\" or longer"));
        }
        let question = self.question(tiers, words, table)?;
        Some(ReadyProbe { question, every })
    }

    fn question(
        &mut self,
        tiers: &Tiers<'_>,
        words: &Words<'_>,
        table: &ReadyTable,
    ) -> Option<ReadyQuestion> {
        match (&table.log, &table.command, table.port) {
            (Some(text), None, None) if is_text(text) => Some(ReadyQuestion::Log(text.clone())),
            (Some(_), None, None) => self.refuse(
                tiers,
                &["ready", "log"],
                "the text is empty or has several lines",
            ),
            (None, Some(argv), None) => self.asks_command(tiers, words, argv),
            (None, None, Some(0)) => self.refuse(tiers, &["ready", "port"], "there is no port 0"),
            (None, None, Some(port)) => Some(ReadyQuestion::Port(port)),
            (None, None, None) => {
                self.refuse(tiers, &["ready"], "`ready` says nothing to wait for")
            }
            _ => self.refuse(
                tiers,
                &["ready"],
                "`ready` has more than one of log, command and port",
            ),
        }
    }

    fn asks_command(
        &mut self,
        tiers: &Tiers<'_>,
        words: &Words<'_>,
        argv: &[String],
    ) -> Option<ReadyQuestion> {
        if argv.first().is_none_or(|program| program.trim().is_empty()) {
            return self.refuse(tiers, &["ready", "command"], "the command is empty");
        }
        let layers = self.layers;
        let at = || tiers.path(layers, &["ready", "command"]);
        let filled = argv.iter().map(|word| self.fill(words, word, at));
        filled.collect::<Option<_>>().map(ReadyQuestion::Command)
    }

    fn refuse(
        &mut self,
        tiers: &Tiers<'_>,
        field: &[&str],
        message: &str,
    ) -> Option<ReadyQuestion> {
        let fault = self.not_ready_at(tiers, field, message).help(HELP);
        self.faults.push(fault);
        None
    }

    fn not_ready_at(&self, tiers: &Tiers<'_>, field: &[&str], message: impl Into<String>) -> Fault {
        self.at(&tiers.path(self.layers, field), "bad-ready", message)
    }
}

fn is_text(text: &str) -> bool {
    !text.trim().is_empty() && !text.contains(char::is_control)
}
