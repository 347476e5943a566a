//! What a look at a screen teaches, and what the ends of signed-out agents do.

use super::reports;
use crate::model::SortedMap;
use crate::model::{
    Content, Cpu, Desired, Ended, Footprint, History, Incarnation, Life, Memory, Moment, Period,
    ProgramCheck, Screen, ScreenState, Seen, SeenDialog, Usage, keep_newest,
};

/// Ends of runs in a row that left a sign-in screen behind, by agent.
pub(super) type AuthDeaths = SortedMap<String, Vec<Moment>>;

/// More than one part in so many of a processor is work.
const WORK_SHARE: u64 = 50;
/// What a client's own drawing takes at most, in percent of a processor: a spinner alone takes 5 to
/// 8.
const DRAWING_PERCENT: u64 = 20;
/// A processor's share is told anew after so long: work of a moment must not drown in an hour of
/// rest.
const CPU_WINDOW: Period = Period::from_mins(1);
/// tmux tells the time of the last output in whole seconds.
const GRAIN: Period = Period::from_secs(1);

/// Takes in what a look has read of a living run.
pub(super) fn learn_content(
    run: &mut Incarnation,
    seen: &Seen,
    last_look: Option<Moment>,
    now: Moment,
) {
    if !matches!(seen.life, Life::Alive { .. }) {
        return;
    }
    let known = run.content.as_mut().map(reports::take_back);
    if let Some(screen) = &seen.screen {
        // Output within the second of the look may be later than the look.
        let activity = seen
            .activity
            .min(now.wall.div_euclid(1000).saturating_sub(1));
        match &mut run.content {
            Some(content) => learn_screen(
                content,
                screen,
                activity,
                changed(seen.quiet, last_look, now),
                now,
            ),
            None => run.content = Some(first(screen, activity, seen, run.started, now)),
        }
    }
    if let (Some(content), Some(screen)) = (&mut run.content, &seen.screen) {
        learn_dialog(content, screen, now);
    }
    if let (Some(content), Some(usage)) = (&mut run.content, seen.usage) {
        learn_usage(content, usage, now);
    }
    if let Some(content) = &mut run.content {
        content.commands = seen.commands.unwrap_or(content.commands);
        let known = known.unwrap_or_else(|| content.shown());
        reports::settle_reports(content, &known, seen.reported.as_ref(), now);
        if content.works_behind() {
            // It begins to be idle when that has ended.
            content.since = now;
        }
    }
}

/// What was before the first reading is not known, but for how tmux says that nothing was written
/// just now.
fn first(screen: &Screen, activity: i64, seen: &Seen, started: Moment, now: Moment) -> Content {
    let quiet = seen.quiet.min(Content::IDLE_AFTER).min(now.since(&started));
    Content {
        digest: screen.digest,
        turn: screen.turn,
        progress: screen.progress,
        since: now.minus(quiet),
        activity,
        state: screen.state,
        state_since: now,
        looks: 1,
        evidence: bounded(&screen.evidence),
        cpu: None,
        background: screen.background,
        commands: false,
        told: screen.told,
        title: screen.title,
        reported: None,
        by_screen: None,
        has_begun_turn: false,
        dialog: None,
    }
}

/// Takes in the dialog that a screen shows. The same dialog keeps the moment at which it came.
fn learn_dialog(content: &mut Content, screen: &Screen, now: Moment) {
    let known = content.dialog.take();
    content.dialog = screen.dialog.clone().map(|dialog| {
        let same = known.filter(|known| known.dialog.is_same(&dialog));
        SeenDialog {
            since: same.map_or(now, |known| known.since),
            dialog,
        }
    });
}

/// When a screen that is another became so: not after the last output, and not before the last
/// look, for which the wall clock may have been another.
fn changed(quiet: Period, last_look: Option<Moment>, now: Moment) -> Moment {
    let written = now.minus(quiet.minus(GRAIN));
    last_look
        .filter(|looked| looked.boot == now.boot)
        .map_or(now, |looked| Moment::later_of(looked, written))
}

fn learn_screen(
    content: &mut Content,
    screen: &Screen,
    activity: i64,
    changed: Moment,
    now: Moment,
) {
    content.activity = activity;
    content.background = screen.background;
    content.title = screen.title;
    let agrees = content.state.agrees(&screen.state);
    if content.digest != screen.digest || !agrees {
        content.digest = screen.digest;
        content.since = changed;
        content.cpu = None;
    }
    if agrees && screen.state.is_at_work() && content.progress != screen.progress {
        content.since = changed;
        content.cpu = None;
    }
    content.progress = screen.progress;
    let is_new_limit = agrees && is_another_limit(content, screen, now);
    content.turn = screen.turn;
    if agrees && !is_new_limit {
        content.looks = content.looks.saturating_add(1).min(Content::AGREEING);
        if content.told.by != screen.told.by {
            content.evidence = bounded(&screen.evidence);
        }
        if content.state == (ScreenState::Limit { resets: None }) {
            content.state = screen.state;
        }
    } else {
        content.state = screen.state;
        content.state_since = now;
        content.looks = 1;
        content.evidence = bounded(&screen.evidence);
    }
    content.told = screen.told;
}

/// Whether the limit that a screen shows is a second one: the transcript has grown, and says
/// another thing or says the same again after the end of the first.
fn is_another_limit(content: &Content, screen: &Screen, now: Moment) -> bool {
    let ScreenState::Limit { resets } = content.state else {
        return false;
    };
    let is_over = match resets {
        Some(at) => now.wall >= at,
        None => now.reached(&content.state_since.plus(Content::UNNAMED_LIMIT)),
    };
    content.turn != screen.turn && (is_over || content.evidence != bounded(&screen.evidence))
}

fn learn_usage(content: &mut Content, usage: Usage, now: Moment) {
    let begin = Cpu {
        used_ms: usage.cpu_ms,
        client_ms: usage.client_ms,
        at: now,
        resting: false,
    };
    let Some(last) = content.cpu else {
        content.cpu = Some(begin);
        return;
    };
    let span = now.since(&last.at);
    if span < Content::CPU_SPAN {
        return;
    }
    // Children that ended unseen take their time with them.
    let used = usage.cpu_ms.saturating_sub(last.used_ms);
    let by_client = usage.client_ms.saturating_sub(last.client_ms);
    let works = if content.state.is_at_work() {
        // Its spinner turns whether anything comes of it or not: so what it has started counts, and
        // waiting for a command.
        let by_others = used.saturating_sub(by_client);
        let draws_more =
            by_client.saturating_mul(100) > span.millis().saturating_mul(DRAWING_PERCENT);
        usage.commands > 0 || by_others.saturating_mul(WORK_SHARE) > span.millis() || draws_more
    } else {
        used.saturating_mul(WORK_SHARE) > span.millis()
    };
    if works {
        content.since = now;
        content.cpu = Some(begin);
    } else if span >= CPU_WINDOW {
        content.cpu = Some(Cpu {
            resting: true,
            ..begin
        });
    } else {
        content.cpu = Some(Cpu {
            resting: true,
            ..last
        });
    }
}

/// Takes in what its process tree holds.
pub(super) fn learn_footprint(run: &mut Incarnation, seen: &Seen, now: Moment) {
    if let Some(bytes) = seen.footprint {
        let before = run.footprint.map_or(0, |footprint| footprint.bytes);
        run.footprint = Some(Footprint {
            at: now,
            bytes,
            before,
        });
    }
}

/// Counts the tokens that its client has told of.
pub(super) fn learn_tokens(run: &mut Incarnation) {
    let Some(usage) = run.told_usage() else {
        return;
    };
    let reported = run
        .content
        .as_ref()
        .and_then(|known| known.reported.as_ref());
    if let Some(id) = reported.and_then(|reported| reported.conversation.clone()) {
        run.tokens.count(&id, usage.total());
    }
}

/// Takes in whether the file of its program was replaced.
pub(super) fn learn_program(run: &mut Incarnation, seen: &Seen, now: Moment) {
    if let Some(is_replaced) = seen.is_replaced {
        run.program = Some(ProgramCheck {
            at: now,
            is_replaced,
        });
    }
}

fn bounded(text: &str) -> String {
    text.chars().take(Content::MAX_EVIDENCE).collect()
}

/// Counts an end that is new, and forgets them all where a later run of the agent came up.
pub(super) fn learn_auth_deaths(
    deaths: &mut AuthDeaths,
    before: Option<Ended>,
    history: &History,
    desired: &Desired,
    seen: Option<&Seen>,
) {
    let agent = &desired.agent.name;
    let Some(run) = &history.run else { return };
    if let Some(ended) = run.ended {
        let planned = history.stopping.is_some() || history.stopped;
        let Some(screen) = seen
            .and_then(|seen| seen.screen.as_ref())
            .filter(|_| before.is_none() && !planned)
        else {
            return;
        };
        if screen.state == ScreenState::Auth {
            let row = deaths.entry(agent.clone()).or_default();
            row.push(ended.at);
            keep_newest(row, Memory::MAX_AUTH_DEATHS);
        } else {
            deaths.remove(agent);
        }
        return;
    }
    let last = deaths.get(agent).and_then(|row| row.last());
    let later = last.is_some_and(|last| Moment::later_of(*last, run.started) != *last);
    let signed_out = run
        .content
        .as_ref()
        .is_some_and(|content| content.state == ScreenState::Auth);
    if later && run.ready.is_some() && !signed_out {
        deaths.remove(agent);
    }
}

#[cfg(test)]
#[path = "content_tests.rs"]
mod tests;
