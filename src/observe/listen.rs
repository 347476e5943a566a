//! Listens for completion markers in the output that sessions have written since the last look.
//!
//! A look at a silent session costs one `stat`. Memory keeps the position and the marker found, so
//! `status` and the next controller go on where the last look stopped.

use super::given;
use crate::files;
use crate::files::aside::{self, Late};
use crate::model::SortedMap;
use crate::model::{
    Desired, Given, Label, Life, Marks, Memory, Moment, Observed, Ownership, Position, ProcId,
    Seen, SessionName, Town, Typed,
};
use crate::screen::output::{Matcher, Watch};
use crate::store::{FollowFault, Follower, From, View};
use std::path::{Path, PathBuf};

/// Bytes per read.
const CHUNK: usize = 1 << 20;
/// The most bytes read of one log in one look. The next look reads on.
const MAX_READ: u64 = 32 << 20;
/// A longer line, in bytes, is read in pieces before its end comes.
const MAX_OPEN: u64 = 64 << 10;
/// How long before its session a wrapper may create the log, in ms.
const WRAPPER_LEAD: i64 = 2000;
/// Bytes before the new output that are read again. A client may show a given text across the end
/// of a read.
const LOOK_BACK: u64 = 4 << 10;
/// The width in columns of the panes that gtctl creates.
const WIDTH: usize = 200;

/// Adds to each session with declared markers what its output says.
///
/// Returns a message for each session that cannot be listened to.
pub fn listen(
    observed: &mut Observed,
    town: &Town,
    memory: &Memory,
    state: &View,
    now: Moment,
) -> Vec<String> {
    let Observed::Up(server) = observed else {
        return Vec::new();
    };
    let mut faults: SortedMap<SessionName, String> = SortedMap::new();
    for seen in server.sessions.values_mut() {
        let Some((desired, label)) = listened(seen, town) else {
            continue;
        };
        let history = memory.sessions.get(&label.session);
        let run = history.and_then(|history| history.run_of(label.generation));
        let former = run.and_then(|run| run.marks.as_ref());
        let typed = run.map_or(&[][..], |run| &run.typed);
        let pane = match &seen.life {
            Life::Alive { process, .. } => Some(*process),
            Life::Dead { .. } | Life::Unknown(_) => None,
        };
        let source = Source {
            desired,
            label,
            created: seen.created,
            path: log_of(desired, label, state),
            typed,
            pane,
        };
        match hear(&source, former, now) {
            Ok(marks) => seen.heard = Some(marks),
            Err(fault) => {
                let text = format!(
                    "{} cannot be listened to for its completion: {fault}",
                    label.session
                );
                faults.insert(label.session.clone(), text);
            }
        }
    }
    faults.into_values().collect()
}

/// What was declared for a session and its label, if it is listened to.
#[must_use]
pub fn listened<'a>(seen: &'a Seen, town: &'a Town) -> Option<(&'a Desired, &'a Label)> {
    let (Ownership::Ours(label), Life::Alive { .. }) = (&seen.ownership, &seen.life) else {
        return None;
    };
    let desired = town
        .sessions
        .get(&label.session)
        .filter(|desired| !desired.completion.markers.is_empty());
    desired.map(|desired| (desired, label))
}

/// The log that contains the output of this incarnation.
#[must_use]
pub fn log_of(desired: &Desired, label: &Label, state: &View) -> PathBuf {
    match &desired.completion.log {
        Some(log) => desired.dir.join(log),
        None => state.log_of(&label.session, label.generation),
    }
}

/// Why a session cannot be listened to.
#[derive(Debug, thiserror::Error)]
enum Deaf {
    #[error(transparent)]
    Follow(#[from] FollowFault),
    #[error(transparent)]
    Late(#[from] Late),
    #[error("{} is gone", .0.display())]
    Gone(PathBuf),
    #[error(
        "its pane was piped elsewhere when it was adopted: name that log in its policy's `completion.log`"
    )]
    PipedElsewhere,
}

/// The output of one incarnation.
struct Source<'a> {
    desired: &'a Desired,
    label: &'a Label,
    /// When tmux created its session, in ms since the epoch.
    created: i64,
    path: PathBuf,
    /// The texts that gtctl typed. They are not the agent's own words.
    typed: &'a [Typed],
    /// The process of the agent's pane.
    pane: Option<ProcId>,
}

impl Source<'_> {
    fn matcher(&self, given: &Given) -> Matcher {
        let typed = self.typed.iter().map(|typed| &typed.text);
        let given: Vec<String> = typed.chain(&given.pieces).cloned().collect();
        Matcher::new(&self.desired.completion.markers, &given)
    }

    /// The texts given to this incarnation. They are read again only if the markers have changed.
    fn given(&self, former: Option<&Given>) -> Result<Given, Late> {
        let is_known =
            |given: &&Given| given.markers == given::digest(&self.desired.completion.markers);
        if let Some(known) = former.filter(is_known) {
            return Ok(known.clone());
        }
        let (desired, origin, pane) = (self.desired.clone(), self.label.origin, self.pane);
        aside::ask(&self.desired.dir, move || {
            given::given(&desired, origin, pane)
        })
    }

    /// Checks that a log outside of our state directory answers, so that reading it cannot hang.
    fn answers(&self) -> Result<(), Late> {
        if self.desired.completion.log.is_none() {
            return Ok(());
        }
        let path = self.path.clone();
        aside::ask(&self.path, move || files::touch(&path))
    }
}

/// What the output of one incarnation says after this look.
fn hear(source: &Source<'_>, former: Option<&Marks>, now: Moment) -> Result<Marks, Deaf> {
    let Source { desired, path, .. } = source;
    source.answers()?;
    if desired.policy.is_some() && desired.completion.log.is_none() && !path.exists() {
        return Err(Deaf::PipedElsewhere);
    }
    let Some(former) = former else {
        let from = beginning(source);
        let silence = Marks {
            position: None,
            beyond: 0,
            standing: None,
            unfinished: false,
            last_output: now,
            given: source.given(None)?,
        };
        return read(source, Follower::new(path, from), &silence, now);
    };
    let after = |position: Position| Position {
        offset: position.offset.saturating_add(former.beyond),
        ..position
    };
    let seen = former
        .position
        .map_or(From::Beginning, |position| From::Position(after(position)));
    match Follower::new(path, seen).has_news()? {
        None if former.position.is_some() => return Err(Deaf::Gone(path.clone())),
        None | Some(false) => return Ok(former.clone()),
        Some(true) => {}
    }
    let former = Marks {
        given: source.given(Some(&former.given))?,
        ..former.clone()
    };
    let from = former.position.map_or(From::Beginning, From::Position);
    read(source, Follower::new(path, from), &former, now)
}

/// Where to begin reading the output of an incarnation.
///
/// - Our own log contains only its output: from the beginning.
/// - A declared log counts from its beginning if it was created after the start, otherwise from its
///   current end. Older lines may come from a former session of the same name.
/// - The log of a covered session was written before gtctl met it. It counts from its beginning if
///   it was created together with the session.
fn beginning(source: &Source<'_>) -> From {
    let Source {
        desired,
        label,
        created,
        path,
        typed: _,
        pane: _,
    } = source;
    let file = Follower::new(path, From::End);
    let since = |at: Option<i64>, begun: i64| at.is_some_and(|at| at >= begun);
    let its_own = match (&desired.completion.log, &desired.policy) {
        (None, _) => true,
        (Some(_), None) => since(file.born(), label.started.wall),
        (Some(_), Some(_)) => {
            since(file.born(), created.saturating_sub(WRAPPER_LEAD))
                && since(file.modified(), *created)
        }
    };
    if its_own { From::Beginning } else { From::End }
}

/// Reads the new output, beginning at a line start.
fn read(
    source: &Source<'_>,
    mut follower: Follower,
    former: &Marks,
    now: Moment,
) -> Result<Marks, Deaf> {
    // A marker in an unfinished line is found again, because that line is read again.
    let standing = former.standing.clone().filter(|_| !former.unfinished);
    let offset = former.position.map_or(0, |position| position.offset);
    let before = former
        .position
        .map(|position| before(&source.path, position))
        .unwrap_or_default();
    let watch = Watch::new(source.matcher(&former.given), WIDTH, offset).after(&before);
    let mut watch = watch.resuming(standing);
    let (mut total, mut open) = (0, 0);
    while total < MAX_READ {
        let new = follower.read_new(CHUNK)?;
        let length = new.bytes.len() as u64;
        if new.gap.is_some() {
            watch.skip_to(
                follower
                    .position()
                    .map_or(0, |position| position.offset.saturating_sub(length)),
            );
            open = 0;
        }
        if length == 0 {
            break;
        }
        watch.feed(&new.bytes, now);
        total += length;
        open = match memchr::memrchr(b'\n', &new.bytes) {
            Some(at) => length.saturating_sub(at as u64 + 1),
            None => open + length,
        };
    }
    let behind = total >= MAX_READ;
    let whole = watch.standing().cloned();
    if open > 0 && !behind {
        watch.settle(now);
    }
    let standing = watch.standing().cloned();
    let last_output = match &standing {
        Some(standing) if !behind => standing.quiet_since,
        None if total == 0 => former.last_output,
        Some(_) | None => now,
    };
    let position = follower.position();
    let beyond = if open > MAX_OPEN {
        0
    } else {
        position.map_or(0, |position| open.min(position.offset))
    };
    let position = position.map(|at| Position {
        offset: at.offset.saturating_sub(beyond),
        ..at
    });
    let unfinished = standing != whole;
    Ok(Marks {
        position,
        beyond,
        standing,
        unfinished,
        last_output,
        given: former.given.clone(),
    })
}

/// The last bytes before this position, at most [`LOOK_BACK`]. Empty if they cannot be read.
fn before(path: &Path, position: Position) -> Vec<u8> {
    let length = position.offset.min(LOOK_BACK);
    let from = Position {
        offset: position.offset - length,
        ..position
    };
    let mut follower = Follower::new(path, From::Position(from));
    let read = follower.read_new(usize::try_from(length).unwrap_or(0));
    read.ok()
        .filter(|new| new.gap.is_none())
        .map(|new| new.bytes)
        .unwrap_or_default()
}
