//! The agent program of a session: how gtctl recognises it, reads it and makes it leave.

use super::{DeclaredAnswer, ReportingClient};
use strum::IntoStaticStr;

/// The agent program of a session: how gtctl recognises it, reads it and makes it leave.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Agent {
    /// Its name in the manifest.
    pub name: String,
    /// The names of its process: comm, the basename of argv0, or the basename of exe. Never empty.
    pub process_names: Vec<String>,
    /// Phrases on the screen that mean that it shows its prompt.
    pub ready: Vec<String>,
    /// Phrases that mean that it works.
    pub busy: Vec<String>,
    /// Phrases that mean that it asks for a permission.
    pub asks_permission: Vec<String>,
    /// Phrases that mean that it asks whether to trust this folder, or another question of a first
    /// start.
    pub asks_trust: Vec<String>,
    /// Phrases that mean that it is signed out.
    pub auth: Vec<String>,
    /// Phrases that mean that a usage limit is reached.
    pub limit: Vec<String>,
    /// Phrases that mean that its context is full.
    pub context: Vec<String>,
    /// Phrases that mean that it tries a failed request again by itself.
    pub retrying: Vec<String>,
    /// Phrases in the title of its pane that mean that it works.
    pub title_busy: Vec<String>,
    /// Phrases in the title that mean that it asks something.
    pub title_asks: Vec<String>,
    /// Phrases in the title that mean that it waits for a text.
    pub title_ready: Vec<String>,
    /// What a person types to sign it in again. gtctl shows it and never runs it.
    pub fix: Option<String>,
    /// The tmux keys that make it leave. Empty if there are none.
    pub quit: Vec<String>,
    /// The agent whose tables it uses if it has none of its own: as its entry says, or because its
    /// program is the client of that agent.
    pub like: Option<String>,
    /// The tmux keys that submit a typed text.
    pub submit: Vec<String>,
    /// The tmux keys that clear the composer. Empty if there are none.
    pub clear: Vec<String>,
    /// A command (argv) that exits 0 if the agent is signed in.
    pub probe: Vec<String>,
    /// Arguments that resume the conversation whose id stands for `{id}`.
    pub resume: Vec<String>,
    /// Arguments that begin a conversation of the id that stands for `{id}`.
    pub begin: Vec<String>,
    /// What an hour costs in which it lives. None if nobody says.
    pub cost_per_hour: Option<HourlyCost>,
    /// The client that reports on it, where it is one that can.
    pub client: Option<ReportingClient>,
    /// Whether its client's hooks are set up.
    pub hooks: Hooks,
    /// The answers that gtctl gives by itself, at most [`DeclaredAnswer::MAX_COUNT`].
    pub answers: Vec<DeclaredAnswer>,
}

/// Whether an agent's hooks report to gtctl.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, IntoStaticStr)]
#[strum(serialize_all = "kebab-case")]
pub enum Hooks {
    /// They do, where that changes nothing of the user's own.
    #[default]
    Auto,
    /// They do, also where gtctl must pass a flag that trusts the user's own hooks, too.
    On,
    /// They do not. Nothing else that the client says of itself is read either.
    Off,
}

impl Agent {
    /// Whether its client is one whose hooks gtctl sets up.
    #[must_use]
    pub fn reports(&self) -> bool {
        let sets_up = match self.client {
            // A flag has to say that it may run hooks.
            Some(ReportingClient::Codex) => self.hooks == Hooks::On,
            // The hooks of the last three stand in the user's own file.
            Some(
                ReportingClient::Claude
                | ReportingClient::Gemini
                | ReportingClient::Kimi
                | ReportingClient::KimiCode
                | ReportingClient::Opencode,
            ) => true,
            None => false,
        };
        self.hooks != Hooks::Off && sets_up
    }

    /// Whether gtctl adds arguments to its command.
    #[must_use]
    pub fn gets_arguments(&self) -> bool {
        self.reports() || !self.begin.is_empty() || !self.resume.is_empty()
    }

    /// Whether what its client says of itself is read.
    #[must_use]
    pub fn listens(&self) -> bool {
        self.hooks != Hooks::Off
    }

    /// Whether its client tells how many tokens it uses: claude and codex do, by the transcript that
    /// their hooks name.
    #[must_use]
    pub fn tells_tokens(&self) -> bool {
        match self.client {
            Some(ReportingClient::Claude) => self.hooks != Hooks::Off,
            Some(ReportingClient::Codex) => self.hooks == Hooks::On,
            Some(
                ReportingClient::Gemini
                | ReportingClient::Kimi
                | ReportingClient::KimiCode
                | ReportingClient::Opencode,
            )
            | None => false,
        }
    }

    /// Whether its client tells how large its context is.
    #[must_use]
    pub fn tells_window(&self) -> bool {
        self.client == Some(ReportingClient::Codex) && self.tells_tokens()
    }

    /// Whether it has phrases for titles.
    #[must_use]
    pub fn has_titles(&self) -> bool {
        [&self.title_busy, &self.title_asks, &self.title_ready]
            .into_iter()
            .any(|phrases| !phrases.is_empty())
    }

    /// The name of the instructions file that it reads in its working directory.
    #[must_use]
    pub fn reads(&self) -> &'static str {
        let is_called =
            |agent: &str| self.name == agent || self.process_names.iter().any(|name| name == agent);
        if is_called("claude") {
            "CLAUDE.md"
        } else if is_called("gemini") {
            "GEMINI.md"
        } else {
            "AGENTS.md"
        }
    }
}

/// What an hour costs, in a unit of the user's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HourlyCost {
    /// Millionths of the unit.
    pub millionths: u64,
}

impl HourlyCost {
    /// The highest that is read.
    const MOST: f64 = 1_000_000.0;

    /// Of this number. None if it is negative, no number, or above a million.
    #[must_use]
    pub fn new(number: f64) -> Option<Self> {
        if !(0.0..=Self::MOST).contains(&number) {
            return None;
        }
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "it lies between 0 and 10^12"
        )]
        let millionths = (number * 1_000_000.0).round() as u64;
        Some(Self { millionths })
    }
}
