//! Asks the servers of opencode agents what they do, once a second, beside the cycles. What is news is
//! added to the reports of the session, as a hook would do it: so every process that looks knows it,
//! and the controller wakes.

use super::setup::Controller;
use crate::act::{StatusPort, tells_by_port};
use crate::jobs::{BrokenOff, Cancel, Job, Pool};
use crate::model::SortedMap;
use crate::model::{
    Activity, ConversationId, Generation, Life, Observed, Origin, Ownership, ProcId,
    ReportingClient, SessionName, Town,
};
use crate::proc::clock;
use crate::reports::{self, Hooked};
use crate::store::{View, add_report};
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::sleep;

/// So often each server is asked.
const EACH: Duration = Duration::from_secs(1);
/// The most rounds that a server which does not answer is left alone.
const LONGEST_REST: u32 = 30;
/// The most rounds until an agent that does not listen yet is looked at again. opencode takes some
/// 20 s to listen on a busy host.
const COMING_UP: u32 = 2;
/// The most servers that are asked.
const MOST: usize = 256;

/// One agent whose client has a server.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Agent {
    session: SessionName,
    generation: Generation,
    process: ProcId,
}

/// The questions beside the cycles. One thread asks all servers, while there are any.
#[derive(Debug, Default)]
pub(super) struct StatusPorts {
    agents: watch::Sender<Vec<Agent>>,
    asking: Pool<Asking>,
}

impl Controller {
    /// Asks opencode agents what they do from now on. For a process that runs many cycles.
    pub(super) fn ask_status_ports(&mut self) {
        self.status_ports.get_or_insert_default();
    }

    /// Takes in which agents there are to ask. Waits for nothing.
    pub(super) fn follow_status_ports(&mut self, town: &Town, observed: &Observed) {
        let state = self.store.view();
        if let Some(ports) = &mut self.status_ports {
            ports.follow(town, observed, state);
        }
    }
}

impl StatusPorts {
    fn follow(&mut self, town: &Town, observed: &Observed, state: &View) {
        let Observed::Up(server) = observed else {
            return;
        };
        let found = server.sessions.values().filter_map(|seen| {
            let (Ownership::Ours(label), Life::Alive { process, .. }) =
                (&seen.ownership, &seen.life)
            else {
                return None;
            };
            let desired = town.sessions.get(&label.session)?;
            let is_started = label.origin == Origin::Started && tells_by_port(desired);
            is_started.then(|| Agent {
                session: label.session.clone(),
                generation: label.generation,
                process: *process,
            })
        });
        let agents: Vec<Agent> = found.take(MOST).collect();
        let is_anybody = !agents.is_empty();
        self.agents.send_if_modified(|known| {
            let is_news = *known != agents;
            *known = agents;
            is_news
        });
        // One that broke off is begun again.
        drop(self.asking.ended());
        if is_anybody {
            self.asking.begin(Asking {
                agents: self.agents.subscribe(),
                state: state.clone(),
            });
        }
    }
}

/// The job that asks.
#[derive(Debug)]
struct Asking {
    agents: watch::Receiver<Vec<Agent>>,
    state: View,
}

impl Job for Asking {
    type Key = ();
    type Report = ();

    fn key(&self) {}

    async fn carry_out(&self, mut cancel: Cancel) {
        let mut known: SortedMap<SessionName, Known> = SortedMap::new();
        loop {
            let agents = self.agents.borrow().clone();
            if agents.is_empty() {
                return;
            }
            known.retain(|session, _| agents.iter().any(|agent| agent.session == *session));
            for agent in &agents {
                let known = known
                    .entry(agent.session.clone())
                    .and_modify(|known| known.renew(agent, &self.state))
                    .or_insert_with(|| Known::of(agent, &self.state));
                known.ask(&self.state);
            }
            tokio::select! {
                () = sleep(EACH) => {}
                _ = &mut cancel => return,
            }
        }
    }

    fn broken_off(&self, why: &BrokenOff) {
        tracing::warn!(%why, "opencode agents are not asked what they do");
    }
}

/// What is known of one agent.
#[derive(Debug)]
struct Known {
    agent: Agent,
    port: Option<StatusPort>,
    /// What was reported last.
    said: Option<Said>,
    /// Questions without an answer, in a row.
    failed: u32,
    /// Rounds until it is asked again.
    rest: u32,
}

/// What counts of a report.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Said {
    activity: Activity,
    event: String,
    conversation: Option<ConversationId>,
    text: String,
}

impl Known {
    /// An agent that is new here. Another controller may have reported on it before.
    fn of(agent: &Agent, state: &View) -> Self {
        let reports = state.read_reports(&agent.session, agent.generation, None);
        let own = |report: &&crate::model::AgentReport| {
            reports::is_of(report, agent.generation, agent.process)
        };
        let said = reports.ok().flatten().and_then(|read| {
            let last = reports::latest(read.reports.iter().filter(own))?;
            Some(Said {
                activity: last.activity,
                event: last.event,
                conversation: last.conversation,
                text: last.text,
            })
        });
        Self {
            agent: agent.clone(),
            port: None,
            said,
            failed: 0,
            rest: 0,
        }
    }

    /// Begins anew where the session has another process.
    fn renew(&mut self, agent: &Agent, state: &View) {
        if self.agent != *agent {
            *self = Self::of(agent, state);
        }
    }

    fn ask(&mut self, state: &View) {
        if self.rest > 0 {
            self.rest -= 1;
            return;
        }
        if self.port.is_none() {
            self.port = StatusPort::of(self.agent.process);
        }
        let Some(port) = &self.port else {
            return self.fail(COMING_UP);
        };
        match port.ask() {
            Ok(status) => {
                self.failed = 0;
                self.report(status, state);
            }
            Err(fault) => {
                tracing::debug!(%fault, session = %self.agent.session, "its server tells nothing");
                self.port = None;
                self.fail(LONGEST_REST);
            }
        }
    }

    /// Leaves it alone for longer each time, for so many rounds at most.
    fn fail(&mut self, longest: u32) {
        self.rest = longest.min(1 << self.failed.min(5));
        self.failed = self.failed.saturating_add(1);
    }

    fn report(&mut self, status: Hooked, state: &View) {
        let news = news(self.said.as_ref(), &status);
        if self.said.as_ref() == Some(&news) {
            return;
        }
        let report = Hooked {
            activity: news.activity,
            conversation: news.conversation.clone(),
            ..status
        };
        let Agent {
            session,
            generation,
            process,
        } = &self.agent;
        let client = ReportingClient::Opencode;
        let report = report.reported(client, *generation, clock::now(), vec![*process]);
        match add_report(&state.reports_dir(), session, &report) {
            Ok(()) => self.said = Some(news),
            Err(fault) => tracing::debug!(%fault, %session, "its status was not reported"),
        }
    }
}

/// What there is to report after what was reported last. An agent that waits has ended a turn only
/// where it was seen at work before. One that waits does not say which conversation it holds.
fn news(said: Option<&Said>, status: &Hooked) -> Said {
    let activity = match (status.activity, said.map(|said| said.activity)) {
        (Activity::Idle, None | Some(Activity::Ready)) => Activity::Ready,
        (activity, _) => activity,
    };
    let held = said.and_then(|said| said.conversation.clone());
    Said {
        activity,
        event: status.event.clone(),
        conversation: status.conversation.clone().or(held),
        text: status.text.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(said: Option<&Said>, json: &str) -> Said {
        news(said, &reports::session_status(json.as_bytes()).unwrap())
    }

    #[test]
    fn a_turn_has_ended_only_where_one_was_seen() {
        let first = after(None, "{}");
        assert_eq!(first.activity, Activity::Ready);
        assert_eq!(after(Some(&first), "{}"), first, "no news");
        let busy = after(Some(&first), r#"{"ses_a":{"type":"busy"}}"#);
        assert_eq!(busy.activity, Activity::Working);
        let idle = after(Some(&busy), "{}");
        assert_eq!(idle.activity, Activity::Idle);
        assert_eq!(idle.conversation.unwrap().as_str(), "ses_a");
    }
}
