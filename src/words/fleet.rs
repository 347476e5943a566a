//! Words for where the sessions of a town with a store are.

use crate::model::{HostLack, HostName, Leave, PlaceReason};

/// Why a session is where it is. `host` is its host, if it has one.
#[must_use]
pub fn place_reason(reason: &PlaceReason, host: Option<&HostName>) -> String {
    let on = |what: &str| host.map_or_else(|| what.to_owned(), |host| format!("{what} {host}"));
    match reason {
        PlaceReason::Placed => on("on"),
        PlaceReason::New => on("new, goes to"),
        PlaceReason::HostLost { from } => format!("{from} is lost, {}", on("moves to")),
        PlaceReason::Released { from } => format!("stopped on {from}, {}", on("moves to")),
        PlaceReason::Leaving { why } => format!("{}: {}", on("leaves"), leave(*why)),
        PlaceReason::MayStay => on("stays after all on"),
        PlaceReason::NowhereElse { why } => {
            let stays = on("stays on");
            format!(
                "{stays}, because no other host can take it: {}",
                leave(*why)
            )
        }
        PlaceReason::GapNotOver { why, wait } => {
            let stays = on("stays on");
            let why = leave(*why);
            format!("{stays} for {wait}, until its handoff gap is over: {why}")
        }
        PlaceReason::OthersLeaving { why } => {
            let stays = on("stays on");
            format!("{stays} until others have moved: {}", leave(*why))
        }
        PlaceReason::HostGone => {
            format!("{}, which is not reachable; it does not move", on("on"))
        }
        PlaceReason::NotYetDead { wait } => {
            format!("{}, which is lost; moves in {wait}", on("on"))
        }
        PlaceReason::NoHost { lack } => format!("no host can take it: {}", host_lack(*lack)),
        PlaceReason::Unreadable => "the store has a value for it that cannot be read".to_owned(),
        PlaceReason::NotDeclared => on("not in the manifest, still on"),
        PlaceReason::GivenUp => "not in the manifest, its place is free".to_owned(),
    }
}

pub(super) fn leave(why: Leave) -> &'static str {
    match why {
        Leave::Drained => "the host is drained",
        Leave::NotAllowed => "the manifest does not allow this host",
        Leave::Rebalance => "the sessions are spread anew",
    }
}

/// Why a host cannot take a session.
#[must_use]
pub fn host_lack(lack: HostLack) -> &'static str {
    match lack {
        HostLack::NotThere => "no other host is signed in",
        HostLack::NotAllowed => "the manifest allows none of the hosts that are signed in",
        HostLack::TooOld => "the gtctl there is too old",
        HostLack::Drained => "the host is drained",
        HostLack::NoGuard => "no guard runs there",
        HostLack::SignedOut => "its agent is signed out there",
        HostLack::Full => "all slots are taken",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Period;

    fn host(name: &str) -> HostName {
        HostName::new(name).unwrap()
    }

    #[test]
    fn each_reason_names_the_hosts_and_the_cause() {
        let cases = [
            (PlaceReason::Placed, "on b"),
            (PlaceReason::New, "new, goes to b"),
            (
                PlaceReason::HostLost { from: host("a") },
                "a is lost, moves to b",
            ),
            (
                PlaceReason::Released { from: host("a") },
                "stopped on a, moves to b",
            ),
            (
                PlaceReason::Leaving {
                    why: Leave::Drained,
                },
                "leaves b: the host is drained",
            ),
            (
                PlaceReason::GapNotOver {
                    why: Leave::NotAllowed,
                    wait: Period::from_secs(90),
                },
                "stays on b for 1m 30s, until its handoff gap is over: \
                 the manifest does not allow this host",
            ),
            (
                PlaceReason::NotYetDead {
                    wait: Period::from_secs(6),
                },
                "on b, which is lost; moves in 6s",
            ),
            (
                PlaceReason::NoHost {
                    lack: HostLack::NoGuard,
                },
                "no host can take it: no guard runs there",
            ),
        ];
        for (reason, words) in cases {
            assert_eq!(place_reason(&reason, Some(&host("b"))), words);
        }
        let code = PlaceReason::HostLost { from: host("a") };
        assert_eq!(code.code(), "host-lost");
        assert_eq!(HostLack::NoGuard.code(), "no-guard");
    }
}
