//! The rows of the screen, in order of need, and the values of its head.

use crate::model::{Keeper, Observed, Period, Phase, Reason, SessionName};
use crate::render::status;
use crate::render::view::{Event, Row};
use crate::render::words;
use crate::render::{Paper, Role, Scene, sanitise, why_and_next};

/// The longest complaint of tmux that is shown, in characters.
const COMPLAINT: usize = 60;

/// How much a session needs somebody's eyes. Those that need them most come first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Need {
    /// It waits for a person's answer.
    Person,
    /// It cannot go on by itself.
    Blocked,
    /// It has ended, or is not there.
    Dead,
    /// Its state could not be determined.
    Unknown,
    /// Something is to be done to it, but that is held.
    Held,
    /// It looks busy, but nothing moves.
    Stuck,
    /// It is quiet.
    Idle,
    /// It works, or is about to.
    Working,
    /// It has completed, was stopped by hand, or is not managed.
    Rest,
}

/// One session on the screen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopRow {
    /// Its name.
    pub session: SessionName,
    /// The rig in which it works.
    pub rig: Option<String>,
    /// Where it stands in the order.
    pub need: Need,
    /// Whether only a person can make it go on.
    pub needs_somebody: bool,
    /// Its phase, in one word.
    pub phase: &'static str,
    /// The role of its phase.
    pub role: Role,
    /// For how long it has been in this phase, where that is known.
    pub since: Option<Period>,
    /// Its tokens and their limits, where its client tells or a limit is set.
    pub tokens: Option<String>,
    /// Why, and what comes next. Clean.
    pub next: String,
    /// The role of what comes next.
    pub next_role: Role,
}

/// The controller of the town.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Controllers {
    /// Nobody has looked yet.
    #[default]
    Unknown,
    /// None runs.
    None,
    /// One runs. Its last cycle was so long ago; nothing where it has had none.
    Runs(Option<Period>),
    /// One runs, but its cycles fail.
    Fails,
    /// One is there, but its next cycle is overdue. Its last one was so long ago.
    Hangs(Option<Period>),
}

/// What the first line shows beside the counts.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TopHead {
    /// The name of the town.
    pub town: String,
    /// Its controller.
    pub controller: Controllers,
    /// Whether the town is paused.
    pub paused: bool,
    /// What is wrong with its tmux server; empty where nothing is. Clean.
    pub server: String,
}

impl TopHead {
    /// The head of a town as it was seen.
    #[must_use]
    pub fn of(scene: &Scene<'_>, keeper: &Keeper) -> Self {
        let server = match scene.observed {
            Observed::Up(_) => String::new(),
            Observed::Down => "no tmux server runs".to_owned(),
            Observed::Unknown(why) => {
                format!("tmux: {}", sanitise::line(why, COMPLAINT))
            }
        };
        Self {
            town: scene.town.name.to_string(),
            controller: controller(scene, keeper),
            paused: scene.memory.paused,
            server,
        }
    }
}

fn controller(scene: &Scene<'_>, keeper: &Keeper) -> Controllers {
    let is_overdue = keeper.is_overdue(scene.town.resync, scene.now);
    match keeper {
        Keeper::Nobody => Controllers::None,
        Keeper::Silent { .. } if is_overdue => Controllers::Hangs(None),
        Keeper::Silent { .. } => Controllers::Runs(None),
        Keeper::Beating(beat) => {
            let age = Some(scene.now.since(&beat.cycled));
            match (&beat.trouble, is_overdue) {
                (_, true) => Controllers::Hangs(age),
                (Some(_), false) => Controllers::Fails,
                (None, false) => Controllers::Runs(age),
            }
        }
    }
}

/// A row for each session, those that need somebody first, then by rig and name.
#[must_use]
pub fn rows(scene: &Scene<'_>, paper: &Paper) -> Vec<TopRow> {
    let mut rows: Vec<TopRow> = scene
        .rows()
        .iter()
        .map(|row| TopRow::of(scene, row, paper))
        .collect();
    rows.sort_by(|a, b| a.order().cmp(&b.order()));
    rows
}

impl TopRow {
    fn of(scene: &Scene<'_>, row: &Row<'_>, paper: &Paper) -> Self {
        let declared = scene.town.sessions.get(row.session);
        Self {
            session: row.session.clone(),
            rig: declared.and_then(|desired| desired.rig.clone()),
            need: Need::of(row),
            needs_somebody: needs_somebody(row),
            phase: words::phase_word(row.phase),
            role: status::role(row.phase),
            since: row.since,
            tokens: row.tokens_in_words(),
            next: why_and_next(row, paper).line(),
            next_role: status::event_role(&row.event),
        }
    }

    fn order(&self) -> (Need, Option<&str>, &SessionName) {
        (self.need, self.rig.as_deref(), &self.session)
    }

    /// What stands before its name, so that it is found without colour too.
    pub(super) fn mark(&self) -> char {
        match self.need {
            Need::Dead => '✖',
            Need::Unknown => '?',
            Need::Held | Need::Stuck | Need::Idle | Need::Working | Need::Rest
                if self.needs_somebody =>
            {
                '!'
            }
            Need::Person | Need::Blocked => '!',
            Need::Held | Need::Stuck => '·',
            Need::Idle | Need::Working | Need::Rest => ' ',
        }
    }

    /// The role of its mark.
    pub(super) fn mark_role(&self) -> Role {
        if self.needs_somebody || self.need == Need::Dead {
            Role::Bad
        } else {
            Role::Change
        }
    }

    /// As what it counts in the first line.
    pub(super) fn count_as(&self) -> Tally {
        if self.needs_somebody {
            return Tally::NeedsYou;
        }
        match self.need {
            Need::Person => Tally::NeedsYou,
            Need::Blocked => Tally::Blocked,
            Need::Dead => Tally::Dead,
            Need::Unknown => Tally::Unknown,
            Need::Held => Tally::Held,
            Need::Stuck => Tally::Stuck,
            Need::Idle | Need::Working => Tally::Well,
            Need::Rest => Tally::Rest,
        }
    }
}

impl Need {
    fn of(row: &Row<'_>) -> Self {
        match row.phase {
            Phase::Waiting(_) => Self::Person,
            Phase::Blocked(_) => Self::Blocked,
            Phase::Dead(_) | Phase::Absent => Self::Dead,
            Phase::Unknown => Self::Unknown,
            Phase::Completed(_) | Phase::Stopped | Phase::Foreign => match row.event {
                Event::Held(_) => Self::Held,
                Event::Step(_) | Event::Note(_) | Event::Next(_) | Event::Nothing => Self::Rest,
            },
            Phase::Idle => Self::of_living(row).unwrap_or(Self::Idle),
            Phase::Working | Phase::Background | Phase::Starting | Phase::Stopping => {
                Self::of_living(row).unwrap_or(Self::Working)
            }
        }
    }

    fn of_living(row: &Row<'_>) -> Option<Self> {
        let reason = match row.event {
            Event::Held(held) => &held.reason,
            Event::Step(step) => &step.reason,
            Event::Note(reason) => reason,
            Event::Next(_) | Event::Nothing => return None,
        };
        match (reason, row.event) {
            (Reason::Stuck { .. }, _) => Some(Self::Stuck),
            (_, Event::Held(_)) => Some(Self::Held),
            (_, Event::Step(_) | Event::Note(_) | Event::Next(_) | Event::Nothing) => None,
        }
    }
}

fn needs_somebody(row: &Row<'_>) -> bool {
    use crate::model::Block;
    let is_asking = matches!(
        row.phase,
        Phase::Waiting(_) | Phase::Blocked(Block::Auth | Block::Context)
    );
    let is_held = match row.event {
        Event::Held(held) => held.hold.needs_somebody(),
        Event::Step(_) | Event::Note(_) | Event::Next(_) | Event::Nothing => false,
    };
    is_asking || is_held
}

/// As what a session counts in the first line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Tally {
    Well,
    NeedsYou,
    Dead,
    Blocked,
    Unknown,
    Held,
    Stuck,
    Rest,
}

impl Tally {
    /// Its words, and their role.
    pub(super) fn words(self) -> (&'static str, Role) {
        match self {
            Self::Well => ("ok", Role::Good),
            Self::NeedsYou => ("NEED YOU", Role::Bad),
            Self::Dead => ("dead", Role::Bad),
            Self::Blocked => ("blocked", Role::Change),
            Self::Unknown => ("unknown", Role::Change),
            Self::Held => ("held", Role::Change),
            Self::Stuck => ("stuck", Role::Change),
            Self::Rest => ("at rest", Role::Quiet),
        }
    }
}
