//! What tmux forgets: the town's history, as kept in the state file.

use super::written::{bounded_map, is_default};
use crate::model::{
    AnswerGiven, AskedConversation, ChoreHistory, Complaint, Content, Death, Fingerprint,
    Generation, KnownConversation, LauncherJob, Marks, Moment, NudgeText, Period, Probed, ProcId,
    RanWith, ReasonCode, RecordedReason, Rung, ServerId, SessionName, TextRequest,
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Everything remembered of a town. `Memory::default()` is a valid memory: nothing is known.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Memory {
    /// The town that it is of. None in what 0.1.0 wrote, until the next write.
    #[serde(skip_serializing_if = "is_default")]
    pub town: Option<SessionName>,
    /// The server last seen up.
    #[serde(skip_serializing_if = "is_default")]
    pub server: Option<ServerId>,
    /// When servers were found lost, oldest first; only the last ten minutes' are kept.
    #[serde(skip_serializing_if = "is_default")]
    pub server_losses: Vec<Moment>,
    /// The last look that told anything.
    #[serde(skip_serializing_if = "is_default")]
    pub last_look: Option<Moment>,
    /// Cycles to let pass without a kill, after the clocks jumped apart.
    #[serde(skip_serializing_if = "is_default")]
    pub settling: u32,
    /// The kills that the mass guard held in the last cycle, as a digest.
    #[serde(skip_serializing_if = "is_default")]
    pub mass_seen: Option<u64>,
    /// The operator paused the town.
    #[serde(skip_serializing_if = "is_default")]
    pub paused: bool,
    /// When sessions were started, oldest first; only the last ten minutes' are kept.
    #[serde(skip_serializing_if = "is_default")]
    pub starts: Vec<Moment>,
    /// When sessions that gtctl ended for a planned restart were started again, oldest first; only
    /// the last ten minutes' are kept. They are in no other list.
    #[serde(skip_serializing_if = "is_default")]
    pub replaced: Vec<Moment>,
    /// When a start last failed: an agent that ended before it was ready.
    #[serde(skip_serializing_if = "is_default")]
    pub failed_start: Option<Moment>,
    /// Ends of runs in a row that left a sign-in screen behind, by agent, oldest first, at most
    /// [`Memory::MAX_AUTH_DEATHS`].
    #[serde(
        skip_serializing_if = "is_default",
        deserialize_with = "bounded_map::<{ Memory::MAX_NAMES }, _, _, _>"
    )]
    pub auth_deaths: BTreeMap<String, Vec<Moment>>,
    /// By the name of the chore.
    #[serde(
        skip_serializing_if = "is_default",
        deserialize_with = "bounded_map::<{ Memory::MAX_NAMES }, _, _, _>"
    )]
    pub chores: BTreeMap<String, ChoreHistory>,
    /// Agents that were asked whether they are signed in, while a screen says that they cannot go
    /// on.
    #[serde(
        skip_serializing_if = "is_default",
        deserialize_with = "bounded_map::<{ Memory::MAX_NAMES }, _, _, _>"
    )]
    pub probes: BTreeMap<String, Probed>,
    /// Ends that were asked for, have come by themselves and are not told of yet, oldest first, at
    /// most [`Memory::MAX_DEPARTURES`].
    #[serde(skip_serializing_if = "is_default")]
    pub departures: Vec<Departure>,
    /// Texts that wait to be typed, oldest first, at most [`Memory::MAX_TEXTS`].
    #[serde(skip_serializing_if = "is_default")]
    pub texts: Vec<TextRequest>,
    /// By session, at most [`Memory::MAX_SESSIONS`].
    #[serde(deserialize_with = "bounded_map::<{ Memory::MAX_SESSIONS }, _, _, _>")]
    pub sessions: BTreeMap<SessionName, History>,
}

impl Memory {
    /// More sessions than this are not remembered: a manifest may declare five thousand.
    pub const MAX_SESSIONS: usize = 1 << 16;
    /// Agents, and chores, that are remembered.
    pub const MAX_NAMES: usize = 4096;
    /// The longest name of an agent or a chore that is remembered over a restart of gtctl, in bytes.
    pub const MAX_NAME: usize = 1024;
    /// Of what happened in the last ten minutes, so much of each kind is remembered: far more than
    /// a budget of starts can ask for.
    pub const MAX_RECENT: usize = 1 << 16;
    /// More ends than this at once are not told of each.
    pub const MAX_DEPARTURES: usize = 4096;
    /// More texts than this do not wait at once: each chore has one, and each accepted proposal.
    pub const MAX_TEXTS: usize = 4096;
    /// So many hold the starts of their agent.
    pub const MAX_AUTH_DEATHS: usize = 3;

    /// The same of the town, with these of its sessions.
    #[must_use]
    pub fn with_sessions(&self, sessions: BTreeMap<SessionName, History>) -> Self {
        Self {
            town: self.town.clone(),
            server: self.server,
            server_losses: self.server_losses.clone(),
            last_look: self.last_look,
            settling: self.settling,
            mass_seen: self.mass_seen,
            paused: self.paused,
            starts: self.starts.clone(),
            replaced: self.replaced.clone(),
            failed_start: self.failed_start,
            auth_deaths: self.auth_deaths.clone(),
            chores: self.chores.clone(),
            probes: self.probes.clone(),
            departures: self.departures.clone(),
            texts: self.texts.clone(),
            sessions,
        }
    }

    /// This memory as that of a town. Where it says that it is of another one, an empty memory, and
    /// the other's name: what was asked for in another town, a stop say, means nothing here.
    #[must_use]
    pub fn of_town(self, town: &SessionName) -> (Self, Option<SessionName>) {
        let (memory, other) = match self.town {
            Some(other) if other != *town => (Self::default(), Some(other)),
            Some(_) | None => (self, None),
        };
        (
            Self {
                town: Some(town.clone()),
                ..memory
            },
            other,
        )
    }
}

/// What is remembered of one session.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct History {
    /// The highest generation ever given out.
    #[serde(skip_serializing_if = "is_default")]
    pub generation: Generation,
    /// The last run that is known of.
    #[serde(skip_serializing_if = "is_default")]
    pub run: Option<Incarnation>,
    /// Crashes in a row, oldest first, at most [`History::MAX_CRASHES`].
    #[serde(skip_serializing_if = "is_default")]
    pub crashes: Vec<Moment>,
    /// Starts after the first, for people to see.
    #[serde(skip_serializing_if = "is_default")]
    pub restarts: u32,
    /// The last planned restart.
    #[serde(skip_serializing_if = "is_default")]
    pub handoff: Option<Moment>,
    /// The user stopped it.
    #[serde(skip_serializing_if = "is_default")]
    pub stopped: bool,
    /// The user asked for a fresh process, and has not got it yet.
    #[serde(skip_serializing_if = "is_default")]
    pub restart_asked: bool,
    /// A task that has ended for good.
    #[serde(skip_serializing_if = "is_default")]
    pub finished: Option<Finished>,
    /// A planned stop under way.
    #[serde(skip_serializing_if = "is_default")]
    pub stopping: Option<Stopping>,
    /// A planned restart that was begun, until its fresh process is ready.
    #[serde(skip_serializing_if = "is_default")]
    pub replacing: Option<Replacing>,
    /// A step that failed and will be tried again later.
    #[serde(skip_serializing_if = "is_default")]
    pub refused: Option<Refused>,
    /// Since when a planned restart has been waited for.
    #[serde(skip_serializing_if = "is_default")]
    pub draining: Option<Moment>,
    /// Since when it has waited for the sessions named in its `after`.
    #[serde(skip_serializing_if = "is_default")]
    pub waiting: Option<Moment>,
    /// Looks in a row that found the pane but no agent in it.
    #[serde(skip_serializing_if = "is_default")]
    pub agentless: u32,
    /// Its entry allowed that it be expired without `--prune` once it is gone from the manifest.
    #[serde(skip_serializing_if = "is_default")]
    pub prune: bool,
    /// Its screen, once that was read.
    #[serde(skip_serializing_if = "is_default")]
    pub content: Option<Content>,
    /// What its output says about its end.
    // Its absence is written, too, as it always has been.
    pub marks: Option<Marks>,
    /// When a text was last about to be typed into it.
    #[serde(skip_serializing_if = "is_default")]
    pub nudged: Option<Moment>,
    /// What gtctl has typed into it, oldest first, at most [`History::MAX_TYPED`].
    #[serde(skip_serializing_if = "is_default")]
    pub typed: Vec<Typed>,
    /// The last Escape that it was sent.
    #[serde(skip_serializing_if = "is_default", alias = "roused")]
    pub escape_sent: Option<EscapeSent>,
    /// The declared answers that gtctl has given, oldest first, at most [`AnswerGiven::MAX`].
    #[serde(skip_serializing_if = "is_default")]
    pub answers: Vec<AnswerGiven>,
    /// The memory of its process tree, where that is limited.
    #[serde(skip_serializing_if = "is_default")]
    pub footprint: Option<Footprint>,
    /// Whether the file of its agent's program was replaced.
    #[serde(skip_serializing_if = "is_default")]
    pub program: Option<ProgramCheck>,
    /// A command that starts or stops it now.
    #[serde(skip_serializing_if = "is_default", alias = "errand")]
    pub launcher_job: Option<LauncherJob>,
    /// Why the last such command failed, or did not end it, until one has not.
    #[serde(skip_serializing_if = "is_default")]
    pub complaint: Option<Complaint>,
    /// What it was last seen to run with as declared then.
    #[serde(skip_serializing_if = "is_default")]
    pub ran_with: Option<RanWith>,
    /// The line for which it was last restarted because its agent was found signed in.
    #[serde(skip_serializing_if = "is_default")]
    pub refuted: Option<Refuted>,
    /// The usage limit in the last words of its last run.
    #[serde(skip_serializing_if = "is_default")]
    pub limited: Option<Limited>,
    /// Its last conversation, where its id is known.
    #[serde(skip_serializing_if = "is_default")]
    pub conversation: Option<KnownConversation>,
    /// The run that has ended because its client could not resume its conversation.
    #[serde(skip_serializing_if = "is_default")]
    pub conversation_refused: Option<Generation>,
    /// What was asked of it with the restart that is asked for.
    #[serde(skip_serializing_if = "is_default")]
    pub conversation_asked: Option<AskedConversation>,
}

/// A line of sign-in that a probe has spoken against: where it comes back in the fresh process, the
/// probe proves nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refuted {
    /// The line.
    pub line: String,
    /// When the session was restarted for it, in wall milliseconds.
    pub at: i64,
}

impl Refuted {
    /// For so long the same line is not taken for refuted again.
    pub const LASTS: Period = Period::from_hours(24);
    /// So many letters of a line tell it from another; later ones may name a request.
    const LETTERS: usize = 60;

    /// Whether a probe that passes says nothing about this line now.
    #[must_use]
    pub fn covers(&self, line: &str, now: Moment) -> bool {
        let letters = |text: &str| -> String {
            text.chars()
                .filter(|c| c.is_alphabetic())
                .take(Self::LETTERS)
                .collect()
        };
        let age = now.wall.saturating_sub(self.at);
        letters(&self.line) == letters(line)
            && age.unsigned_abs() <= Self::LASTS.millis()
            && age >= 0
    }
}

/// A usage limit that a run has ended with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limited {
    /// Of which run.
    pub generation: Generation,
    /// Until when, in wall milliseconds.
    pub until: i64,
    /// How long that is after the run's end, in milliseconds: a wall clock may be set back by
    /// years.
    pub wait_ms: u64,
    /// The line that says so, unsanitised.
    pub evidence: String,
}

impl Limited {
    /// A run that ended at a limit without a named end is followed by another after so long.
    pub const UNNAMED: Period = Period::from_mins(30);
    /// No usage limit lasts longer.
    pub const LONGEST: Period = Period::from_hours(24 * 35);

    /// How long it still lasts, by whichever clock says so first.
    #[must_use]
    pub fn left(&self, ended: &Moment, now: Moment) -> Period {
        let by_wall =
            Period::from_millis(self.until.saturating_sub(now.wall).max(0).unsigned_abs());
        by_wall.min(Period::from_millis(self.wait_ms).minus(now.since(ended)))
    }
}

impl History {
    /// More crashes than this in a row are not told apart.
    pub const MAX_CRASHES: usize = 32;
    /// Texts typed into one life that are remembered.
    pub const MAX_TYPED: usize = 8;

    /// Whether gtctl ended its last run for a planned restart, or is about to, and the fresh
    /// process has not been started.
    #[must_use]
    pub fn is_owed_a_start(&self) -> bool {
        let Some(replacing) = &self.replacing else {
            return false;
        };
        self.run
            .as_ref()
            .is_none_or(|run| run.generation <= replacing.generation)
    }

    /// The texts that gtctl may have left in the composer of this incarnation.
    #[must_use]
    pub fn left_texts(&self, generation: Option<Generation>) -> Vec<String> {
        let is_left = |typed: &&Typed| typed.left && Some(typed.generation) == generation;
        self.typed
            .iter()
            .filter(is_left)
            .map(|typed| typed.text.clone())
            .collect()
    }

    /// Takes in that a text has left the composer.
    pub fn note_submitted(&mut self, text: &NudgeText) {
        let typed = self
            .typed
            .iter_mut()
            .filter(|typed| typed.text == text.as_str());
        typed.for_each(|typed| typed.left = false);
    }
}

/// A text that gtctl has typed, or was about to type: what shows it is no word of the agent's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Typed {
    /// Into which life.
    pub generation: Generation,
    /// The text.
    pub text: String,
    /// Whether it was not seen to leave the composer: a composer that holds exactly this holds what
    /// gtctl left there.
    #[serde(default, skip_serializing_if = "is_default")]
    pub left: bool,
}

/// One started process tree of a session, from its start to its end.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Incarnation {
    /// Which.
    pub generation: Generation,
    /// When it was started.
    pub started: Moment,
    /// When it was first seen ready.
    #[serde(default, skip_serializing_if = "is_default")]
    pub ready: Option<Moment>,
    /// What it was started with.
    #[serde(default, skip_serializing_if = "is_default")]
    pub fingerprint: Option<Fingerprint>,
    /// How it ended, once it has.
    #[serde(default, skip_serializing_if = "is_default")]
    pub ended: Option<Ended>,
}

/// The end of a run.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Ended {
    /// How.
    pub death: Death,
    /// When it ended, or was first seen to have.
    pub at: Moment,
}

/// A task that has ended for good, as long as its entry stays as it was.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(from = "WrittenFinished")]
pub struct Finished {
    /// What it was started with.
    pub fingerprint: Fingerprint,
    /// How it ended; none when it was expired alive.
    pub death: Option<Death>,
    /// Whether it did what it was for: it left with status 0, or its output said that it is done.
    pub well: bool,
    /// When.
    pub at: Moment,
}

/// A [`Finished`] as it is written.
#[derive(Deserialize)]
struct WrittenFinished {
    fingerprint: Fingerprint,
    death: Option<Death>,
    /// None where 0.1.0 wrote it.
    well: Option<bool>,
    at: Moment,
}

impl From<WrittenFinished> for Finished {
    fn from(written: WrittenFinished) -> Self {
        let WrittenFinished {
            fingerprint,
            death,
            well,
            at,
        } = written;
        let left_well = death.is_none_or(|death| death.is_clean());
        Self {
            fingerprint,
            death,
            well: well.unwrap_or(left_well),
            at,
        }
    }
}

/// A planned stop under way: written before the first signal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Stopping {
    /// Of which run.
    pub generation: Generation,
    /// When it was first asked to end.
    pub since: Moment,
    /// The last rung taken.
    pub rung: Rung,
    /// When that rung was taken.
    pub rung_at: Moment,
    /// What comes after.
    pub purpose: Purpose,
    /// The reason that it was begun for.
    pub reason: RecordedReason,
    /// The definition that is to be started afterwards; none where nothing is, or where an older
    /// gtctl began it.
    #[serde(default, skip_serializing_if = "is_default")]
    pub begun_for: Option<Fingerprint>,
    /// The processes of its tree when it began, at most [`Stopping::MAX_TREE`].
    pub tree: Vec<ProcId>,
}

impl Stopping {
    /// Processes remembered of one tree.
    pub const MAX_TREE: usize = 256;

    /// Whether it was begun because the work was said to be done.
    #[must_use]
    pub fn was_done(&self) -> bool {
        [
            ReasonCode::Marked,
            ReasonCode::TurnEnded,
            ReasonCode::Completed,
        ]
        .iter()
        .any(|code| self.reason.is(*code))
    }
}

/// A planned restart: written before its stop begins, kept until the fresh process is ready.
///
/// It reserves the start that the stop needs: no budget holds that start. When the fresh process
/// fails, other planned restarts wait until this session is ready, was reset, or its entry has
/// changed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Replacing {
    /// The run that it ends.
    pub generation: Generation,
    /// When it was begun.
    pub since: Moment,
    /// The reason that it was begun for.
    pub reason: RecordedReason,
    /// The definition of its fresh process.
    pub fingerprint: Fingerprint,
    /// Whether the fresh process ended before it was ready, or could not be started.
    pub failed: bool,
}

/// A step that failed: the same is tried again when its delay has passed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Refused {
    /// When it last failed.
    pub at: Moment,
    /// How often in a row.
    pub times: u32,
    /// Why, unsanitised, at most [`Refused::MAX`] bytes.
    pub said: String,
    /// The definition with which it was tried; none for a session that is to be removed.
    #[serde(default, skip_serializing_if = "is_default")]
    pub fingerprint: Option<Fingerprint>,
}

impl Refused {
    /// The longest `said`, in bytes.
    pub const MAX: usize = Complaint::MAX;
}

/// A session that was asked to end for good, and was gone before it was removed: tmux keeps no pane
/// of others'.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Departure {
    /// Which session.
    pub session: SessionName,
    /// Which life of it.
    pub generation: Generation,
    /// When that began, if it is known.
    #[serde(default, skip_serializing_if = "is_default")]
    pub started: Option<Moment>,
    /// When it was first asked to end.
    pub asked: Moment,
    /// When it was first seen to be gone.
    pub gone: Moment,
    /// The reason that it was asked for.
    pub reason: RecordedReason,
}

/// What a stop is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Purpose {
    /// A fresh process afterwards.
    Restart,
    /// Nothing afterwards.
    Expire,
}

/// An Escape sent to a session that seemed stuck: written before it is sent.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct EscapeSent {
    /// To which life.
    pub generation: Generation,
    /// When.
    pub at: Moment,
}

/// What a session's process tree was found to hold.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Footprint {
    /// Of which life.
    pub generation: Generation,
    /// When it was last measured.
    pub at: Moment,
    /// In bytes, a page that several processes share counted once.
    pub bytes: u64,
    /// The measure before that; 0 where there was none.
    pub before: u64,
}

/// What was found of the file of a session's program.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ProgramCheck {
    /// Of which run.
    pub generation: Generation,
    /// When it was last looked at.
    pub at: Moment,
    /// Whether it was replaced since the program was started.
    pub is_replaced: bool,
}

impl Footprint {
    /// What both of the last two measures found at least.
    #[must_use]
    pub fn agreed(&self) -> u64 {
        self.bytes.min(self.before)
    }
}
