//! Checks Gas Town beside the town: `gt`, its rigs, its daemon and its settings.
//!
//! Only this file of the doctor reads Gas Town's files.

use super::ask::ask;
use super::install::{self, on_path};
use super::{Patient, shown};
use crate::files::{self, Links};
use crate::model::SortedSet;
use crate::model::{Checked, Desired, Fix, Socket, Town};
use crate::proc::locks::{self, Locker};
use serde_json::Value;
use std::path::Path;
use std::time::Duration;

const CHECK: &str = "gastown";
/// How long `gt --version` may take.
const DEADLINE: Duration = Duration::from_secs(5);
/// The most bytes that are read of a file.
const READ_LIMIT: u64 = 1 << 20;

/// Empty for a town that does not use Gas Town.
pub(super) async fn check(patient: &Patient<'_>) -> Vec<Checked> {
    let Some(town) = patient.town else {
        return Vec::new();
    };
    let through_gt = town
        .declared()
        .filter_map(Desired::commands)
        .any(|commands| {
            commands
                .start
                .first()
                .is_some_and(|program| program == "gt")
        });
    if town.root.is_none() && !through_gt && town.socket != Socket::Gastown {
        return Vec::new();
    }
    let root = town.root.as_deref();
    let need = if through_gt { Need::Starts } else { Need::Mail };
    let mut checked = vec![gt(root, need).await];
    if let Some(root) = root {
        checked.extend(no_root(root));
        checked.extend(rigs(patient, town, root));
        checked.extend(daemon(root));
        checked.extend(role_agents(root));
    }
    checked
}

/// For what the town needs `gt`.
#[derive(Clone, Copy)]
enum Need {
    /// `gt` starts sessions of the town.
    Starts,
    /// Sessions run without it, but gt's mail and nudges do not work.
    Mail,
}

async fn gt(root: Option<&Path>, need: Need) -> Checked {
    let bad = |message: String, fix: Fix| match need {
        Need::Starts => Checked::failing("gt", message, fix),
        Need::Mail => Checked::ailing("gt", message, fix),
    };
    let Some(file) = on_path("gt") else {
        let effect = match need {
            Need::Starts => "",
            Need::Mail => ": sessions run without it, but gt's mail and nudges do not work",
        };
        return bad(format!("it is not on PATH{effect}"), install::get("gt"));
    };
    let dir = root.filter(|root| root.is_dir()).unwrap_or(Path::new("/"));
    match ask(&file, &["--version"], dir, DEADLINE).await {
        Ok(text) => {
            let version = text.lines().next().unwrap_or_default().trim().to_owned();
            let version = version.strip_prefix("gt version ").unwrap_or(&version);
            Checked::well("gt", format!("{version} at {}", shown(&file)))
        }
        Err(why) => {
            let other = install::elsewhere("gt", Some(&file));
            let fix = other.map_or_else(
                || Fix::run([&shown(&file), "--version"]),
                |other| install::prefer(&other),
            );
            bad(format!("`gt --version` {why}"), fix)
        }
    }
}

fn no_root(root: &Path) -> Option<Checked> {
    if root.join("mayor/town.json").is_file() {
        return None;
    }
    let at = shown(root);
    let message = format!("{at} is not a Gas Town: it has no mayor/town.json");
    let fix = Fix::run(["gt", "install", &at]);
    Some(Checked::ailing(CHECK, message, fix))
}

fn json(file: &Path) -> Option<Value> {
    let text = files::read_text(file, Links::Follow, READ_LIMIT).ok()?;
    serde_json::from_str(&text).ok()
}

/// Advises about each rig in which the manifest has no session.
fn rigs(patient: &Patient<'_>, town: &Town, root: &Path) -> Vec<Checked> {
    let Some(list) = json(&root.join("mayor/rigs.json")) else {
        return Vec::new();
    };
    let rigs = list
        .get("rigs")
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
        .map(|(name, _)| name.as_str());
    let declared: SortedSet<&str> = town
        .sessions
        .values()
        .filter_map(|desired| desired.rig.as_deref())
        .collect();
    let undeclared = rigs.filter(|rig| !declared.contains(rig));
    let advice = |rig: &str| {
        let table = |role| format!("\\n[[session]]\\nrole = \"{role}\"\\nrig = \"{rig}\"\\n");
        let tables = format!("{}{}", table("witness"), table("refinery"));
        let file = shown(patient.file);
        let fix = format!(
            "{} >> {}",
            Fix::run(["printf", &tables]).as_str(),
            Fix::run([&file]).as_str()
        );
        Checked::ailing(
            CHECK,
            format!("rig {rig} of {} has no session in {file}", shown(root)),
            Fix::line(fix),
        )
    };
    undeclared.map(advice).collect()
}

/// Warns if gt's own daemon runs. It starts what gtctl has stopped, and stops what is switched off.
fn daemon(root: &Path) -> Option<Checked> {
    let holder = holder(&root.join("daemon/daemon.lock"))?;
    let message = format!(
        "gt's own daemon runs too ({holder}): it starts mayor, deacon, witness and refinery, whatever gtctl decides"
    );
    let fix = format!(
        "(cd {} && gt daemon stop)",
        Fix::run([shown(root)]).as_str()
    );
    Some(Checked::ailing("masters", message, Fix::line(fix)))
}

/// The process that holds a lock on this file, such as `process 4711`.
///
/// The list of the kernel says so. To try the lock itself could make gt's own attempt fail.
fn holder(file: &Path) -> Option<String> {
    Some(match locks::locker(file)? {
        Locker::Process(pid) => format!("process {pid}"),
        Locker::Hidden => "a process".to_owned(),
    })
}

/// Warns about `role_agents` in a file in which gt does not read it.
fn role_agents(root: &Path) -> Option<Checked> {
    let agents = root.join("settings/agents.json");
    json(&agents)?.get("role_agents")?;
    let message = format!(
        "gt ignores role_agents in {}; it reads settings/config.json",
        shown(&agents)
    );
    let move_it = "[ -e config.json ] || echo '{}' > config.json; \
                   jq -s '.[0] * {role_agents: .[1].role_agents}' config.json agents.json > config.json.new && \
                   jq 'del(.role_agents)' agents.json > agents.json.new && \
                   mv config.json.new config.json && mv agents.json.new agents.json";
    let settings = shown(&root.join("settings"));
    let fix = format!("(cd {} && {{ {move_it}; }})", Fix::run([settings]).as_str());
    Some(Checked::ailing(CHECK, message, Fix::line(fix)))
}
