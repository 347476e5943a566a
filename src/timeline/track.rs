//! The pieces of a session's time.

use crate::model::{PhaseChange, PhaseKind, ReasonCode, SessionName};
use crate::model::{SortedMap, SortedSet};
use jiff::Timestamp;
use serde_json::Value;
use strum::{EnumIter, IntoStaticStr};

/// What a session was for a while, in the few kinds that a picture can tell apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, IntoStaticStr, EnumIter)]
#[strum(serialize_all = "kebab-case")]
pub enum Shade {
    /// Nothing is known of it.
    Unknown,
    /// It is meant to rest: stopped, completed, or not declared.
    Off,
    /// It was at its prompt.
    Idle,
    /// It worked, or was about to.
    Working,
    /// It waited for a person.
    Waiting,
    /// It could not go on by itself.
    Blocked,
    /// It had ended, or was not there, but should have been.
    Dead,
}

impl Shade {
    /// The word for it.
    #[must_use]
    pub fn word(self) -> &'static str {
        self.into()
    }
}

/// A period by the wall clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// Its beginning, in milliseconds since 1970.
    pub from: i64,
    /// Its end.
    pub to: i64,
}

impl Window {
    /// Its length, in milliseconds.
    #[must_use]
    pub fn millis(&self) -> u64 {
        self.from.abs_diff(self.to)
    }

    /// Whether a moment is in it.
    #[must_use]
    pub fn contains(&self, at: i64) -> bool {
        self.from <= at && at < self.to
    }
}

/// A piece of time in which a session was one thing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece {
    /// When it began.
    pub from: i64,
    /// When it ended.
    pub to: i64,
    /// What the session was.
    pub shade: Shade,
    /// Its phase, with why and how it ended: `dead: signal 9 (KILL)`. Not sanitised.
    pub cause: String,
}

impl Piece {
    /// Its length, in milliseconds.
    #[must_use]
    pub fn millis(&self) -> u64 {
        self.from.abs_diff(self.to)
    }
}

/// A restart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tick {
    /// When.
    pub at: i64,
    /// The code of its reason, such as `died`.
    pub reason: String,
    /// Who caused it: `controller`, `person`. Empty where the journal does not say.
    pub actor: String,
    /// The journal's sentence, not sanitised.
    pub message: String,
}

/// A session over a period: pieces that follow each other without a gap, and restarts.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Track {
    /// The pieces, in order. They cover the whole window.
    pub spans: Vec<Piece>,
    /// The restarts, in order.
    pub ticks: Vec<Tick>,
}

/// The track of each session.
pub type Tracks = SortedMap<SessionName, Track>;

/// What is known of a period.
#[derive(Debug, Clone, Copy)]
pub struct Past<'a> {
    /// The phases of each session, oldest first. The first one may begin before the window.
    pub phases: &'a SortedMap<SessionName, Vec<PhaseChange>>,
    /// The lines of the journal, oldest first.
    pub events: &'a [Value],
    /// The sessions that are declared now.
    pub declared: &'a SortedSet<SessionName>,
    /// The period.
    pub window: Window,
}

/// What each session was in the window.
#[must_use]
pub fn tracks(past: &Past<'_>) -> Tracks {
    let mut ticks = ticks(past);
    let track = |(session, changes): (&SessionName, &Vec<PhaseChange>)| {
        let track = Track {
            spans: spans(changes, past.declared.contains(session), past.window),
            ticks: ticks.remove(session.as_str()).unwrap_or_default(),
        };
        (session.clone(), track)
    };
    past.phases.iter().map(track).collect()
}

fn spans(changes: &[PhaseChange], is_declared: bool, window: Window) -> Vec<Piece> {
    let mut spans = Vec::new();
    let mut now = Piece {
        from: window.from,
        to: window.from,
        shade: Shade::Unknown,
        cause: String::new(),
    };
    let mut last = None;
    for (nth, change) in changes.iter().enumerate() {
        // A clock that was set back must not turn a piece round.
        let at = change.since.max(now.from).min(window.to);
        let is_wanted = is_declared || nth + 1 < changes.len();
        let shade = shade(change.phase, last, is_wanted);
        last = Some(shade);
        let cause = cause(change);
        if (shade, &cause) == (now.shade, &now.cause) {
            continue;
        }
        let next = Piece {
            from: at,
            to: at,
            shade,
            cause,
        };
        end(&mut spans, std::mem::replace(&mut now, next), at);
    }
    end(&mut spans, now, window.to);
    spans
}

/// Ends a piece. One that took no time is left out.
fn end(spans: &mut Vec<Piece>, span: Piece, at: i64) {
    if at > span.from {
        spans.push(Piece { to: at, ..span });
    }
}

/// What a phase is in a picture. A session that was there and is gone should be there, if it
/// `is_wanted`.
fn shade(phase: PhaseKind, last: Option<Shade>, is_wanted: bool) -> Shade {
    match phase {
        PhaseKind::Starting | PhaseKind::Working | PhaseKind::Background => Shade::Working,
        PhaseKind::Idle => Shade::Idle,
        PhaseKind::Waiting => Shade::Waiting,
        PhaseKind::Blocked => Shade::Blocked,
        PhaseKind::Dead => Shade::Dead,
        PhaseKind::Absent if is_wanted && last.is_some_and(|last| last != Shade::Off) => {
            Shade::Dead
        }
        PhaseKind::Absent
        | PhaseKind::Completed
        | PhaseKind::Stopping
        | PhaseKind::Stopped
        | PhaseKind::Foreign => Shade::Off,
        PhaseKind::Unknown => Shade::Unknown,
    }
}

fn cause(change: &PhaseChange) -> String {
    let mut parts = vec![change.phase.word().to_owned()];
    parts.extend(change.cause.clone());
    parts.extend(change.death.map(|death| death.to_string()));
    parts.join(": ")
}

fn ticks<'a>(past: &Past<'a>) -> SortedMap<&'a str, Vec<Tick>> {
    let mut ticks: SortedMap<&str, Vec<Tick>> = SortedMap::new();
    for event in past.events {
        let text = |key: &str| event.get(key).and_then(Value::as_str);
        let is_restart = (text("verb"), text("outcome")) == (Some("restart"), Some("done"));
        let session = text("session").filter(|_| is_restart && event.get("pid").is_some());
        let at = text("ts").and_then(|ts| ts.parse::<Timestamp>().ok());
        let at = at.map(Timestamp::as_millisecond);
        let Some((session, at)) = session.zip(at.filter(|at| past.window.contains(*at))) else {
            continue;
        };
        let word = |key: &str| text(key).unwrap_or_default().to_owned();
        ticks.entry(session).or_default().push(Tick {
            at,
            reason: cause_of(event).unwrap_or_default().to_owned(),
            actor: word("actor"),
            message: word("message"),
        });
    }
    ticks
}

/// The code of the reason for which a step was taken: of a stop under way, what it was begun for.
pub(super) fn cause_of(event: &Value) -> Option<&str> {
    let reason = event.get("reason")?.as_str()?;
    if reason != ReasonCode::StopBegun.word() {
        return Some(reason);
    }
    let purpose = event
        .get("evidence")
        .and_then(|evidence| evidence.get("purpose"));
    purpose.and_then(Value::as_str).or(Some(reason))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::model::{Death, Generation};
    use serde_json::json;

    pub(in super::super) fn change(phase: PhaseKind, since: i64) -> PhaseChange {
        PhaseChange {
            session: SessionName::new("a").unwrap(),
            phase,
            since,
            cause: None,
            generation: Some(Generation(1)),
            pid: None,
            death: (phase == PhaseKind::Dead).then_some(Death::Signal(9)),
            source: None,
        }
    }

    /// The track of `a`, of a window from 0 to 1000.
    fn track_of(changes: &[PhaseChange], events: &[Value], is_declared: bool) -> Track {
        let name = SessionName::new("a").unwrap();
        let declared = if is_declared {
            [name.clone()].into()
        } else {
            SortedSet::new()
        };
        let past = Past {
            phases: &[(name.clone(), changes.to_vec())].into(),
            events,
            declared: &declared,
            window: Window { from: 0, to: 1000 },
        };
        tracks(&past)[&name].clone()
    }

    #[test]
    fn pieces_cover_the_window_whatever_was_before() {
        let changes = [
            change(PhaseKind::Working, -500),
            change(PhaseKind::Dead, 300),
            change(PhaseKind::Starting, 350),
            change(PhaseKind::Idle, 400),
            // A clock that was set back.
            change(PhaseKind::Working, 390),
            change(PhaseKind::Stopped, 900),
        ];
        let track = track_of(&changes, &[], true);
        let spans: Vec<(Shade, i64)> = track.spans.iter().map(|s| (s.shade, s.to)).collect();
        let want = [
            (Shade::Working, 300),
            (Shade::Dead, 350),
            (Shade::Working, 400),
            (Shade::Working, 900),
            (Shade::Off, 1000),
        ];
        assert_eq!(spans, want);
        assert_eq!(track.spans[1].cause, "dead: signal 9 (KILL)");
        let whole: u64 = track.spans.iter().map(Piece::millis).sum();
        assert_eq!(whole, 1000);
    }

    #[test]
    fn a_session_that_vanished_is_dead_and_one_that_is_not_wanted_is_not() {
        let changes = [
            change(PhaseKind::Working, 100),
            change(PhaseKind::Absent, 200),
        ];
        let last = |is_declared| track_of(&changes, &[], is_declared).spans[2].shade;
        assert_eq!((last(true), last(false)), (Shade::Dead, Shade::Off));
        let spans = track_of(&changes, &[], true).spans;
        assert_eq!(
            spans[0].shade,
            Shade::Unknown,
            "nothing is known before the first"
        );
        let stopped = [
            change(PhaseKind::Stopped, 0),
            change(PhaseKind::Absent, 200),
        ];
        let spans = track_of(&stopped, &[], true).spans;
        assert!(spans.iter().all(|span| span.shade == Shade::Off));
    }

    #[test]
    fn restarts_are_those_that_started_a_process() {
        let event = |outcome: &str, pid: Option<u32>| {
            json!({"ts": "1970-01-01T00:00:00.5Z", "session": "a", "verb": "restart",
                   "outcome": outcome, "reason": "died", "actor": "controller", "pid": pid})
        };
        let mut asked = event("done", Some(1));
        asked.as_object_mut().unwrap().remove("pid");
        let events = [event("done", Some(7)), event("failed", Some(7)), asked];
        let ticks = track_of(&[change(PhaseKind::Idle, 0)], &events, true).ticks;
        assert_eq!(ticks.len(), 1);
        assert_eq!((ticks[0].at, ticks[0].reason.as_str()), (500, "died"));
    }

    #[test]
    fn the_last_step_of_a_stop_has_the_reason_of_its_first() {
        let last = json!({"reason": "stop-begun", "evidence": {"purpose": "too-old"}});
        assert_eq!(cause_of(&last), Some("too-old"));
        let old = json!({"reason": "stop-begun", "evidence": {}});
        assert_eq!(cause_of(&old), Some("stop-begun"));
        assert_eq!(cause_of(&json!({"reason": "died"})), Some("died"));
        assert_eq!(cause_of(&json!({})), None);
    }
}
