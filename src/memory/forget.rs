//! What a look makes of time: what is too old is forgotten, and jumps of the clocks are noticed.

use crate::model::{History, Incarnation, Memory, Moment, Period};

/// The window of the town-wide budgets: starts and losses of the server.
pub(super) const WINDOW: Period = Period::from_mins(10);
/// How far the wall clock and the awake clock may drift apart between two looks, in ms. More is a
/// jump.
const CLOCK_SLACK: u64 = 30_000;
/// The cycles without a kill after a jump. The cycle that noticed it is one of them.
const SETTLING_CYCLES: u32 = 2;

/// Drops what is too old to matter. Moments that a wrong clock of a former boot has put ahead become
/// now: else what waits for them would wait for years.
pub(super) fn forget(memory: &mut Memory, now: Moment) {
    let anchor = |at: &mut Moment| {
        if at.boot != now.boot && at.wall > now.wall {
            *at = now;
        }
    };
    let starts = memory.starts.iter_mut().chain(&mut memory.replaced);
    starts
        .chain(&mut memory.server_losses)
        .chain(&mut memory.failed_start)
        .for_each(anchor);
    memory.auth_deaths.values_mut().flatten().for_each(anchor);
    memory
        .chores
        .values_mut()
        .for_each(|chore| anchor(&mut chore.started));
    for probed in memory.probes.values_mut() {
        anchor(&mut probed.asked);
        probed
            .answered
            .iter_mut()
            .for_each(|answered| anchor(&mut answered.asked));
    }
    memory.starts.retain(|at| now.since(at) < WINDOW);
    memory.replaced.retain(|at| now.since(at) < WINDOW);
    memory.server_losses.retain(|at| now.since(at) < WINDOW);
    for history in memory.sessions.values_mut() {
        anchor_history(history, &anchor);
    }
}

fn anchor_history(history: &mut History, anchor: &impl Fn(&mut Moment)) {
    let moments = history.crashes.iter_mut().chain(&mut history.handoff);
    moments.chain(&mut history.waiting).for_each(anchor);
    if let Some(finished) = &mut history.finished {
        anchor(&mut finished.at);
    }
    if let Some(refused) = &mut history.refused {
        anchor(&mut refused.at);
    }
    if let Some(run) = &mut history.run {
        anchor_run(run, anchor);
    }
}

fn anchor_run(run: &mut Incarnation, anchor: &impl Fn(&mut Moment)) {
    anchor(&mut run.started);
    let moments = run.ready.iter_mut().chain(&mut run.draining);
    let moments = moments.chain(&mut run.nudged).chain(&mut run.escape_sent);
    moments.for_each(anchor);
    if let Some(ended) = &mut run.ended {
        anchor(&mut ended.at);
    }
    if let Some(content) = &mut run.content {
        anchor(&mut content.since);
        anchor(&mut content.state_since);
        content.cpu.iter_mut().for_each(|cpu| anchor(&mut cpu.at));
    }
    if let Some(marks) = &mut run.marks {
        anchor(&mut marks.last_output);
    }
    if let Some(footprint) = &mut run.footprint {
        anchor(&mut footprint.at);
    }
    if let Some(program) = &mut run.program {
        anchor(&mut program.at);
    }
}

/// Notices that the two clocks have moved apart since the last look. The machine was suspended, or
/// somebody set the wall clock.
pub(super) fn watch_clocks(memory: &mut Memory, now: Moment) {
    let jumped = memory.last_look.is_some_and(|last| {
        let wall = now.wall.saturating_sub(last.wall);
        let awake = i64::try_from(now.awake).unwrap_or(i64::MAX)
            - i64::try_from(last.awake).unwrap_or(i64::MAX);
        last.boot == now.boot && wall.abs_diff(awake) > CLOCK_SLACK
    });
    memory.settling = if jumped {
        SETTLING_CYCLES
    } else {
        memory.settling.saturating_sub(1)
    };
    memory.last_look = Some(now);
}
