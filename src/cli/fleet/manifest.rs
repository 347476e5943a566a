//! Sends the manifest to other hosts.

use super::{Asked, Fleet, Form, LOOK, VerbWords};
use crate::cli::exit::Trouble;
use crate::model::{HostName, Unreached};
use crate::render::fleet::HostAnswer;
use crate::store::{StateDir, View, revision};

/// What became of the manifest on a host.
#[derive(Debug)]
pub(super) enum Sent {
    /// It is there.
    There,
    /// Another one is there that somebody has edited.
    Conflict,
    /// The host refuses it, for it has faults there.
    Refused(String),
    /// The host was not reached.
    Unreached(Unreached),
}

/// Whether an edited manifest is replaced, too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Edited {
    Stays,
    IsReplaced,
}

impl Fleet<'_> {
    /// Sends the manifest to these hosts, and notes which revision each has then.
    pub(super) async fn send(
        &self,
        to: &[HostName],
        edited: Edited,
    ) -> Result<Vec<(HostName, Sent)>, Trouble> {
        let last = View::of(&self.place.state).revisions();
        let asked: Vec<Asked> = to
            .iter()
            .filter(|name| !self.is_here(name))
            .map(|name| Asked {
                name: name.clone(),
                words: VerbWords::of("hosts receive")
                    .value("--replaces", last.get(name.as_str()))
                    .flag("--force", edited == Edited::IsReplaced)
                    .done(),
            })
            .collect();
        let text = self.text()?;
        let answers = self.ask(&asked, Form::Pages, text, LOOK).await;
        let sent: Vec<(HostName, Sent)> = answers
            .into_iter()
            .map(|answer| (answer.name.clone(), of_answer(answer)))
            .collect();
        let ours = revision(text);
        let there = sent.iter().filter(|(_, sent)| matches!(sent, Sent::There));
        for (name, _) in there.filter(|(name, _)| last.get(name.as_str()) != Some(&ours)) {
            StateDir::open(&self.place.state)?.keep_revision(name, &ours)?;
        }
        Ok(sent)
    }
}

fn of_answer(answer: HostAnswer<'_>) -> Sent {
    match answer.reply {
        Err(Unreached::Failed(why)) => Sent::Refused(why),
        Err(why) => Sent::Unreached(why),
        Ok(reply) => {
            let page = reply.pages.first();
            match page.and_then(|page| page.get("result")?.as_str()) {
                Some("written" | "same") => Sent::There,
                Some(_) => Sent::Conflict,
                None => Sent::Unreached(Unreached::BadAnswer("it has no result".to_owned())),
            }
        }
    }
}
