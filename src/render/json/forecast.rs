//! What will happen, for programs.

use super::shape::Why;
use super::{VERSION, clean, time, why_of, why_of_hold};
use crate::forecast::{AgentsDo, Forecast, Foreseen, Happening};
use crate::model::{SessionName, Verb};
#[cfg(test)]
use schemars::JsonSchema;
use serde::Serialize;

/// `gtctl forecast -o json`.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct ForecastPage {
    /// The version of the shape: 1.
    pub version: u32,
    /// `forecast`.
    pub kind: String,
    /// The town's name.
    pub town: String,
    /// When gtctl looked at the town, RFC 3339 in UTC.
    pub observed_at: String,
    /// How far the forecast goes, RFC 3339 in UTC.
    pub until: String,
    /// What it takes for granted.
    pub assumptions: AssumptionsLine,
    /// What happens, in order.
    pub events: Vec<ForeseenLine>,
    /// 1 if more would happen than is listed.
    pub cut: bool,
}

/// What a forecast takes for granted.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct AssumptionsLine {
    /// After so long, agents that are at work are idle; null if they go on working.
    pub idle_after_ms: Option<u64>,
    /// By so much an event may really come earlier than listed.
    pub late_ms: u64,
    /// All of it as sentences for people. Their words may change.
    pub messages: Vec<String>,
}

/// One thing that will happen.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct ForeseenLine {
    /// When, RFC 3339 in UTC.
    pub at: String,
    /// `start`, `restart`, `expire`, `adopt`, `nudge` or `rouse`; `hold-ends` if a step does not
    /// wait any more and is not needed either; `chore` if a chore runs.
    pub action: String,
    /// The session, unless a chore runs.
    pub session: Option<String>,
    /// The chore that runs.
    pub chore: Option<String>,
    /// Why the step is taken.
    pub reason: Option<Why>,
    /// What it waited for until then.
    pub waited: Option<Why>,
}

/// What will happen.
#[must_use]
pub fn forecast(town: &SessionName, forecast: &Forecast) -> ForecastPage {
    let Forecast {
        from,
        to,
        assumptions,
        events,
        is_cut,
        late,
    } = forecast;
    ForecastPage {
        version: VERSION,
        kind: "forecast".to_owned(),
        town: town.to_string(),
        observed_at: time(*from, *from),
        until: time(*to, *from),
        assumptions: AssumptionsLine {
            idle_after_ms: match assumptions.agents {
                AgentsDo::StayAsTheyAre => None,
                AgentsDo::FallIdleAfter(period) => Some(period.millis()),
            },
            late_ms: late.millis(),
            messages: crate::render::forecast::assumptions(forecast),
        },
        events: events.iter().map(|event| line(event, forecast)).collect(),
        cut: *is_cut,
    }
}

fn line(event: &Foreseen, forecast: &Forecast) -> ForeseenLine {
    let blank = ForeseenLine {
        at: time(event.at, forecast.from),
        action: String::new(),
        session: None,
        chore: None,
        reason: None,
        waited: None,
    };
    match &event.what {
        Happening::Step {
            session,
            verb,
            reason,
            waited,
        } => ForeseenLine {
            action: Verb::word(*verb).to_owned(),
            session: Some(session.to_string()),
            reason: Some(why_of(reason)),
            waited: waited.as_ref().map(why_of_hold),
            ..blank
        },
        Happening::HoldEnds { session, hold } => ForeseenLine {
            action: "hold-ends".to_owned(),
            session: Some(session.to_string()),
            waited: Some(why_of_hold(hold)),
            ..blank
        },
        Happening::Chore { chore } => ForeseenLine {
            action: "chore".to_owned(),
            chore: Some(clean(chore)),
            ..blank
        },
    }
}
