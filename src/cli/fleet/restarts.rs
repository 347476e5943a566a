//! Asks at the terminal before `apply` restarts a large part of what runs on a host, as it does for
//! a town on one host.

use super::{Fleet, Form, LOOK, VerbWords};
use crate::cli::args::Apply;
use crate::cli::ask;
use crate::cli::exit::Trouble;
use crate::model::HostName;
use crate::render::fleet::HostAnswer;
use serde_json::Value;

/// The reasons of a restart for which no living process ends.
const OF_THE_DEAD: [&str; 4] = ["died", "missing", "completed", "failed-start"];
/// The holds of a restart that comes at its turn.
const IN_TURN: [&str; 4] = ["rolling", "concurrent-starts", "start-budget", "draining"];
/// The phases in which nothing lives.
const LIFELESS: [&str; 4] = ["dead", "absent", "completed", "stopping"];

impl Fleet<'_> {
    /// Whether `apply` may go on. Only somebody at a terminal is asked; elsewhere a second look of
    /// each host decides.
    ///
    /// # Errors
    /// The manifest cannot be sent, or there is no answer.
    pub(super) async fn may_restart(
        &self,
        hosts: &[HostName],
        args: &Apply,
    ) -> Result<bool, Trouble> {
        if args.yes || args.orders.allow_mass || !ask::is_somebody_there() {
            return Ok(true);
        }
        let words = VerbWords::of("diff --manifest-from-stdin --allow-mass").orders(&args.orders);
        let asked = self.asked_of(&args.words, words)?;
        let asked: Vec<_> = asked
            .into_iter()
            .filter(|asked| hosts.contains(&asked.name))
            .collect();
        let answers = self.ask(&asked, Form::Pages, self.text()?, LOOK).await;
        let share = self.place.town.limits.mass;
        let much: Vec<String> = answers
            .iter()
            .filter_map(|answer| much_of(answer, share))
            .collect();
        if much.is_empty() {
            return Ok(true);
        }
        ask::consents(&format!("Restart {}?", much.join(" and ")))
    }
}

/// `5 of 8 on a`, where so many living sessions of a host would be restarted that somebody should
/// know before.
fn much_of(answer: &HostAnswer<'_>, share: f64) -> Option<String> {
    let page = answer.reply.as_ref().ok()?.pages.first()?;
    let (restarts, sessions) = counts(page);
    #[expect(
        clippy::cast_precision_loss,
        reason = "a town has at most some thousand sessions"
    )]
    let is_much = restarts as f64 > (sessions as f64 * share).max(1.0);
    (restarts >= 2 && (is_much || restarts == sessions))
        .then(|| format!("{restarts} of {sessions} on {}", answer.name))
}

/// The living sessions that a page of `diff` restarts now or at their turn, and all sessions on it.
fn counts(page: &Value) -> (usize, usize) {
    let list = |name: &str| page.get(name).and_then(Value::as_array);
    let lines = |name: &str| list(name).map_or(&[][..], Vec::as_slice);
    let code = |line: &Value, name: &str, codes: &[&str]| {
        let code = line.get(name).and_then(|why| why.get("code"));
        code.and_then(Value::as_str)
            .is_some_and(|code| codes.contains(&code))
    };
    let is_restart = |line: &Value| line.get("action").and_then(Value::as_str) == Some("restart");
    let is_alive = |line: &Value| {
        let phase = line.get("phase").and_then(Value::as_str);
        !phase.is_some_and(|phase| LIFELESS.contains(&phase))
    };
    let (steps, held, unchanged) = (lines("steps"), lines("held"), lines("unchanged"));
    let now = steps
        .iter()
        .filter(|line| is_restart(line) && !code(line, "reason", &OF_THE_DEAD));
    let later = held
        .iter()
        .filter(|line| is_restart(line) && is_alive(line) && code(line, "hold", &IN_TURN));
    let all = steps.len() + held.len() + unchanged.len();
    (now.count() + later.count(), all)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Phase, ReasonCode};
    use serde_json::json;

    #[test]
    fn the_codes_and_phases_exist() {
        for code in OF_THE_DEAD {
            assert!(code.parse::<ReasonCode>().is_ok(), "{code}");
        }
        for phase in LIFELESS {
            assert!(Phase::words().contains(&phase), "{phase}");
        }
    }

    #[test]
    fn living_sessions_that_would_be_restarted_are_counted() {
        let page = json!({
            "steps": [
                {"session": "a", "action": "restart", "reason": {"code": "drifted"}},
                {"session": "b", "action": "restart", "reason": {"code": "died"}},
                {"session": "c", "action": "start", "reason": {"code": "missing"}},
            ],
            "held": [
                {"session": "d", "action": "restart", "phase": "idle", "hold": {"code": "rolling"}},
                {"session": "e", "action": "restart", "phase": "dead", "hold": {"code": "rolling"}},
                {"session": "f", "action": "restart", "phase": "idle", "hold": {"code": "attached"}},
            ],
            "unchanged": [{"session": "g", "phase": "working"}],
        });
        assert_eq!(counts(&page), (2, 7));
    }
}
