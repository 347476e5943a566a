//! Verbs that another host carries out at our terminal: `attach`, `logs`, and what goes on and on.

use super::{Fleet, Form, words};
use crate::cli::exit::{Exit, Trouble};
use crate::cli::output::Terminal;
use crate::model::HostName;
use crate::proc::child;
use crate::remote::{TerminalUse, at_terminal};

/// ssh's own exit code for a failed connection.
const SSH_FAILED: i32 = 255;

impl Fleet<'_> {
    /// Has another host carry out a verb, with our terminal as its own. Its output is ours.
    ///
    /// # Errors
    /// Where it cannot be reached. ssh has said why.
    pub(in super::super) async fn hand_over(
        &self,
        name: &HostName,
        screen: TerminalUse,
        verb: Vec<String>,
        terminal: &Terminal,
    ) -> Result<Exit, Trouble> {
        let Some(host) = self.place.town.hosts.all.get(name) else {
            return Err(Trouble::new(format!("there is no host {name}")));
        };
        let mut words = match screen {
            TerminalUse::Whole => Vec::new(),
            TerminalUse::Lines if terminal.is_json() => words::of_form(Form::Pages, self.global),
            TerminalUse::Lines => words::of_form(Form::Text, self.global),
        };
        words.extend(verb);
        let lost = |why: &crate::model::Unreached| {
            Trouble::new(format!("host {name}: {why}")).help(why.help(name, host))
        };
        let argv = at_terminal(name, host, &words, screen, &self.masters).map_err(|e| lost(&e))?;
        let dir = std::env::current_dir().unwrap_or_else(|_| "/".into());
        let status = child::run_at_terminal(&child::words(&argv), &dir)
            .await
            .map_err(|fault| lost(&crate::model::Unreached::NoSsh(fault.to_string())))?;
        match status.code() {
            Some(SSH_FAILED) => Err(Trouble::new(format!(
                "host {name} was not reached, or was lost"
            ))
            .help(format!("`gtctl hosts --on {name}` says why"))),
            Some(code) => Ok(u8::try_from(code).map_or(Exit::Failed, Exit::of_code)),
            None => Ok(Exit::Failed),
        }
    }
}
