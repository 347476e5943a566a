//! The ladder of a stop: ask, TERM, KILL, finish. One rung is taken in a cycle, and each has a
//! follower that is due after a wait.
//!
//! All sessions climb the same ladder. What differs is how they are asked:
//!
//! | asked by | then | after |
//! |---|---|---|
//! | quit keys | TERM | 6 s |
//! | TERM, for want of keys | KILL | `stop_grace` |
//! | a launcher's command | TERM | at once: the command has ended, or was ended at its limit |
//! | a launcher that leaves processes behind, or has no command | KILL | at once: TERM came first |
//!
//! TERM is followed by KILL after `stop_grace`, KILL by KILL after 5 s. Once nothing lives, the stop
//! is finished, on whatever rung it is.

use super::alone::hold_after_failure;
use super::subject::Subject;
use super::verdict::{Kind, Verdict, Want};
use crate::model::{
    Desired, Hold, LauncherStop, Moment, Origin, Period, Phase, Purpose, Reason, Rung, Stopping,
    Verb,
};

/// How long quit keys may take before TERM: the slowest client measured leaves 4 s after `/exit`.
const QUIT_WAIT: Period = Period::from_secs(6);
/// KILL is repeated this often while something still lives, stuck in the kernel perhaps.
const KILL_AGAIN: Period = Period::from_secs(5);
/// The grace of a session that is no longer declared.
const DEFAULT_GRACE: Period = Period::from_secs(30);
/// How long a restart that was begun for another definition waits for the manifest to be read:
/// longer than a file takes to settle.
const OTHER_DEFINITION_WAIT: Period = Period::from_secs(2);

/// A stop that was begun is carried on, rung by rung, whatever else has changed.
pub(super) fn stopping(subject: &Subject<'_>) -> Option<Verdict> {
    let under_way = subject.history?.stopping.as_ref()?;
    if subject.label()?.generation != under_way.generation {
        return None;
    }
    let others = subject.policy().is_some()
        || subject
            .label()
            .is_some_and(|label| label.origin == Origin::Policy);
    if others && under_way.purpose == Purpose::Restart {
        return None;
    }
    let verb = match under_way.purpose {
        Purpose::Restart if subject.desired.is_some() && !subject.is_stopped() => Verb::Restart,
        Purpose::Restart | Purpose::Expire => Verb::Expire,
    };
    let waited = subject.now().since(&under_way.since);
    let want = |rung| Want {
        verb,
        reason: Reason::StopBegun {
            waited,
            purpose: under_way.reason.clone(),
        },
        kind: Kind::Continue(rung),
        phase: Phase::Stopping,
    };
    if !subject.is_alive() {
        let finish = want(Rung::Finish);
        if let Some((hold, until)) = hold_after_failure(subject, &finish) {
            return Some(Verdict::Hold(finish, hold, until));
        }
        return Some(finish_as_begun(subject, under_way, finish));
    }
    let (rung, due) = next_rung(subject, under_way, verb);
    if subject.now().reached(&due) {
        return Some(Verdict::Want(want(rung)));
    }
    let grace = grace(subject);
    Some(Verdict::Hold(
        want(rung),
        Hold::Stopping { grace },
        Some(due),
    ))
}

/// The end of a stop. A restart is finished with the definition that it was begun for. Where that
/// is not the one known here, either of the two may be the older one: the manifest is read again
/// first, for which there is a moment's time.
fn finish_as_begun(subject: &Subject<'_>, under_way: &Stopping, want: Want) -> Verdict {
    let here = subject
        .desired
        .map(Desired::fingerprint)
        .filter(|_| want.verb == Verb::Restart);
    let differs = here
        .zip(under_way.begun_for)
        .is_some_and(|(here, begun_for)| here != begun_for);
    let until = under_way.rung_at.plus(OTHER_DEFINITION_WAIT);
    if differs && !subject.now().reached(&until) {
        return Verdict::Hold(want, Hold::ManifestChanging, Some(until));
    }
    Verdict::Want(want)
}

/// The rung after the last one taken, and when it is due.
fn next_rung(subject: &Subject<'_>, under_way: &Stopping, verb: Verb) -> (Rung, Moment) {
    // An asking whose processes were never written down has touched nothing.
    if under_way.tree.is_empty() {
        return (Rung::Ask, under_way.since);
    }
    let (rung, wait) = follower(under_way.rung, asked_by(subject, verb), grace(subject));
    (rung, under_way.rung_at.plus(wait))
}

/// How a session is asked to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum AskedBy {
    /// The agent's own quit keys.
    Keys,
    /// TERM.
    Term,
    /// A launcher's command. It has ended when the next rung is chosen.
    Command,
    /// TERM with its whole grace, sent for a launcher. That is over when the next rung is chosen.
    LaunchersTerm,
}

fn asked_by(subject: &Subject<'_>, verb: Verb) -> AskedBy {
    let Some(desired) = subject.desired else {
        return AskedBy::Term;
    };
    match desired.commands().map(|commands| commands.stop_by(verb)) {
        Some(LauncherStop::Command(_)) => AskedBy::Command,
        Some(LauncherStop::TermThenCommand(_) | LauncherStop::Term) => AskedBy::LaunchersTerm,
        None if desired.agent.quit.is_empty() => AskedBy::Term,
        None => AskedBy::Keys,
    }
}

/// The rung after this one, and how long after.
fn follower(rung: Rung, asked_by: AskedBy, grace: Period) -> (Rung, Period) {
    match (rung, asked_by) {
        (Rung::Ask, AskedBy::Keys) => (Rung::Term, QUIT_WAIT),
        (Rung::Ask, AskedBy::Command) => (Rung::Term, Period::ZERO),
        (Rung::Ask, AskedBy::LaunchersTerm) => (Rung::Kill, Period::ZERO),
        (Rung::Ask, AskedBy::Term) | (Rung::Term, _) => (Rung::Kill, grace),
        (Rung::Kill | Rung::Finish, _) => (Rung::Kill, KILL_AGAIN),
    }
}

fn grace(subject: &Subject<'_>) -> Period {
    subject
        .desired
        .map_or(DEFAULT_GRACE, |desired| desired.stop_grace)
}

#[cfg(test)]
mod tests {
    use super::*;

    const GRACE: Period = Period::from_secs(20);

    #[test]
    fn every_way_of_asking_comes_to_kill() {
        let climbed = |asked_by| {
            let first = follower(Rung::Ask, asked_by, GRACE);
            let second = follower(first.0, asked_by, GRACE);
            [first, second]
        };
        let again = (Rung::Kill, KILL_AGAIN);
        let kill = (Rung::Kill, GRACE);
        assert_eq!(climbed(AskedBy::Keys), [(Rung::Term, QUIT_WAIT), kill]);
        assert_eq!(climbed(AskedBy::Term), [kill, again]);
        assert_eq!(
            climbed(AskedBy::Command),
            [(Rung::Term, Period::ZERO), kill]
        );
        assert_eq!(
            climbed(AskedBy::LaunchersTerm),
            [(Rung::Kill, Period::ZERO), again]
        );
    }

    #[test]
    fn kill_is_repeated() {
        for asked_by in [
            AskedBy::Keys,
            AskedBy::Term,
            AskedBy::Command,
            AskedBy::LaunchersTerm,
        ] {
            assert_eq!(
                follower(Rung::Kill, asked_by, GRACE),
                (Rung::Kill, KILL_AGAIN)
            );
        }
    }
}
