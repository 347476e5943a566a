//! The outcome of a nudge, and what to do where it failed.

use super::json::NudgePage;
use super::sanitise;
use crate::model::{Agent, Block, Delivery, Moment, Obstacle, SessionName};

/// The longest text from outside, in characters.
const LONG: usize = 400;

/// What to type next, where the text did not arrive.
#[must_use]
pub fn fix(session: &SessionName, agent: Option<&Agent>, delivery: &Delivery) -> Option<String> {
    let look = |what: &str| format!("{what} with `gtctl attach {session}`");
    match delivery {
        Delivery::Delivered { .. } | Delivery::Handed { .. } | Delivery::Failed(_) => None,
        Delivery::Refused(obstacle) => match obstacle {
            Obstacle::Absent | Obstacle::Dead(_) | Obstacle::Stopped => {
                Some(format!("`gtctl start {session}`"))
            }
            Obstacle::Unlabelled => {
                Some("`gtctl apply` adopts it if it runs the declared agent".to_owned())
            }
            Obstacle::Foreign(_) => Some("give this session another name".to_owned()),
            Obstacle::Restarted => Some("try again".to_owned()),
            Obstacle::Starting | Obstacle::Works => {
                Some("give it more time with --timeout".to_owned())
            }
            Obstacle::Paused => Some("`gtctl resume`".to_owned()),
            Obstacle::Gastown(_) => Some("`gtctl status` shows why".to_owned()),
            Obstacle::Stopping => Some("`gtctl status` shows when it is done".to_owned()),
            Obstacle::Untold(_) => Some("look at the tmux server".to_owned()),
            Obstacle::NoPrompt => {
                let name = agent.map_or("x", |agent| agent.name.as_str());
                Some(format!(
                    "say how its prompt looks with `ready` in [agents.{name}]"
                ))
            }
            Obstacle::Composing => Some(look("see what it is")),
            Obstacle::OwnText => Some(format!("{}, or {}", keys(agent), look("clear it"))),
            Obstacle::Asks(..) => Some(format!("`gtctl answer {session}` shows its answers")),
            Obstacle::Blocked(Block::Auth, _) => Some(
                agent
                    .and_then(|agent| agent.fix.clone())
                    .unwrap_or_else(|| look("sign it in")),
            ),
            Obstacle::Blocked(Block::Limit, _) => {
                Some("`gtctl status` shows when it ends".to_owned())
            }
            Obstacle::Blocked(Block::Context, _) => Some(format!("`gtctl restart {session}`")),
        },
        Delivery::Stale(_) => Some("try again".to_owned()),
        Delivery::NotSubmitted { .. } => Some(format!(
            "{}, or {}",
            keys(agent),
            look("see what is in its composer")
        )),
        Delivery::Unknown(_) => Some(look("see what is in its composer")),
    }
}

/// The manifest declares the keys that submit and clear. Some clients need others, for example in a
/// vim mode.
fn keys(agent: Option<&Agent>) -> String {
    let name = agent.map_or("x", |agent| agent.name.as_str());
    format!(
        "name the keys that submit a text with `submit` in [agents.{name}], and those that clear it with `clear`"
    )
}

/// The same for programs.
#[must_use]
pub fn json(
    session: &SessionName,
    delivery: &Delivery,
    fix: Option<&str>,
    now: Moment,
) -> NudgePage {
    let clean = |text: &str| sanitise::line(text, LONG);
    let (obstacle, presses) = match delivery {
        Delivery::Delivered { presses } | Delivery::NotSubmitted { presses, .. } => {
            (None, *presses)
        }
        Delivery::Refused(obstacle) => (Some(obstacle.code().to_owned()), 0),
        Delivery::Handed { .. }
        | Delivery::Stale(_)
        | Delivery::Failed(_)
        | Delivery::Unknown(_) => (None, 0),
    };
    NudgePage {
        version: super::json::VERSION,
        kind: "nudge".to_owned(),
        session: session.to_string(),
        observed_at: super::json::time(now, now),
        outcome: delivery.code().to_owned(),
        text: clean(&delivery.to_string()),
        obstacle,
        fix: fix.map(clean),
        presses,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_in_the_way_is_told_with_what_to_do() {
        let session = SessionName::new("a").unwrap();
        let agent = Agent {
            name: "kimi".into(),
            fix: Some("kimi login".into()),
            ..Agent::default()
        };
        let out = Delivery::Refused(Obstacle::Blocked(
            Block::Auth,
            "Please\u{1b} run /login".into(),
        ));
        let fix = fix(&session, Some(&agent), &out);
        assert_eq!(fix.as_deref(), Some("kimi login"));
        let page = json(
            &session,
            &out,
            fix.as_deref(),
            Moment {
                wall: 0,
                awake: 0,
                boot: 1,
            },
        );
        assert_eq!(
            (
                page.outcome.as_str(),
                page.obstacle.as_deref(),
                page.presses
            ),
            ("refused", Some("auth"), 0)
        );
        assert!(!page.text.contains('\u{1b}'), "{}", page.text);
    }
}
