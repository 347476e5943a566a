//! Says from what gtctl knows the state of each agent, and what would tell more of it.

use super::{Patient, listed, shown};
use crate::act::{runs_hooks, tells_by_port};
use crate::files::{Links, read_text};
use crate::model::SortedMap;
use crate::model::{Checked, Desired, Fix, Hooks, Period, ReportingClient, Town};
use crate::proc::clock;
use crate::store::View;
use std::path::{Path, PathBuf};

const CHECK: &str = "reports";
/// The largest configuration of a client that is read, in bytes.
const MAX_CONFIG: u64 = 1 << 20;
/// The events of Kimi CLI that say something of its agent.
const KIMI: [&str; 5] = [
    "SessionStart",
    "UserPromptSubmit",
    "PreToolUse",
    "Stop",
    "StopFailure",
];
/// What Kimi Code tells besides.
const KIMI_CODE: [&str; 2] = ["PermissionRequest", "Interrupt"];

pub(super) fn check(patient: &Patient<'_>) -> Vec<Checked> {
    let Some(town) = patient.town else {
        return Vec::new();
    };
    let mut checked = sources(town);
    checked.extend(offers(town));
    checked.extend(patient.state.and_then(last_fault));
    checked
}

/// One line for all sessions of an agent that are known from the same sources.
fn sources(town: &Town) -> Vec<Checked> {
    let mut groups: SortedMap<(&str, String), Vec<&str>> = SortedMap::new();
    for desired in town.declared() {
        let group = (desired.agent.name.as_str(), sources_of(desired));
        groups.entry(group).or_default().push(desired.name.as_str());
    }
    let line = |((agent, sources), names): ((&str, String), Vec<&str>)| {
        let tell = if sources.starts_with("only") {
            "tells"
        } else {
            "tell"
        };
        let message = format!(
            "{sources} of {agent} {tell} the state of {}",
            listed(&names)
        );
        Checked::well(CHECK, message)
    };
    groups.into_iter().map(line).collect()
}

/// The sources, the best one last: `screen, title and hooks`.
fn sources_of(desired: &Desired) -> String {
    let agent = &desired.agent;
    let has_registry = agent.listens() && agent.client == Some(ReportingClient::Claude);
    let sources = [
        ("screen", true),
        ("title", agent.has_titles()),
        ("hooks", runs_hooks(desired) || has_own_hooks(desired)),
        ("status port", tells_by_port(desired)),
        ("registry", has_registry),
    ];
    let words: Vec<&str> = sources
        .into_iter()
        .filter_map(|(word, is_read)| is_read.then_some(word))
        .collect();
    match words.as_slice() {
        [only] => format!("only the {only}"),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
        [] => String::new(),
    }
}

/// The file in which users of this client declare hooks, where gtctl cannot add its own.
fn own_config(desired: &Desired) -> Option<PathBuf> {
    let name = match desired.agent.client? {
        ReportingClient::Kimi => ".kimi/config.toml",
        ReportingClient::KimiCode => ".kimi-code/config.toml",
        ReportingClient::Claude
        | ReportingClient::Codex
        | ReportingClient::Gemini
        | ReportingClient::Opencode => return None,
    };
    let declared = desired.env.get("HOME").map(PathBuf::from);
    let home = declared.or_else(|| std::env::var_os("HOME").map(PathBuf::from))?;
    home.is_absolute().then(|| home.join(name))
}

/// Whether the user has declared gtctl's hooks in the client's own configuration.
fn has_own_hooks(desired: &Desired) -> bool {
    let Some(client) = desired.agent.client.filter(|_| desired.agent.listens()) else {
        return false;
    };
    let text = own_config(desired).and_then(|file| read(&file));
    let command = format!(" hook {}\"", client.word());
    text.is_some_and(|text| text.contains(&command))
}

fn read(file: &Path) -> Option<String> {
    read_text(file, Links::Follow, MAX_CONFIG).ok()
}

/// The hooks that users can declare themselves, one offer for each file.
fn offers(town: &Town) -> Vec<Checked> {
    let mut offers = SortedMap::new();
    for desired in town.declared() {
        if desired.agent.hooks == Hooks::Off || has_own_hooks(desired) {
            continue;
        }
        let (Some(file), Some(client)) = (own_config(desired), desired.agent.client) else {
            continue;
        };
        let offer = || offer(&desired.agent.name, client, &file);
        offers.entry(file.clone()).or_insert_with(offer);
    }
    offers.into_values().collect()
}

fn offer(agent: &str, client: ReportingClient, file: &Path) -> Checked {
    let message = format!(
        "{agent} can tell gtctl what it does, by hooks in {}; `hooks = \"off\"` in \
         [agents.{agent}] ends this advice",
        shown(file)
    );
    let more: &[&str] = match client {
        ReportingClient::KimiCode => &KIMI_CODE,
        ReportingClient::Kimi
        | ReportingClient::Claude
        | ReportingClient::Codex
        | ReportingClient::Gemini
        | ReportingClient::Opencode => &[],
    };
    let hook = format!(
        "\\n[[hooks]]\\nevent = \"%s\"\\ncommand = \"gtctl hook {}\"\\n",
        client.word()
    );
    // `printf` repeats its format for each event.
    let words = ["printf", &hook].into_iter().chain(KIMI);
    let print = Fix::run(words.chain(more.iter().copied()));
    let folder = file.parent().unwrap_or(file);
    let line = format!(
        "{} && {} >> {}",
        Fix::run(["mkdir", "-p", &shown(folder)]).as_str(),
        print.as_str(),
        Fix::run([shown(file)]).as_str()
    );
    Checked::ailing(CHECK, message, Fix::line(line))
}

/// Why a hook could not report, the last time.
fn last_fault(state: &Path) -> Option<Checked> {
    let view = View::of(state.to_owned());
    let (at, why) = view.last_hook_fault()?;
    let seconds = clock::now().since(&at).millis() / 1000;
    let ago = Period::from_secs(seconds);
    let message = format!("the hook of an agent could not report {ago} ago: {why}");
    let fix = Fix::run(["rm", &shown(&view.hook_fault_file())]);
    Some(Checked::ailing(CHECK, message, fix))
}
