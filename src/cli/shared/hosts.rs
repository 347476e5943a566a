//! `gtctl hosts` and `gtctl status` in a town whose hosts share a store.

use super::asks::chosen;
use super::{host_file, store, unreachable};
use crate::cli::args::{Global, HostsVerb, Status};
use crate::cli::exit::{Exit, Trouble};
use crate::cli::output::Terminal;
use crate::cli::place::Place;
use crate::fence::StoreVersion;
use crate::fleet::FleetStore;
use crate::model::fleet::{Compare, PROTOCOL};
use crate::model::{
    FleetKey, FleetView, HostMark, HostName, Leave, Period, PlaceReason, SessionName, Transaction,
    Write,
};
use crate::place::{Absences, Placing, place as decide};
use crate::proc;
use crate::render::fleet::store as page;
use std::time::Duration;

/// How often `status --watch` and `top` look.
const LOOK_EVERY: Duration = Duration::from_secs(2);
/// Clears the terminal.
const CLEAR: &[u8] = b"\x1b[H\x1b[2J";

/// Runs a verb of `hosts`.
pub(in crate::cli) async fn hosts(
    place: &Place,
    global: &Global,
    verb: Option<&HostsVerb>,
    terminal: &Terminal,
) -> Result<Exit, Trouble> {
    let store = store(&place.town, &host_file(global)?)?;
    let view = store.view().await.map_err(unreachable)?;
    match verb {
        None | Some(HostsVerb::List) => {
            list(&place.town.name, (&store, &view), terminal).await;
            Ok(Exit::Done)
        }
        Some(HostsVerb::Drain(args)) => {
            mark(&store, &view, &args.host, Said::Drained, terminal).await
        }
        Some(HostsVerb::Uncordon(args)) => {
            mark(&store, &view, &args.host, Said::Free, terminal).await
        }
        Some(HostsVerb::Lost(args)) => {
            if !args.confirm {
                return Err(Trouble::new(format!(
                    "sessions that do not move by themselves would start elsewhere: is {} really off?",
                    args.host
                ))
                .help("switch it off first, then add --confirm")
                .exits(Exit::Usage));
            }
            mark(&store, &view, &args.host, Said::Lost, terminal).await
        }
        Some(HostsVerb::Rebalance) => rebalance(place, &store, &view, terminal).await,
        Some(
            HostsVerb::Setup(_) | HostsVerb::Push(_) | HostsVerb::Itself | HostsVerb::Receive(_),
        ) => Err(Trouble::new(
            "the store has the hosts of this town: nothing is sent by ssh",
        )),
    }
}

async fn list(town: &SessionName, (store, view): (&FleetStore, &FleetView), terminal: &Terminal) {
    let members = store.client.status().await.into_iter().flatten();
    let oldest = members.filter_map(|member| member.version).min();
    if let Some(alarm) = oldest.and_then(StoreVersion::alarm) {
        terminal.warn(&alarm.to_string());
    }
    if terminal.is_json() {
        terminal.print_json(&page::hosts_page(town, view).json());
    } else {
        terminal.print(&page::hosts(view));
    }
}

/// Prints where the sessions are, and how. With `watch` again and again, until somebody interrupts.
pub(in crate::cli) async fn status(
    place: &Place,
    global: &Global,
    args: &Status,
    terminal: &Terminal,
) -> Result<Exit, Trouble> {
    let store = store(&place.town, &host_file(global)?)?;
    loop {
        let view = store.view().await.map_err(unreachable)?;
        let names = chosen(place, &view, &args.words.sessions(), &args.select)?;
        if args.watch && terminal.moves_cursor {
            terminal.pass(CLEAR);
        }
        let town = &place.town.name;
        let page = page::status_page(town, &view, &names);
        match (terminal.is_json(), args.watch) {
            (true, true) => terminal.print_json_line(&page.json()),
            (true, false) => terminal.print_json(&page.json()),
            (false, _) => terminal.print(&page::status(town, &view, &names)),
        }
        if !args.watch {
            return Ok(if page::all_up(&view, &names) {
                Exit::Done
            } else {
                Exit::Partial
            });
        }
        tokio::select! {
            () = tokio::time::sleep(LOOK_EVERY) => {}
            _ = tokio::signal::ctrl_c() => return Ok(Exit::Done),
        }
    }
}

/// What a person says of a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Said {
    Drained,
    Free,
    Lost,
}

async fn mark(
    store: &FleetStore,
    view: &FleetView,
    host: &str,
    said: Said,
    terminal: &Terminal,
) -> Result<Exit, Trouble> {
    let known = HostName::new(host).ok();
    let known = known.and_then(|name| Some((name.clone(), view.known.get(&name)?.modified)));
    let Some((name, signed_in)) = known else {
        let names: Vec<&str> = view.known.keys().map(HostName::as_str).collect();
        return Err(Trouble::new(format!("no host `{host}` has ever signed in"))
            .help(format!("the hosts are {}", names.join(", ")))
            .exits(Exit::Usage));
    };
    if said == Said::Lost && view.is_present(&name) {
        return Err(Trouble::new(format!("host {name} shows that it lives"))
            .help(format!("gtctl hosts drain {name}")));
    }
    let there = view.marks.get(&name);
    let mut mark: HostMark = there.map(|mark| mark.value.clone()).unwrap_or_default();
    match said {
        Said::Drained => mark.drained = true,
        Said::Free => {
            mark.drained = false;
            mark.lost = None;
        }
        Said::Lost => mark.lost = Some(signed_in),
    }
    let key = FleetKey::Mark(name.clone());
    let modified = there.map(|mark| mark.modified).unwrap_or_default();
    let transaction = Transaction {
        compares: vec![Compare::Modified(key.clone(), modified)],
        writes: vec![Write::Put(
            key,
            serde_json::to_string(&mark).unwrap_or_default(),
        )],
    };
    let result = store
        .commit(&transaction, None)
        .await
        .map_err(unreachable)?;
    if !result.held {
        return Err(
            Trouble::new("somebody else has just said something of this host")
                .help("look again: gtctl hosts"),
        );
    }
    terminal.print(&match said {
        Said::Drained => format!(
            "host {name} is drained: its sessions leave it, a few at a time; `gtctl status` shows them\n"
        ),
        Said::Free => format!("host {name} takes sessions again\n"),
        Said::Lost => format!("host {name} counts as lost for good: its sessions start elsewhere\n"),
    });
    Ok(Exit::Done)
}

/// Marks the sessions that shall leave for another host, by what the leader would decide.
async fn rebalance(
    place: &Place,
    store: &FleetStore,
    view: &FleetView,
    terminal: &Terminal,
) -> Result<Exit, Trouble> {
    let (Some(fleet), Some(leader)) = (&place.town.hosts.fleet, &view.leader) else {
        return Err(Trouble::new("no host leads the town now").help("try again in some seconds"));
    };
    let absences = Absences::default();
    let placing = Placing {
        view,
        sessions: &fleet.sessions,
        absences: &absences,
        lock_delay: Period::from_hours(1),
        protocol: PROTOCOL,
        leader: leader.created,
        rebalance: true,
        now: proc::clock::now(),
    };
    let mut count = 0;
    for (name, verdict) in decide(&placing) {
        let leaves = PlaceReason::Leaving {
            why: Leave::Rebalance,
        };
        let Some(change) = verdict.change.filter(|_| verdict.reason == leaves) else {
            continue;
        };
        let result = store.commit(&change, None).await.map_err(unreachable)?;
        if result.held {
            count += 1;
            terminal.print(&format!("{name} leaves its host\n"));
        }
    }
    terminal.print(&format!(
        "{count} sessions leave for hosts with fewer sessions; ask again once they have moved\n"
    ));
    Ok(Exit::Done)
}
