//! What the pages show, put together from the planner's values: one [`Row`] per session.

use super::words;
use crate::model::SortedMap;
use crate::model::{
    Content, ContextLimit, Death, Held, History, Incarnation, Keeper, Label, Life, Memory, Moment,
    Next, Observed, Ownership, Period, Phase, Plan, Reason, Seen, SessionName, Step, TokenLimits,
    TokenUsage, Town, Usage,
};

/// Everything that pages show: desired, observed, memory and plan.
#[derive(Debug, Clone, Copy)]
pub struct Scene<'a> {
    /// The desired town.
    pub town: &'a Town,
    /// The observed town.
    pub observed: &'a Observed,
    /// The memory.
    pub memory: &'a Memory,
    /// The plan that follows.
    pub plan: &'a Plan,
    /// The time of the look.
    pub now: Moment,
}

/// Facts from the state directory.
#[derive(Debug, Clone, Default)]
pub struct Books {
    /// The idle time that early expiry has saved so far.
    pub idle_saved: Period,
    /// The newest log of each session that has one.
    pub logs: SortedMap<SessionName, String>,
    /// The controller of the town.
    pub keeper: Keeper,
    /// How much of one processor each session has used between the last two looks, in percent.
    /// Empty after a single look.
    pub cpu: SortedMap<SessionName, u64>,
}

/// Which sessions a page shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Selection<'a> {
    /// All of them.
    All,
    /// These, which may be none.
    Only(&'a [SessionName]),
}

impl Selection<'_> {
    /// Whether it is shown.
    #[must_use]
    pub fn has(&self, session: &SessionName) -> bool {
        match self {
            Self::All => true,
            Self::Only(sessions) => sessions.contains(session),
        }
    }
}

/// One session.
#[derive(Debug, Clone)]
pub struct Row<'a> {
    /// Its name.
    pub session: &'a SessionName,
    /// Its role's name; none where it is not declared any more.
    pub role: Option<&'a str>,
    /// The rig that it works in, if any.
    pub rig: Option<&'a str>,
    /// What it is.
    pub phase: Phase,
    /// For how long it has had this phase, where known.
    pub since: Option<Period>,
    /// Awake time since its process was started. None when no process lives.
    pub age: Option<Period>,
    /// For how long its screen has not changed. None when no process lives.
    pub idle: Option<Period>,
    /// For how long its window has had no output; none when nothing lives there.
    pub output: Option<Period>,
    /// The process in its pane; none when none lives.
    pub pid: Option<u32>,
    /// When its process was started; none when none lives.
    pub started: Option<Moment>,
    /// How its last run ended, if that is known.
    pub last_exit: Option<LastExit>,
    /// Crashes in a row that count for its back-off.
    pub crashes: usize,
    /// Starts after the first.
    pub restarts: u32,
    /// Clients attached.
    pub attached: u32,
    /// Whether it was last stopped by `gtctl down`.
    pub went_down: bool,
    /// The resources of its process tree. Only after a full look.
    pub usage: Option<Usage>,
    /// The tokens that its run has used. None where its client does not tell.
    pub run_tokens: Option<u64>,
    /// The declared limits on its tokens.
    pub token_limits: TokenLimits,
    /// Why gtctl could not determine its phase, unsanitised.
    pub trouble: Option<&'a str>,
    /// What its screen shows. None when no process lives.
    pub content: Option<&'a Content>,
    /// Why its readiness probe did not pass, unsanitised. None where it is not asked, or not yet.
    pub not_ready: Option<&'a str>,
    /// What comes next, or why nothing does.
    pub event: Event<'a>,
}

impl Row<'_> {
    /// The tokens of its conversation. None where its client does not tell.
    #[must_use]
    pub fn tokens(&self) -> Option<TokenUsage> {
        self.content?.reported.as_ref()?.usage
    }

    /// The tokens of its conversation, and how much of its context is in use: `1.2M 45%`. A limit
    /// follows what it limits: `820K/2M 45%/80%`. With `max_tokens` these are the tokens of the run.
    /// Where its client has told nothing, only the limits: `-/2M`. None where there is neither.
    #[must_use]
    pub fn tokens_in_words(&self) -> Option<String> {
        let usage = self.tokens();
        let TokenLimits {
            max_tokens,
            max_context,
        } = self.token_limits;
        let used = match max_tokens {
            Some(_) => self.run_tokens,
            None => usage.map(|usage| usage.total()),
        };
        let total = of_limit(used.map(words::tokens), max_tokens.map(words::tokens));
        let percent = usage.and_then(|usage| usage.context_percent());
        let percent = percent.map(|percent| format!("{percent}%"));
        let context = match max_context {
            Some(ContextLimit::Percent(limit)) => of_limit(percent, Some(format!("{limit}%"))),
            Some(ContextLimit::Tokens(limit)) => {
                let used = usage.map(|usage| words::tokens(usage.context));
                of_limit(used, Some(words::tokens(limit)))
            }
            None => percent,
        };
        let both: Vec<String> = total.into_iter().chain(context).collect();
        (!both.is_empty()).then(|| both.join(" "))
    }
}

/// What is used, with its limit: `820K/2M`, and `-/2M` where that is not known.
fn of_limit(used: Option<String>, limit: Option<String>) -> Option<String> {
    match (used, limit) {
        (used, Some(limit)) => Some(format!(
            "{}/{limit}",
            used.unwrap_or_else(|| "-".to_owned())
        )),
        (used, None) => used,
    }
}

/// The plan's line for a session.
#[derive(Debug, Clone, Copy)]
pub enum Event<'a> {
    /// A step now.
    Step(&'a Step),
    /// A held step.
    Held(&'a Held),
    /// A note.
    Note(&'a Reason),
    /// A step that becomes due by time.
    Next(&'a Next),
    /// Nothing.
    Nothing,
}

impl<'a> Scene<'a> {
    /// A row for every session of the plan, by name.
    #[must_use]
    pub fn rows(&self) -> Vec<Row<'a>> {
        let Plan {
            checks: _,
            steps,
            held,
            unchanged,
            probes: _,
            chores: _,
            proposals: _,
            wake: _,
            mass: _,
        } = self.plan;
        let seen = self.seen();
        let seen = |session: &SessionName| seen.get(session.as_str()).copied();
        let mut rows: SortedMap<&SessionName, Row<'a>> = SortedMap::new();
        for step in steps {
            rows.insert(
                &step.session,
                self.row(
                    &step.session,
                    seen(&step.session),
                    step.phase,
                    Event::Step(step),
                ),
            );
        }
        for held in held {
            rows.insert(
                &held.session,
                self.row(
                    &held.session,
                    seen(&held.session),
                    held.phase,
                    Event::Held(held),
                ),
            );
        }
        for same in unchanged {
            let event = match (&same.note, &same.next) {
                (Some(note), _) => Event::Note(note),
                (None, Some(next)) => Event::Next(next),
                (None, None) => Event::Nothing,
            };
            rows.insert(
                &same.session,
                self.row(&same.session, seen(&same.session), same.phase, event),
            );
        }
        rows.into_values().collect()
    }

    /// The observed sessions by name. Our own sessions have their declared name, even if somebody
    /// renamed them in tmux.
    #[must_use]
    pub fn seen(&self) -> SortedMap<&'a str, &'a Seen> {
        let mut found: SortedMap<&str, &Seen> = SortedMap::new();
        let Observed::Up(server) = self.observed else {
            return found;
        };
        for (name, seen) in &server.sessions {
            let name = label(seen).map_or(name.as_str(), |label| label.session.as_str());
            let known = found.entry(name).or_insert(seen);
            if label(seen).map(|l| l.generation) > label(known).map(|l| l.generation) {
                *known = seen;
            }
        }
        found
    }

    fn row(
        &self,
        session: &'a SessionName,
        seen: Option<&'a Seen>,
        phase: Phase,
        event: Event<'a>,
    ) -> Row<'a> {
        let history = self.memory.sessions.get(session);
        let living = seen.filter(|s| matches!(s.life, Life::Alive { .. }));
        let age = living.and_then(label).map(|l| self.now.since(&l.started));
        let content = living.and_then(|seen| self.content(session, seen));
        // tmux's activity time of a window does not restart with a fresh process.
        let idle = living.map(|s| content.map_or(s.quiet, |content| content.idle(self.now)));
        let at_most_age = |period: Period| age.map_or(period, |age| period.min(age));
        let idle = idle.map(at_most_age);
        let declared = self.town.sessions.get(session);
        Row {
            session,
            role: declared.map(|desired| desired.role.as_str()),
            rig: declared.and_then(|desired| desired.rig.as_deref()),
            phase,
            since: self.since(phase, history, age, idle, content),
            age,
            idle,
            output: living.map(|seen| at_most_age(seen.quiet)),
            pid: living.and_then(pid),
            started: living.and_then(label).map(|label| label.started),
            last_exit: last_exit(phase, history),
            crashes: history.map_or(0, |history| history.crashes.len()),
            restarts: history.map_or(0, |h| h.restarts),
            attached: seen.map_or(0, |s| s.attached),
            went_down: history.is_some_and(|history| history.went_down),
            usage: living.and_then(|s| s.usage),
            run_tokens: living.and_then(|seen| self.run(session, seen)?.tokens.total()),
            token_limits: declared.map_or_else(Default::default, |desired| desired.tokens),
            trouble: seen.and_then(trouble),
            content,
            not_ready: seen.and_then(|seen| self.not_ready(session, phase, seen)),
            event,
        }
    }

    /// The remembered screen of the observed incarnation.
    fn content(&self, session: &SessionName, seen: &Seen) -> Option<&'a Content> {
        self.run(session, seen)?.content.as_ref()
    }

    /// What is remembered of the observed incarnation.
    fn run(&self, session: &SessionName, seen: &Seen) -> Option<&'a Incarnation> {
        let history = self.memory.sessions.get(session)?;
        history.run_of(label(seen)?.generation)
    }

    /// Why the readiness probe of the observed incarnation did not pass.
    fn not_ready(&self, session: &SessionName, phase: Phase, seen: &Seen) -> Option<&'a str> {
        let history = self.memory.sessions.get(session)?;
        let run = history.run_of(label(seen)?.generation)?;
        let readiness = run
            .readiness
            .as_ref()
            .filter(|_| phase == Phase::Starting)?;
        readiness.fault.as_deref()
    }

    fn since(
        &self,
        phase: Phase,
        history: Option<&History>,
        age: Option<Period>,
        idle: Option<Period>,
        content: Option<&Content>,
    ) -> Option<Period> {
        let ended = || history?.run.as_ref()?.ended.map(|e| e.at);
        let said = || {
            let marks = history?.run.as_ref()?.marks.as_ref()?;
            Some(marks.standing.as_ref()?.seen)
        };
        let at = match phase {
            Phase::Starting => return age,
            Phase::Idle => return idle,
            Phase::Dead(_) | Phase::Absent | Phase::Stopped => ended(),
            Phase::Completed(_) => history
                .and_then(|h| h.finished)
                .map(|f| f.at)
                .or_else(said)
                .or_else(ended),
            Phase::Stopping => history.and_then(|h| h.stopping.as_ref()).map(|s| s.since),
            Phase::Waiting(_) | Phase::Blocked(_) | Phase::Background => {
                content.map(|content| content.state_since)
            }
            Phase::Working | Phase::Unknown | Phase::Foreign => None,
        };
        at.map(|at| self.now.since(&at))
    }
}

/// Why gtctl could not determine its phase, unsanitised.
pub(super) fn trouble(seen: &Seen) -> Option<&str> {
    match &seen.life {
        Life::Unknown(why) => Some(why),
        Life::Alive { .. } | Life::Dead { .. } => None,
    }
}

fn pid(seen: &Seen) -> Option<u32> {
    match &seen.life {
        Life::Alive { process, .. } => Some(process.pid),
        Life::Dead { .. } | Life::Unknown(_) => None,
    }
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LastExit {
    /// How.
    pub death: Death,
    /// When, if that is known.
    pub at: Option<Moment>,
}

/// How its last run ended: as seen now, else as remembered. While a run lives, it is the one before.
fn last_exit(phase: Phase, history: Option<&History>) -> Option<LastExit> {
    let ended = history.and_then(|history| history.run.as_ref()?.ended);
    let remembered = || {
        let ended = ended.or(history?.last_end)?;
        Some(LastExit {
            death: ended.death,
            at: Some(ended.at),
        })
    };
    match phase {
        Phase::Dead(death) | Phase::Completed(Some(death)) => Some(LastExit {
            death,
            at: ended.map(|ended| ended.at),
        }),
        Phase::Completed(None)
        | Phase::Absent
        | Phase::Starting
        | Phase::Working
        | Phase::Background
        | Phase::Idle
        | Phase::Waiting(_)
        | Phase::Blocked(_)
        | Phase::Stopping
        | Phase::Stopped
        | Phase::Unknown
        | Phase::Foreign => remembered(),
    }
}

fn label(seen: &Seen) -> Option<&Label> {
    match &seen.ownership {
        Ownership::Ours(label) => Some(label),
        Ownership::Unlabelled | Ownership::Unproved(_) | Ownership::Foreign(_) => None,
    }
}
