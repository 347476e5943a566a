//! Reads the screens of our sessions, and what their processes do behind screens that seem to rest.

use crate::model::{
    Content, Death, Desired, Label, Life, Memory, Moment, OnUpgrade, Ownership, PaneId, Period,
    ScreenState, Seen, Server, SessionName, Title, Town,
};
use crate::proc::tree::{self, Forest};
use crate::proc::zone;
use crate::screen;
use crate::tmux::Client;
use crate::tmux::tail::{self, Lines};
use jiff::tz::TimeZone;
use std::time::Duration;

/// The longest time for reading screens. A look without them is still complete enough to plan.
const DEADLINE: Duration = Duration::from_millis(1500);
/// CPU time is measured this long before a limit is reached.
const CPU_WATCH: Period = Period::from_mins(1);
/// More screens than this are read by a call of their own.
const FEW_SCREENS: usize = 32;
/// Up to this many trees are read one by one. For more, one read of all processes is cheaper.
const FEW_TREES: usize = 32;

/// Adds the last lines of our dead sessions, with at most one more call. `known` has those that
/// were read with the listing. A failed call only leaves lines out.
pub(super) async fn add_tails(
    client: &Client,
    town: &Town,
    server: &mut Server,
    known: Lines,
    now: Moment,
) {
    let dead_panes: Vec<PaneId> = server
        .sessions
        .values()
        .filter_map(screen_of_dead)
        .collect();
    if dead_panes.is_empty() {
        return;
    }
    let mut tails = known;
    let unread: Vec<PaneId> = dead_panes
        .into_iter()
        .filter(|pane| !tails.contains_key(pane))
        .collect();
    if !unread.is_empty() {
        match tail::tails(client, &unread).await {
            Ok(read) => tails.extend(read),
            Err(fault) => tracing::debug!(%fault, "no tails"),
        }
    }
    let zone = zone::local();
    for seen in server.sessions.values_mut() {
        let desired = label(seen).and_then(|label| town.sessions.get(&label.session));
        if let (Life::Dead { tail, at: died, .. }, Some(lines)) =
            (&mut seen.life, tails.remove(&seen.pane))
        {
            let ended = Moment {
                wall: died.map_or(now.wall, |died| died.min(now.wall)),
                ..now
            };
            seen.screen = desired.map(|desired| last_words(desired, &lines, ended, &zone));
            *tail = lines;
        }
    }
}

/// The pane whose screen shows how a session of ours ended.
fn screen_of_dead(seen: &Seen) -> Option<PaneId> {
    match (&seen.ownership, &seen.life) {
        (Ownership::Ours(_), Life::Dead { death, .. }) => {
            (*death != Death::Vanished).then_some(seen.pane)
        }
        (Ownership::Ours(_), Life::Alive { .. } | Life::Unknown(_))
        | (Ownership::Unlabelled | Ownership::Unproved(_) | Ownership::Foreign(_), _) => None,
    }
}

/// Sessions whose screens must be read in any case. They are read together with the listing, but
/// only if they are few.
pub(super) fn unread<'t>(town: &'t Town, memory: &Memory) -> Vec<&'t SessionName> {
    let runs_unread = |name: &&SessionName| {
        let run = memory.sessions.get(*name).and_then(|h| h.run.as_ref());
        run.is_some_and(|run| run.ended.is_none() && run.content.is_none())
    };
    let unread: Vec<&SessionName> = town.sessions.keys().filter(runs_unread).collect();
    if unread.len() > FEW_SCREENS {
        Vec::new()
    } else {
        unread
    }
}

/// Adds the screens that may have changed, with at most a few more calls. `known_now` has those
/// that were read with the listing.
pub(super) async fn add_screens(
    client: &Client,
    town: &Town,
    memory: &Memory,
    server: &mut Server,
    known_now: Lines,
    now: Moment,
) {
    let is_wanted = |seen: &&Seen| {
        let declared = living(town, seen);
        declared.is_some_and(|(desired, label)| {
            known(memory, label).is_none_or(|content| is_stale(content, seen, desired))
        })
    };
    let wanted: Vec<PaneId> = server
        .sessions
        .values()
        .filter(is_wanted)
        .map(|seen| seen.pane)
        .collect();
    if wanted.is_empty() {
        return;
    }
    let begun = tokio::time::Instant::now();
    let mut screens = known_now;
    let unread: Vec<PaneId> = wanted
        .iter()
        .copied()
        .filter(|pane| !screens.contains_key(pane))
        .collect();
    for panes in unread.chunks(tail::MAX_PANES) {
        let time_left = DEADLINE.saturating_sub(begun.elapsed());
        match tokio::time::timeout(time_left, tail::screens(client, panes)).await {
            Ok(Ok(read)) => screens.extend(read),
            Ok(Err(fault)) => tracing::debug!(%fault, "no screens"),
            Err(_) => tracing::debug!("no screens in time"),
        }
    }
    let zone = zone::local();
    for seen in server.sessions.values_mut() {
        let Some((desired, label)) = living(town, seen) else {
            continue;
        };
        if let Some(lines) = screens.remove(&seen.pane) {
            let before = known(memory, label).map_or(Title::Unread, |content| content.title);
            let screen = read(desired, &lines, written(seen, now), &zone);
            seen.screen = Some(screen::with_title(
                &desired.agent,
                screen,
                &seen.title,
                before,
            ));
        }
    }
}

/// The latest time at which the screen was written. Relative times on it count from then.
fn written(seen: &Seen, now: Moment) -> Moment {
    let second_after = seen.activity.saturating_add(1).saturating_mul(1000);
    let wall = if seen.activity > 0 {
        second_after.min(now.wall)
    } else {
        now.wall
    };
    Moment { wall, ..now }
}

/// What the last screen of a run says. A usage limit shown above a composer has not ended the run.
fn last_words(
    desired: &Desired,
    lines: &[String],
    ended: Moment,
    zone: &TimeZone,
) -> crate::model::Screen {
    let screen = read(desired, lines, ended, zone);
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    let is_limit = matches!(screen.state, ScreenState::Limit { .. });
    if is_limit && screen::has_composer(&desired.agent, &lines) {
        return crate::model::Screen {
            state: ScreenState::Unclear,
            evidence: String::new(),
            ..screen
        };
    }
    screen
}

/// Whether the screen must be read again: it was written to, its title has changed, or its state
/// still needs a second look.
fn is_stale(content: &Content, seen: &Seen, desired: &Desired) -> bool {
    let is_new_title = || screen::is_new_title(&desired.agent, &seen.title, content.title);
    // An older gtctl has not read its dialog.
    let is_unread = content.dialog.is_none()
        && matches!(
            content.state,
            ScreenState::AsksPermission | ScreenState::AsksTrust
        );
    content.activity != seen.activity || !content.is_agreed() || is_new_title() || is_unread
}

fn read(desired: &Desired, lines: &[String], now: Moment, zone: &TimeZone) -> crate::model::Screen {
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    screen::read(&desired.agent, &lines, now, zone)
}

/// Adds the resource usage of trees whose screens may soon count as idle or stuck.
pub(super) fn add_usage(town: &Town, memory: &Memory, server: &mut Server, now: Moment) {
    let is_due = |seen: &&mut Seen| {
        let (desired, label) = living(town, seen)?;
        let content = known(memory, label)?;
        let limit = match content.state {
            ScreenState::Busy | ScreenState::Retrying => desired.idling.stuck_after,
            ScreenState::Ready
            | ScreenState::AsksPermission
            | ScreenState::AsksTrust
            | ScreenState::Auth
            | ScreenState::Limit { .. }
            | ScreenState::Context
            | ScreenState::Unclear => quiet_limit(desired),
        };
        (now.since(&content.since).plus(CPU_WATCH) >= limit?).then_some(())
    };
    let due: Vec<&mut Seen> = server
        .sessions
        .values_mut()
        .filter(|seen| is_due(seen).is_some())
        .collect();
    let forest = (due.len() > FEW_TREES).then(Forest::scan);
    for seen in due {
        let Life::Alive { process, .. } = &seen.life else {
            continue;
        };
        let members = forest
            .as_ref()
            .map_or_else(|| tree::tree(*process), |forest| forest.tree(*process));
        seen.usage = (!members.is_empty()).then(|| tree::usage(&members));
    }
}

/// Adds whether commands run in sessions that may soon count as idle, for a limit or a planned
/// stop.
pub(super) fn add_commands(town: &Town, memory: &Memory, server: &mut Server, now: Moment) {
    let sessions = server.sessions.values_mut();
    let due = sessions.filter_map(|seen| {
        let (desired, label) = living(town, seen)?;
        let content = known(memory, label)?;
        let may_end = || is_end_near(memory, desired, label, now);
        let is_due = content.state == ScreenState::Ready
            && (content.commands || is_limit_near(content, desired, now) || may_end());
        is_due.then_some((desired, seen))
    });
    let due: Vec<(&Desired, &mut Seen)> = due.collect();
    let forest = (due.len() > FEW_TREES).then(Forest::scan);
    for (desired, seen) in due {
        let Life::Alive { process, .. } = &seen.life else {
            continue;
        };
        let members = forest
            .as_ref()
            .map_or_else(|| tree::tree(*process), |forest| forest.tree(*process));
        let has_command =
            || tree::has_command(&members, &desired.agent.process_names, desired.ready_after);
        seen.commands = (!members.is_empty()).then(has_command);
    }
}

/// For how long its screen can be unchanged before a rule speaks.
fn quiet_limit(desired: &Desired) -> Option<Period> {
    let limits = [desired.idling.idle_limit, desired.completion.turn_ended];
    limits.into_iter().flatten().min()
}

/// Whether the session is soon quiet for as long as a rule asks.
fn is_limit_near(content: &Content, desired: &Desired, now: Moment) -> bool {
    let quiet = now.since(&content.since).plus(CPU_WATCH);
    quiet_limit(desired).is_some_and(|limit| quiet >= limit)
}

/// Whether the session is to end once it is idle: for its age, its memory, its tokens, or changed fields.
fn is_end_near(memory: &Memory, desired: &Desired, label: &Label, now: Moment) -> bool {
    if desired.drain == Period::ZERO || desired.policy.is_some() {
        return false;
    }
    let age = now.since(&label.started).plus(CPU_WATCH);
    let is_old = desired.max_age.is_some_and(|limit| age >= limit);
    let history = memory.sessions.get(&label.session);
    let run = history.and_then(|history| history.run_of(label.generation));
    let footprint = run.and_then(|run| run.footprint);
    let is_large = footprint
        .zip(desired.max_memory)
        .is_some_and(|(footprint, limit)| footprint.bytes > limit);
    let is_at_token_limit = run.is_some_and(|run| {
        let limits = desired.tokens;
        limits.reached_tokens(run).is_some() || limits.reached_context(run).is_some()
    });
    let waits_for_its_end = run.is_some_and(|run| run.draining.is_some());
    let is_other = || {
        label
            .fingerprint
            .is_some_and(|ran_with| ran_with != desired.fingerprint())
    };
    let program = run.and_then(|run| run.program);
    let is_upgraded = desired.on_upgrade == OnUpgrade::RestartWhenIdle
        && program.is_some_and(|program| program.is_replaced);
    is_old || is_large || is_at_token_limit || is_upgraded || waits_for_its_end || is_other()
}

/// What was declared for a living session of ours, and its label.
pub(super) fn living<'t, 's>(town: &'t Town, seen: &'s Seen) -> Option<(&'t Desired, &'s Label)> {
    let label = label(seen).filter(|_| matches!(seen.life, Life::Alive { .. }))?;
    town.sessions
        .get(&label.session)
        .map(|desired| (desired, label))
}

/// The screen that memory has of this incarnation.
fn known<'m>(memory: &'m Memory, label: &Label) -> Option<&'m Content> {
    let history = memory.sessions.get(&label.session)?;
    history.run_of(label.generation)?.content.as_ref()
}

fn label(seen: &Seen) -> Option<&Label> {
    match &seen.ownership {
        Ownership::Ours(label) => Some(label),
        Ownership::Unlabelled | Ownership::Unproved(_) | Ownership::Foreign(_) => None,
    }
}
