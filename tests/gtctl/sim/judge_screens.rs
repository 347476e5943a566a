//! Judges steps that a screen has caused: which screens may end a session, and when.

use super::judge::{begins_kill, begins_process, brief, ensure, has_passed_probe, label_of};
use super::ledger::{Breach, Look};
use gtctl::model::{
    Action, Block, Content, Incarnation, Life, Moment, Ownership, Period, Probed, Reason,
    ScreenState, SessionName, Step,
};

/// What screens say: nothing blocked is ended for a fresh process, nothing is too quiet or stuck
/// before its limit.
#[expect(
    clippy::too_many_lines,
    reason = "one law a step, in the order in which they are asked"
)]
pub(super) fn judge_screens(look: &Look<'_>, step: &Step) -> Result<(), Breach> {
    let content = |name: &SessionName| {
        let (history, seen) = (
            look.memory.sessions.get(name)?,
            label_of(look.observed, name)?,
        );
        let Ownership::Ours(label) = &seen.ownership else {
            return None;
        };
        let alive = matches!(seen.life, Life::Alive { .. });
        let run = history.run_of(label.generation).filter(|_| alive)?;
        run.content.as_ref()
    };
    let own = content(&step.session);
    let still = own.map(|content| look.now.since(&content.since));
    let resting = own
        .and_then(|content| content.cpu)
        .is_some_and(|cpu| cpu.resting);
    let busy = own.is_some_and(|content| content.state.is_at_work());
    let behind = own.is_some_and(Content::works_behind);
    judge_nudge(look, step, own)?;
    let planned = match step.reason {
        Reason::TooQuiet { limit, .. } => {
            let due = still.is_some_and(|still| still >= limit) && resting && !busy && !behind;
            ensure(due, "S20 too quiet", &brief(step))?;
            true
        }
        Reason::Stuck { limit, .. } => {
            let due = still.is_some_and(|still| still >= limit) && resting && busy;
            ensure(due, "S20 stuck", &brief(step))?;
            judge_rousing(look, step)?;
            true
        }
        Reason::TooLarge { limit, .. } => {
            let footprint = run_of(look, step).and_then(|run| run.footprint);
            ensure(
                footprint.is_some_and(|f| f.bytes > limit && f.before > limit),
                "S25 too large",
                &brief(step),
            )?;
            true
        }
        Reason::TooManyTokens { limit, .. } => {
            let used = run_of(look, step).and_then(|run| run.tokens.total());
            ensure(used >= Some(limit), "S34 tokens", &brief(step))?;
            true
        }
        Reason::ContextNearFull { limit, .. } => {
            let usage = run_of(look, step).and_then(Incarnation::told_usage);
            let used = usage.and_then(|usage| limit.used_of(&usage));
            ensure(used >= Some(limit.number()), "S34 tokens", &brief(step))?;
            true
        }
        Reason::TooOld { .. }
        | Reason::Drifted { .. }
        | Reason::Marked { .. }
        | Reason::Upgraded { .. }
        | Reason::TurnEnded { .. } => true,
        Reason::Missing { .. }
        | Reason::Died { .. }
        | Reason::FailedStart { .. }
        | Reason::SignedIn { .. }
        | Reason::LimitOver { .. }
        | Reason::AnswerDeclared { .. }
        | Reason::Completed { .. }
        | Reason::MarkedFailed { .. }
        | Reason::Blocked { .. }
        | Reason::Adoptable { .. }
        | Reason::Covered { .. }
        | Reason::Uncovered
        | Reason::Orphaned
        | Reason::Disabled
        | Reason::OffSchedule { .. }
        | Reason::NameChanged { .. }
        | Reason::LeavesHost { .. }
        | Reason::DeclaredElsewhere { .. }
        | Reason::Asked
        | Reason::UnderWay { .. }
        | Reason::NotStarted { .. }
        | Reason::StopBegun { .. } => false,
    };
    let age = age_of(look, &step.session);
    let ready_after = look
        .town
        .sessions
        .get(&step.session)
        .map_or(Period::ZERO, |desired| desired.ready_after);
    let block = own
        .and_then(|content| obstacle(look, &step.session, content))
        .filter(|_| age >= Some(ready_after))
        .filter(|_| is_ready_by_probe(look, &step.session));
    let blocked = matches!(block, Some(Block::Auth | Block::Limit));
    ensure(
        !(planned && begins_kill(step) && blocked),
        "S21 blocked",
        &brief(step),
    )?;
    let signed_out = |name: &SessionName| {
        content(name).is_some_and(|c| obstacle(look, name, c) == Some(Block::Auth))
    };
    let agent = |name: &SessionName| {
        look.town
            .sessions
            .get(name)
            .map(|desired| &desired.agent.name)
    };
    let asked = look
        .memory
        .sessions
        .get(&step.session)
        .is_some_and(|history| history.restart_asked);
    let among = look
        .town
        .sessions
        .keys()
        .find(|name| agent(name) == agent(&step.session) && signed_out(name));
    ensure(
        !(begins_process(step) && !asked && among.is_some()),
        "S21 signed out",
        &(brief(step), among),
    )
}

/// The last run of a step's session, as it is remembered.
fn run_of<'l>(look: &'l Look<'_>, step: &Step) -> Option<&'l Incarnation> {
    look.memory.sessions.get(&step.session)?.run.as_ref()
}

/// Nothing is typed but at a prompt, or after the end of a limit.
fn judge_nudge(look: &Look<'_>, step: &Step, content: Option<&Content>) -> Result<(), Breach> {
    let Action::Nudge { .. } = &step.action else {
        return Ok(());
    };
    let is_free = |content: &Content| content.is_past_limit(&step.session, look.now);
    let is_prompt = |content: &Content| content.state == ScreenState::Ready || is_free(content);
    let at_prompt = content.is_some_and(|content| is_prompt(content) && content.is_agreed());
    let ended = !matches!(step.reason, Reason::LimitOver { .. }) || content.is_some_and(is_free);
    ensure(ended, "S27 limit over", &brief(step))?;
    ensure(at_prompt, "S23 nudge at a prompt", &brief(step))
}

/// How long this life of a session has lasted.
fn age_of(look: &Look<'_>, name: &SessionName) -> Option<Period> {
    match &label_of(look.observed, name)?.ownership {
        Ownership::Ours(label) => Some(look.now.since(&label.started)),
        Ownership::Unlabelled | Ownership::Unproved(_) | Ownership::Foreign(_) => None,
    }
}

/// What keeps a session from going on, unless a probe that was asked later has passed.
fn obstacle(look: &Look<'_>, name: &SessionName, content: &Content) -> Option<Block> {
    let agent = look
        .town
        .sessions
        .get(name)
        .map(|desired| desired.agent.name.as_str());
    let passed = agent
        .and_then(|agent| look.memory.probes.get(agent))
        .and_then(Probed::passed);
    let refuted = look
        .memory
        .sessions
        .get(name)
        .and_then(|history| history.refuted.as_ref());
    let proves = !refuted.is_some_and(|refuted| refuted.covers(&content.evidence, look.now));
    let answered =
        proves && passed.is_some_and(|at| Moment::later_of(at, content.state_since) == at);
    content
        .block(name, look.now)
        .filter(|block| *block != Block::Auth || !answered)
}

/// Nobody's work is typed into but what is alone, and nothing is restarted for being stuck before
/// an Escape had its time.
fn judge_rousing(look: &Look<'_>, step: &Step) -> Result<(), Breach> {
    let attached = label_of(look.observed, &step.session).map_or(0, |seen| seen.attached);
    if matches!(step.action, Action::SendEscape { .. }) {
        return ensure(attached == 0, "S26 rouse", &brief(step));
    }
    let escape_sent = look
        .memory
        .sessions
        .get(&step.session)
        .and_then(|history| history.run.as_ref()?.escape_sent);
    let waited = escape_sent.is_some_and(|sent| look.now.since(&sent) >= Period::from_secs(30));
    ensure(waited || attached > 0, "S26 rouse", &brief(step))
}

/// Whether its readiness probe does not keep it `starting`: what comes up is not held for its screen.
fn is_ready_by_probe(look: &Look<'_>, name: &SessionName) -> bool {
    let desired = look.town.sessions.get(name);
    desired.is_none_or(|desired| has_passed_probe(look, name, desired))
}
