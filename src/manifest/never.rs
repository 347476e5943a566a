//! Advises about limits that never apply, because another limit always comes first.

use super::desired::Scene;
use super::fault::Severity;
use super::reading::Reading;
use super::session::{Named, Tiers, pick};
use crate::model::{Backoff, ContextLimit, Desired, Period, ReportingClient};

/// The path of a field within a session's table.
type Field = &'static [&'static str];

const FIRST: Field = &["backoff", "first"];
const MAX: Field = &["backoff", "max"];
const BURST: Field = &["backoff", "burst"];
const WINDOW: Field = &["backoff", "window"];
const READY_AFTER: Field = &["ready_after"];
const MAX_AGE: Field = &["max_age"];
const MAX_TOKENS: Field = &["max_tokens"];
const MAX_CONTEXT: Field = &["max_context"];

impl Reading<'_> {
    /// Resolves one session, and advises about its limits that never apply.
    pub(crate) fn advised(&mut self, scene: &Scene<'_>, named: &Named<'_>) -> Option<Desired> {
        let desired = self.desired(scene, named)?;
        self.first_beyond_max(&named.tiers, desired.backoff);
        self.burst_beyond_window(&named.tiers, desired.backoff);
        self.ready_beyond_age(&named.tiers, &desired);
        self.untold_tokens(scene, &named.tiers, &desired);
        Some(desired)
    }

    fn first_beyond_max(&mut self, tiers: &Tiers<'_>, backoff: Backoff) {
        let Backoff { first, max, .. } = backoff;
        if first <= max {
            return;
        }
        let message =
            format!("`first` ({first}) is longer than `max` ({max}), so every delay is {max}");
        self.never_applies(
            tiers,
            &[FIRST, MAX],
            message,
            format!("write a `first` of at most {max}, or a longer `max`"),
        );
    }

    fn burst_beyond_window(&mut self, tiers: &Tiers<'_>, backoff: Backoff) {
        let Backoff { burst, window, .. } = backoff;
        let shortest = fastest_burst(backoff);
        if shortest <= window {
            return;
        }
        let message = format!(
            "a `burst` of {burst} crashes never fits in a `window` of {window}: the delays between them last {shortest}"
        );
        let help = format!("write a smaller `burst`, or a `window` longer than {shortest}");
        self.never_applies(tiers, &[BURST, WINDOW, FIRST, MAX], message, help);
    }

    fn ready_beyond_age(&mut self, tiers: &Tiers<'_>, desired: &Desired) {
        let ready_after = desired.ready_after;
        let is_beyond = desired
            .max_age
            .is_some_and(|with_jitter| ready_after > with_jitter);
        let Some(max_age) = pick!(tiers, max_age)
            .and_then(|limit| limit.period())
            .filter(|_| is_beyond)
        else {
            return;
        };
        let message = format!(
            "`ready_after` ({ready_after}) is longer than `max_age` ({max_age}): it is too old before it counts as ready"
        );
        let help = format!("write a `ready_after` of less than {max_age}, or a longer `max_age`");
        self.never_applies(tiers, &[READY_AFTER, MAX_AGE], message, help);
    }

    /// A limit on tokens of which the agent's client never tells. A plain command has no client: a
    /// limit in `[defaults]` is not meant for it.
    fn untold_tokens(&mut self, scene: &Scene<'_>, tiers: &Tiers<'_>, desired: &Desired) {
        let agent = &desired.agent;
        if !scene.agents.contains_key(&agent.name) {
            return;
        }
        let (max_tokens, max_context) = (desired.tokens.max_tokens, desired.tokens.max_context);
        let name = &agent.name;
        if !agent.tells_tokens() {
            let message = format!("{name} does not tell gtctl how many tokens it uses");
            let help = match agent.client {
                Some(ReportingClient::Claude) => {
                    format!("write `hooks = \"auto\"` in [agents.{name}]")
                }
                Some(ReportingClient::Codex) => {
                    format!("write `hooks = \"on\"` in [agents.{name}]")
                }
                Some(
                    ReportingClient::Gemini
                    | ReportingClient::Kimi
                    | ReportingClient::KimiCode
                    | ReportingClient::Opencode,
                )
                | None => "only claude and codex tell; write `max_age` instead".to_owned(),
            };
            if max_tokens.is_some() {
                self.never_applies(tiers, &[MAX_TOKENS], message.clone(), help.clone());
            }
            if max_context.is_some() {
                self.never_applies(tiers, &[MAX_CONTEXT], message, help);
            }
        } else if matches!(max_context, Some(ContextLimit::Percent(_))) && !agent.tells_window() {
            let message = format!("{name} does not tell gtctl how large its context is");
            let help = "write a number of tokens, such as \"160k\"".to_owned();
            self.never_applies(tiers, &[MAX_CONTEXT], message, help);
        }
    }

    /// Advises at the first of `fields` that the user wrote. Does nothing if the user wrote none.
    fn never_applies(
        &mut self,
        tiers: &Tiers<'_>,
        fields: &[Field],
        message: String,
        help: String,
    ) {
        let layers = self.layers;
        let places = fields.iter().map(|field| tiers.path(layers, field));
        let is_written = |at: &[String]| {
            layers.value(at).is_some()
                && layers
                    .layer_of(at)
                    .is_some_and(|layer| layer.source.is_users())
        };
        // If no table has the field, `tiers.path` gives the session's own path instead.
        let ends_with = |at: &[String], field: &Field| {
            at.len() > field.len() && at.last().map(String::as_str) == field.last().copied()
        };
        let mut written = places
            .zip(fields)
            .filter(|(at, field)| ends_with(at, field) && is_written(at));
        let Some((at, _)) = written.next() else {
            return;
        };
        let mut fault = self.at(&at, "never-applies", message);
        fault.severity = Severity::Advice;
        self.add_once(fault.help(help));
    }
}

/// The shortest time from the first to the last of `burst` crashes in a row.
///
/// It counts only the delays: each process ends at once, and there is no jitter. The first restart
/// has no delay, the second waits for `first`, and each further delay is twice the last, up to
/// `max`. Example: `first` 10 s and `burst` 5 give 0 + 10 + 20 + 40 = 70 s.
fn fastest_burst(backoff: Backoff) -> Period {
    let max = backoff.max.millis();
    let mut delay = backoff.first.millis().min(max);
    let mut delays = u64::from(backoff.burst.saturating_sub(2));
    if delay == 0 {
        return Period::ZERO;
    }
    let mut sum: u64 = 0;
    while delays > 0 && delay < max {
        sum = sum.saturating_add(delay);
        delay = delay.saturating_mul(2).min(max);
        delays -= 1;
    }
    Period::from_millis(sum.saturating_add(delays.saturating_mul(max)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(first: u64, max: u64, burst: u32) -> u64 {
        let (first, max) = (Period::from_secs(first), Period::from_secs(max));
        fastest_burst(Backoff {
            first,
            max,
            burst,
            ..Backoff::default()
        })
        .millis()
            / 1000
    }

    #[test]
    fn the_fastest_burst_lasts_as_long_as_its_delays() {
        assert_eq!(
            [
                of(10, 300, 1),
                of(10, 300, 2),
                of(10, 300, 3),
                of(10, 300, 5)
            ],
            [0, 0, 10, 70]
        );
        assert_eq!(of(10, 30, 6), 10 + 20 + 30 + 30);
        assert_eq!(of(600, 300, 4), 600, "the first delay is cut too");
        assert_eq!(of(0, 300, u32::MAX), 0, "there is no delay");
        assert!(of(1, 10, u32::MAX) > 40_000_000_000);
    }
}
