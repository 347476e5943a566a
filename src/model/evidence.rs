//! The evidence of a [`Reason`] or a [`Hold`] by name, for JSON and the journal.
//!
//! The names are stable. Periods are in milliseconds, with names that end in `_ms`.

use super::{Block, Change, ContextLimit, Death, Hold, Period, Reason};
use crate::model::SortedMap;
use serde_json::{Value, json};

/// Values by name. Texts in them are not sanitised.
pub type Evidence = SortedMap<&'static str, Value>;

impl Reason {
    /// The evidence by name, without the code.
    #[must_use]
    pub fn evidence(&self) -> Evidence {
        match self {
            Self::Missing { last } => last.iter().map(|d| ("last", death(*d))).collect(),
            Self::Died { death: d, crashes } => {
                of([("death", death(*d)), ("crashes", json!(crashes))])
            }
            Self::Completed { death: d } => of([("death", death(*d))]),
            Self::Marked { marker, quiet } => {
                of([("marker", json!(marker)), ("quiet_ms", ms(*quiet))])
            }
            Self::TurnEnded { by, event, quiet } => of([
                ("by", json!(by.word())),
                ("event", json!(event)),
                ("quiet_ms", ms(*quiet)),
            ]),
            Self::MarkedFailed { marker, line } => {
                of([("marker", json!(marker)), ("line", json!(line))])
            }
            Self::TooOld { age, limit } => of([("age_ms", ms(*age)), ("limit_ms", ms(*limit))]),
            Self::TooQuiet { quiet, limit } => {
                of([("quiet_ms", ms(*quiet)), ("limit_ms", ms(*limit))])
            }
            Self::Stuck { frozen, limit } => {
                of([("frozen_ms", ms(*frozen)), ("limit_ms", ms(*limit))])
            }
            Self::TooLarge { used, limit } => {
                of([("used_bytes", json!(used)), ("limit_bytes", json!(limit))])
            }
            Self::TooManyTokens { used, limit } => {
                of([("used_tokens", json!(used)), ("limit_tokens", json!(limit))])
            }
            Self::ContextNearFull { used, limit } => context(*used, *limit),
            Self::FailedStart { after, crashes } => {
                of([("after_ms", ms(*after)), ("crashes", json!(crashes))])
            }
            Self::SignedIn { agent } => of([("agent", json!(agent))]),
            Self::LimitOver { over } => of([("over_ms", ms(*over))]),
            Self::AnswerDeclared { question, answer } => {
                of([("question", json!(question)), ("answer", json!(answer))])
            }
            Self::Blocked {
                kind,
                agent,
                evidence,
                fix,
            } => blocked(*kind, agent, evidence, fix.as_deref()),
            Self::Drifted {
                fields,
                changes,
                origins,
            } => drift(fields, changes, origins),
            Self::Upgraded { process } | Self::Adoptable { process } => {
                of([("process", json!(process))])
            }
            Self::NameChanged { from } => of([("from", json!(from.as_str()))]),
            Self::Covered { policy } => of([("policy", json!(policy))]),
            Self::Uncovered | Self::Orphaned | Self::Disabled | Self::Asked => Evidence::new(),
            Self::OffSchedule { until, zone } => {
                of([("until", json!(until)), ("timezone", json!(zone))])
            }
            Self::LeavesHost { why } => of([("why", json!(why))]),
            Self::DeclaredElsewhere { host } => of([("host", json!(host))]),
            Self::UnderWay {
                argvs,
                waited,
                limit,
            } => of([
                ("argvs", json!(argvs)),
                ("waited_ms", ms(*waited)),
                ("limit_ms", ms(*limit)),
            ]),
            Self::NotStarted { said, crashes } => {
                of([("said", json!(said)), ("crashes", json!(crashes))])
            }
            Self::StopBegun { waited, purpose } => {
                of([("waited_ms", ms(*waited)), ("purpose", json!(purpose))])
            }
        }
    }
}

impl Hold {
    /// The evidence by name, without the code.
    #[must_use]
    pub fn evidence(&self) -> Evidence {
        match self {
            Self::BackOff { crashes, delay } => {
                of([("crashes", json!(crashes)), ("delay_ms", ms(*delay))])
            }
            Self::CrashLoop {
                crashes,
                window,
                tail,
            } => of([
                ("crashes", json!(crashes)),
                ("window_ms", ms(*window)),
                ("tail", json!(tail)),
            ]),
            Self::HandoffGap { since, gap } => of([("since_ms", ms(*since)), ("gap_ms", ms(*gap))]),
            Self::Attached { clients } => of([("clients", json!(clients))]),
            Self::Wave { wave, waiting_for } => of([
                ("wave", json!(wave)),
                ("waiting_for", json!(waiting_for.as_str())),
            ]),
            Self::After { waiting_for, why } => of([
                ("waiting_for", json!(waiting_for.as_str())),
                ("why", json!(why.code())),
            ]),
            Self::ConcurrentStarts { starting, allowed } => {
                of([("starting", json!(starting)), ("allowed", json!(allowed))])
            }
            Self::StartBudget { used, allowed } => {
                of([("used", json!(used)), ("allowed", json!(allowed))])
            }
            Self::Rolling {
                unavailable,
                allowed,
                waiting_for,
            } => of([
                ("unavailable", json!(unavailable)),
                ("allowed", json!(allowed)),
                ("waiting_for", json!(waiting_for.as_str())),
            ]),
            Self::RollStopped { failed } => of([("failed", json!(failed.as_str()))]),
            Self::Failed { said, times } => of([("said", json!(said)), ("times", json!(times))]),
            Self::MassGuard { kills, town } => of([("kills", json!(kills)), ("town", json!(town))]),
            Self::ClockJump { cycles } => of([("cycles", json!(cycles))]),
            Self::Draining { quiet } => of([("quiet_ms", ms(*quiet))]),
            Self::Stopping { grace } => of([("grace_ms", ms(*grace))]),
            Self::NameTaken { process } => of([("process", json!(process))]),
            Self::LabelUnproved { flaw, process } => {
                of([("flaw", json!(flaw.code())), ("process", json!(process))])
            }
            Self::BothNames { from } | Self::FormerNameTaken { from } => {
                of([("from", json!(from.as_str()))])
            }
            Self::MovedOut { pid, into } => of([("pid", json!(pid)), ("into", json!(into))]),
            Self::ForeignTown { town } => of([("town", json!(town))]),
            Self::ServerLosses { losses } => of([("losses", json!(losses))]),
            Self::Blocked {
                kind,
                agent,
                evidence,
                fix,
            } => blocked(*kind, agent, evidence, fix.as_deref()),
            Self::EscapeSent { waited } => of([("waited_ms", ms(*waited))]),
            Self::Gastown(hold) => hold.evidence(),
            Self::LauncherFailed { said } => of([("said", json!(said))]),
            Self::CannotStart { why, awaited } => {
                of([("why", json!(why)), ("awaited", json!(awaited))])
            }
            Self::OwnSession
            | Self::SecondLook
            | Self::Paused
            | Self::NotDurable
            | Self::EmptyTown
            | Self::ManifestChanging => Evidence::new(),
        }
    }

    /// Whether only a person can end the wait. Then people should see it.
    #[must_use]
    pub fn needs_somebody(&self) -> bool {
        match self {
            Self::CrashLoop { .. }
            | Self::RollStopped { .. }
            | Self::Failed { .. }
            | Self::MassGuard { .. }
            | Self::NameTaken { .. }
            | Self::LabelUnproved { .. }
            | Self::BothNames { .. }
            | Self::FormerNameTaken { .. }
            | Self::MovedOut { .. }
            | Self::ForeignTown { .. }
            | Self::ServerLosses { .. }
            | Self::CannotStart { .. }
            | Self::Blocked {
                kind: Block::Auth | Block::Context,
                ..
            }
            | Self::NotDurable
            | Self::EmptyTown => true,
            Self::Gastown(hold) => hold.needs_somebody(),
            Self::After {
                waiting_for: _,
                why,
            } => why.needs_somebody(),
            Self::BackOff { .. }
            | Self::HandoffGap { .. }
            | Self::Attached { .. }
            | Self::OwnSession
            | Self::Wave { .. }
            | Self::ConcurrentStarts { .. }
            | Self::StartBudget { .. }
            | Self::Rolling { .. }
            | Self::ClockJump { .. }
            | Self::Draining { .. }
            | Self::Stopping { .. }
            | Self::Blocked {
                kind: Block::Limit, ..
            }
            | Self::EscapeSent { .. }
            | Self::LauncherFailed { .. }
            | Self::SecondLook
            | Self::Paused
            | Self::ManifestChanging => false,
        }
    }
}

fn of<const N: usize>(pairs: [(&'static str, Value); N]) -> Evidence {
    pairs.into_iter().collect()
}

fn drift(
    fields: &[&'static str],
    changes: &[Change],
    origins: &SortedMap<String, String>,
) -> Evidence {
    let change = |change: &Change| match change {
        Change::Command { old, new } => json!({ "field": "command", "old": old, "new": new }),
        Change::Dir { old, new } => json!({ "field": "dir", "old": old, "new": new }),
        Change::Env {
            added,
            removed,
            changed,
        } => {
            json!({ "field": "env", "added": added, "removed": removed, "changed": changed })
        }
        Change::EnvFile { old, new } => json!({ "field": "env_file", "old": old, "new": new }),
    };
    // What the session was started with may be unknown. Then only the names of the fields are.
    let details = (!changes.is_empty()).then(|| ("changes", changes.iter().map(change).collect()));
    [("fields", json!(fields))]
        .into_iter()
        .chain(details)
        .chain((!origins.is_empty()).then(|| ("origins", json!(origins))))
        .collect()
}

/// How much of a context is in use, by the unit of its limit.
fn context(used: u64, limit: ContextLimit) -> Evidence {
    match limit {
        ContextLimit::Percent(limit) => of([
            ("used_percent", json!(used)),
            ("limit_percent", json!(limit)),
        ]),
        ContextLimit::Tokens(limit) => {
            of([("used_tokens", json!(used)), ("limit_tokens", json!(limit))])
        }
    }
}

fn blocked(kind: Block, agent: &str, evidence: &str, fix: Option<&str>) -> Evidence {
    of([
        ("kind", json!(kind.code())),
        ("agent", json!(agent)),
        ("screen", json!(evidence)),
        ("fix", json!(fix)),
    ])
}

fn ms(period: Period) -> Value {
    json!(period.millis())
}

fn death(death: Death) -> Value {
    json!(death.to_string())
}
