//! What is asked of sessions by hand in a town whose hosts share a store: the wish is written there,
//! and the session's host answers it.

use super::{host_file, store, unreachable};
use crate::cli::args::{Down, Global, Nudge, Select, Sessions, Waiting};
use crate::cli::ask;
use crate::cli::exit::{Exit, Trouble};
use crate::cli::output::Terminal;
use crate::cli::place::{Place, undeclared};
use crate::etcd::Freshness;
use crate::fleet::FleetStore;
use crate::model::SortedMap;
use crate::model::fleet::UnknownFields;
use crate::model::written::from_bytes;
use crate::model::{
    AskAnswer, AskVerb, FleetAsk, FleetKey, FleetSession, FleetView, Period, PhaseKind, Request,
    SessionName, SessionStatus,
};
use crate::proc;
use crate::render::fleet::{StorePage, StoreSession};
use crate::render::words::count;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// How long a session's host may take to answer.
const ANSWER: Duration = Duration::from_secs(10);
/// How long a host may take to type a text, beside the wait for a free prompt.
const TYPED: Duration = Duration::from_secs(40);
/// How long nothing may change before nobody waits any longer.
const PROGRESS: Duration = Duration::from_secs(120);
/// How often the store is looked at meanwhile.
pub(super) const EVERY: Duration = Duration::from_millis(100);

/// How long to wait: for a time that somebody has said, or for as long as something changes.
pub(super) struct Patience {
    until: Instant,
    renews: bool,
    seen: i64,
}

impl Patience {
    pub(super) fn of(timeout: Option<Period>) -> Self {
        let time = timeout.map_or(PROGRESS, Period::to_std);
        Self {
            until: Instant::now() + time,
            renews: timeout.is_none(),
            seen: 0,
        }
    }

    /// Whether to wait on. `revision` is that of the last change.
    pub(super) fn goes_on(&mut self, revision: i64) -> bool {
        if self.renews && revision > self.seen {
            self.until = Instant::now() + PROGRESS;
        }
        self.seen = self.seen.max(revision);
        Instant::now() < self.until
    }
}

/// What became of a wish for one session.
struct Wished {
    session: SessionName,
    /// Its host, where it has one.
    host: Option<String>,
    /// What was done, such as `stopped`. None if it was not.
    done: Option<&'static str>,
    /// Why it was not done, or what its host has said.
    said: String,
}

/// The town's part of the store, and what it has now.
async fn looked_at(place: &Place, global: &Global) -> Result<(FleetStore, FleetView), Trouble> {
    let store = store(&place.town, &host_file(global)?)?;
    let view = store.view().await.map_err(unreachable)?;
    Ok((store, view))
}

/// Writes a wish for each session, and waits until it has come true.
pub(in crate::cli) async fn by_hand(
    place: &Place,
    global: &Global,
    args: &Sessions,
    request: Request,
    terminal: &Terminal,
) -> Result<Exit, Trouble> {
    let verb = verb_of(request);
    let (store, before) = looked_at(place, global).await?;
    let names = chosen(place, &before, &args.named, &args.select)?;
    let ends = !matches!(request, Request::Start | Request::Reset);
    let is_asked = ends && !args.yes && !args.select.is_empty();
    if is_asked && !consents(&format!("{} {}?", capital(verb), sessions(&names)))? {
        terminal.say_plainly("Cancelled. Nothing was done.");
        return Ok(Exit::Failed);
    }
    let work = Work {
        town: &place.town.name,
        store: &store,
        before: &before,
        verb,
        waiting: &args.waiting,
    };
    carry_out(&work, &names, terminal).await
}

/// Stops all sessions of the town, or those that are chosen.
pub(in crate::cli) async fn down(
    place: &Place,
    global: &Global,
    args: &Down,
    terminal: &Terminal,
) -> Result<Exit, Trouble> {
    let (store, before) = looked_at(place, global).await?;
    let names = chosen(place, &before, &args.words.sessions(), &args.select)?;
    let question = format!("Stop {} of town {}?", sessions(&names), place.town.name);
    if !args.yes && !consents(&question)? {
        terminal.say_plainly("Cancelled. Nothing was done.");
        return Ok(Exit::Failed);
    }
    let work = Work {
        town: &place.town.name,
        store: &store,
        before: &before,
        verb: AskVerb::Down,
        waiting: &args.waiting,
    };
    let exit = carry_out(&work, &names, terminal).await?;
    if exit == Exit::Done && !terminal.is_json() {
        terminal.print("`gtctl start` with their names starts them again\n");
    }
    Ok(exit)
}

/// Has the host of a session type a text. Returns how the verb ended there.
pub(in crate::cli) async fn nudge(
    place: &Place,
    global: &Global,
    args: &Nudge,
    text: &str,
    terminal: &Terminal,
) -> Result<Exit, Trouble> {
    let (store, before) = looked_at(place, global).await?;
    let words: &[String] = if args.select.is_empty() {
        std::slice::from_ref(&args.session)
    } else {
        &[]
    };
    let names = chosen(place, &before, words, &args.select)?;
    let wish = Wish {
        verb: AskVerb::Nudge,
        text: Some(text),
        is_command: args.command,
        patience: args.timeout,
    };
    let mut worst = Exit::Done;
    let mut page = StorePage::new(word(AskVerb::Nudge), &place.town.name);
    for (session, answer) in answers((&store, &before), &wish, &names).await? {
        let (is_done, said) = match answer {
            Ok(answer) => (answer.exit == 0, answer.message),
            Err(why) => (false, format!("{session}: {why}")),
        };
        if !is_done {
            worst = Exit::Partial;
        }
        if terminal.is_json() {
            page.sessions.push(StoreSession {
                host: host_of(&before, &session),
                session: session.to_string(),
                done: is_done.then(|| done(AskVerb::Nudge, false).to_owned()),
                said: Some(said),
                ..StoreSession::default()
            });
        } else if is_done {
            terminal.print(&format!("{said}\n"));
        } else {
            terminal.warn(&said);
        }
    }
    if terminal.is_json() {
        terminal.print_json(&page.json());
    }
    Ok(worst)
}

fn host_of(view: &FleetView, session: &SessionName) -> Option<String> {
    let place = view.places.get(session)?;
    Some(place.value.host.to_string())
}

/// What is asked for, where, and how long to wait for it.
struct Work<'a> {
    town: &'a SessionName,
    store: &'a FleetStore,
    before: &'a FleetView,
    verb: AskVerb,
    waiting: &'a Waiting,
}

/// Asks, and waits until what was asked for is so.
async fn carry_out(
    work: &Work<'_>,
    names: &[SessionName],
    terminal: &Terminal,
) -> Result<Exit, Trouble> {
    let Work {
        town,
        store,
        before,
        verb,
        waiting,
    } = *work;
    let wish = Wish {
        verb,
        text: None,
        is_command: false,
        patience: Period::ZERO,
    };
    let answers = answers((store, before), &wish, names).await?;
    let asked: Vec<SessionName> = answers
        .iter()
        .filter(|(_, answer)| answer.as_ref().is_ok_and(|answer| answer.exit == 0))
        .map(|(name, _)| name.clone())
        .collect();
    let open = if waiting.no_wait {
        Vec::new()
    } else {
        comes_true((store, before), verb, asked, waiting.timeout).await?
    };
    let mut worst = Exit::Done;
    let wished: Vec<Wished> = answers
        .into_iter()
        .map(|(session, answer)| {
            let is_open = open.contains(&session);
            let (done, said) = match answer {
                Ok(answer) if answer.exit != 0 => (None, answer.message),
                Ok(_) if is_open => (None, "asked for, not done yet".to_owned()),
                Ok(answer) => (Some(done(verb, waiting.no_wait)), answer.message),
                Err(why) => (None, why),
            };
            worst = match (done, is_open) {
                (None, true) if worst == Exit::Done => Exit::Pending,
                (None, false) => Exit::Partial,
                _ => worst,
            };
            Wished {
                host: host_of(before, &session),
                session,
                done,
                said,
            }
        })
        .collect();
    if terminal.is_json() {
        let sessions = wished.into_iter().map(|wished| StoreSession {
            session: wished.session.to_string(),
            host: wished.host,
            done: wished.done.map(str::to_owned),
            said: Some(wished.said),
            ..StoreSession::default()
        });
        let page = StorePage {
            sessions: sessions.collect(),
            ..StorePage::new(word(verb), town)
        };
        terminal.print_json(&page.json());
        return Ok(worst);
    }
    for wished in &wished {
        let Wished {
            session,
            host,
            done,
            said,
        } = wished;
        match (done, host) {
            (Some(done), Some(host)) => {
                terminal.print(&format!("{done} {session} on host {host}\n"));
            }
            (Some(done), None) => terminal.print(&format!("{done} {session}\n")),
            (None, _) => terminal.warn(&format!("{session}: {said}")),
        }
    }
    Ok(worst)
}

fn verb_of(request: Request) -> AskVerb {
    match request {
        Request::Start => AskVerb::Start,
        Request::Stop => AskVerb::Stop,
        Request::Down => AskVerb::Down,
        Request::Restart => AskVerb::Restart,
        Request::RestartResuming => AskVerb::RestartResuming,
        Request::RestartFresh => AskVerb::RestartFresh,
        Request::Reset => AskVerb::Reset,
    }
}

fn word(verb: AskVerb) -> &'static str {
    match verb {
        AskVerb::Start => "start",
        AskVerb::Stop => "stop",
        AskVerb::Down => "down",
        AskVerb::Restart | AskVerb::RestartResuming | AskVerb::RestartFresh => "restart",
        AskVerb::Reset => "reset",
        AskVerb::Nudge => "nudge",
    }
}

fn capital(verb: AskVerb) -> &'static str {
    match verb {
        AskVerb::Stop | AskVerb::Down => "Stop",
        AskVerb::Start => "Start",
        AskVerb::Restart | AskVerb::RestartResuming | AskVerb::RestartFresh => "Restart",
        AskVerb::Reset => "Reset",
        AskVerb::Nudge => "Type into",
    }
}

/// What is said of a session, of which the wish came true, or which was only asked.
fn done(verb: AskVerb, is_only_asked: bool) -> &'static str {
    match verb {
        AskVerb::Reset => "reset",
        AskVerb::Start if is_only_asked => "asked to start",
        AskVerb::Start => "started",
        AskVerb::Stop | AskVerb::Down if is_only_asked => "asked to stop",
        AskVerb::Stop | AskVerb::Down => "stopped",
        AskVerb::Restart | AskVerb::RestartResuming | AskVerb::RestartFresh if is_only_asked => {
            "asked to restart"
        }
        AskVerb::Restart | AskVerb::RestartResuming | AskVerb::RestartFresh => "restarted",
        AskVerb::Nudge => "typed into",
    }
}

fn sessions(names: &[SessionName]) -> String {
    match names {
        [only] => only.to_string(),
        several => count(several.len(), "session"),
    }
}

/// Whether somebody at the terminal agrees. Without anybody there nobody is asked.
fn consents(question: &str) -> Result<bool, Trouble> {
    Ok(!ask::is_somebody_there() || ask::consents(question)?)
}

/// The declared sessions that are meant: those that are named, else those that the flags choose,
/// else all.
pub(super) fn chosen<S: AsRef<str>>(
    place: &Place,
    view: &FleetView,
    words: &[S],
    select: &Select,
) -> Result<Vec<SessionName>, Trouble> {
    static NONE: SortedMap<SessionName, FleetSession> = SortedMap::new();
    let fleet = place.town.hosts.fleet.as_ref();
    let declared = fleet.map_or(&NONE, |fleet| &fleet.sessions);
    if !words.is_empty() {
        let known = |text: &S| {
            let found = declared.keys().find(|name| name.as_str() == text.as_ref());
            let names = declared.keys().map(SessionName::as_str);
            found
                .cloned()
                .ok_or_else(|| undeclared(text.as_ref(), &place.town.name, names))
        };
        return words.iter().map(known).collect();
    }
    let fits = |words: &[String], word: Option<&str>| {
        words.is_empty() || words.iter().any(|wanted| Some(wanted.as_str()) == word)
    };
    let is_chosen = |(name, session): &(&SessionName, &FleetSession)| {
        let desired = &session.desired;
        let status = view.statuses.get(*name);
        fits(&select.roles, Some(&desired.role))
            && fits(&select.rigs, desired.rig.as_deref())
            && fits(
                &select.phases,
                status.map(|status| status.value.phase.as_str()),
            )
    };
    let all: Vec<SessionName> = declared
        .iter()
        .filter(is_chosen)
        .map(|(name, _)| name.clone())
        .collect();
    if all.is_empty() {
        return Err(Trouble::new("the flags choose no session")
            .help("`gtctl status` shows all sessions")
            .exits(Exit::Usage));
    }
    Ok(all)
}

/// What is asked of each of some sessions.
struct Wish<'a> {
    verb: AskVerb,
    text: Option<&'a str>,
    is_command: bool,
    /// How long a text may wait for a free prompt.
    patience: Period,
}

/// Writes a wish for each session, and waits for the answers: of each session its host's answer, or
/// why there is none.
async fn answers(
    (store, before): (&FleetStore, &FleetView),
    wish: &Wish<'_>,
    names: &[SessionName],
) -> Result<Vec<(SessionName, Result<AskAnswer, String>)>, Trouble> {
    let patience = match wish.verb {
        AskVerb::Nudge => TYPED + wish.patience.to_std(),
        AskVerb::Start
        | AskVerb::Stop
        | AskVerb::Down
        | AskVerb::Restart
        | AskVerb::RestartResuming
        | AskVerb::RestartFresh
        | AskVerb::Reset => ANSWER,
    };
    // The lease takes away what nobody has answered, also where this process is killed.
    let (lease, _) = store
        .client
        .grant(patience + ANSWER)
        .await
        .map_err(unreachable)?;
    let user = nix::unistd::Uid::effective();
    let actor = format!("{user}@{}", proc::own::hostname());
    let mut results = Vec::new();
    let mut open: SortedMap<String, SessionName> = SortedMap::new();
    for name in names {
        if let Some(why) = hopeless(before, name) {
            results.push((name.clone(), Err(why)));
            continue;
        }
        let id = format!("a{}", proc::own::unique_id());
        let asked = FleetAsk {
            id: id.clone(),
            verb: wish.verb,
            session: name.clone(),
            actor: actor.clone(),
            text: wish.text.map(str::to_owned),
            is_command: wish.is_command,
            patience: wish.patience.millis(),
            asked: proc::clock::now().wall,
            answer: None,
            rest: UnknownFields::new(),
        };
        let key = store.keys.text(&FleetKey::Ask(id));
        let value = serde_json::to_vec(&asked).unwrap_or_default();
        let put = store.client.put(&key, value, Some(lease)).await;
        put.map_err(unreachable)?;
        open.insert(key, name.clone());
    }
    let until = Instant::now() + patience;
    while !open.is_empty() && Instant::now() < until {
        sleep(EVERY).await;
        let mut answered = Vec::new();
        for key in open.keys() {
            let read = store.client.get(key, Freshness::Quorum).await;
            let ask = read
                .map_err(unreachable)?
                .and_then(|pair| from_bytes::<FleetAsk>(&pair.value).ok());
            answered.extend(
                ask.and_then(|ask| ask.answer)
                    .map(|answer| (key.clone(), answer)),
            );
        }
        for (key, answer) in answered {
            if let Some(name) = open.remove(&key) {
                results.push((name, Ok(answer)));
            }
        }
    }
    for (_, name) in open {
        results.push((name, Err("its host has not answered".to_owned())));
    }
    // With the lease all wishes go. One that nobody has answered would surprise later.
    store.client.revoke(lease).await.map_err(unreachable)?;
    results.sort_by(|(one, _), (other, _)| one.cmp(other));
    Ok(results)
}

/// Why nobody would answer.
fn hopeless(view: &FleetView, name: &SessionName) -> Option<String> {
    let Some(place) = view.places.get(name) else {
        return Some("no host has it".to_owned());
    };
    let host = &place.value.host;
    (!view.is_present(host)).then(|| format!("its host {host} shows no sign of life"))
}

/// Waits until the store says that the sessions are as asked. Returns those that are not.
async fn comes_true(
    (store, before): (&FleetStore, &FleetView),
    verb: AskVerb,
    names: Vec<SessionName>,
    timeout: Option<Period>,
) -> Result<Vec<SessionName>, Trouble> {
    let holds = |name: &SessionName, status: &SessionStatus| {
        let known = before.statuses.get(name);
        let last = known.map(|known| known.value.generation);
        let has_come = status.ready || status.completed;
        match verb {
            AskVerb::Stop | AskVerb::Down => status.kind() == Some(PhaseKind::Stopped),
            AskVerb::Start => has_come && status.kind() != Some(PhaseKind::Stopped),
            AskVerb::Restart | AskVerb::RestartResuming | AskVerb::RestartFresh => {
                has_come && Some(status.generation) > last
            }
            AskVerb::Reset | AskVerb::Nudge => true,
        }
    };
    let mut patience = Patience::of(timeout);
    let mut open = names;
    while !open.is_empty() {
        let view = store.view().await.map_err(unreachable)?;
        open.retain(|name| {
            let status = view.statuses.get(name);
            !status.is_some_and(|status| holds(name, &status.value))
        });
        let seen = view.statuses.values().map(|status| status.modified.0);
        if !patience.goes_on(seen.max().unwrap_or_default()) {
            break;
        }
        if !open.is_empty() {
            sleep(EVERY).await;
        }
    }
    Ok(open)
}
