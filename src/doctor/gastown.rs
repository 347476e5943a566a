//! Gas Town beside the town: its `gt`, its rigs, its daemon and its settings. The only file here
//! that reads its files.

use super::ask::ask;
use super::install::{self, on_path};
use super::{Patient, shown};
use crate::files::{self, Links};
use crate::model::{Checked, Desired, Fix, Socket, Town};
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::Duration;

const CHECK: &str = "gastown";
/// How long `gt --version` may take.
const DEADLINE: Duration = Duration::from_secs(5);
/// The most that is read of a file, in bytes.
const READ_LIMIT: u64 = 1 << 20;

/// Nothing where the town has nothing to do with Gas Town.
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
    let mut found = vec![gt(root, through_gt).await];
    if let Some(root) = root {
        found.extend(no_root(root));
        found.extend(rigs(patient, town, root));
        found.extend(daemon(root));
        found.extend(role_agents(root));
    }
    found
}

async fn gt(root: Option<&Path>, needed: bool) -> Checked {
    let trouble = |said: String, fix: Fix| {
        if needed {
            Checked::failing("gt", said, fix)
        } else {
            Checked::ailing("gt", said, fix)
        }
    };
    let Some(file) = on_path("gt") else {
        let why = if needed {
            ""
        } else {
            ": sessions run without it, but gt's mail and nudges do not work"
        };
        return trouble(format!("it is not on PATH{why}"), install::get("gt"));
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
            trouble(format!("`gt --version` {why}"), fix)
        }
    }
}

fn no_root(root: &Path) -> Option<Checked> {
    (!root.join("mayor/town.json").is_file()).then(|| {
        let said = format!(
            "{} is not a Gas Town: it has no mayor/town.json",
            shown(root)
        );
        Checked::ailing(CHECK, said, Fix::run(["gt", "install", &shown(root)]))
    })
}

fn json(file: &Path) -> Option<Value> {
    let text = files::read_text(file, Links::Follow, READ_LIMIT).ok()?;
    serde_json::from_str(&text).ok()
}

/// Rigs that no session of the manifest is in.
fn rigs(patient: &Patient<'_>, town: &Town, root: &Path) -> Vec<Checked> {
    let Some(list) = json(&root.join("mayor/rigs.json")) else {
        return Vec::new();
    };
    let known = list
        .get("rigs")
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
        .map(|(name, _)| name.as_str());
    let declared: BTreeSet<&str> = town
        .sessions
        .values()
        .filter_map(|desired| desired.rig.as_deref())
        .collect();
    let undeclared = known.filter(|rig| !declared.contains(rig));
    let told = |rig: &str| {
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
    undeclared.map(told).collect()
}

/// gt's own daemon revives what gtctl stops, and stops what it has switched off.
fn daemon(root: &Path) -> Option<Checked> {
    let holder = holder(&root.join("daemon/daemon.lock"))?;
    let said = format!(
        "gt's own daemon runs too ({holder}): it starts mayor, deacon, witness and refinery, whatever gtctl decides"
    );
    Some(Checked::ailing(
        "masters",
        said,
        Fix::line(format!(
            "(cd {} && gt daemon stop)",
            Fix::run([shown(root)]).as_str()
        )),
    ))
}

/// Who holds a lock on this file, by the kernel's own list: nobody is disturbed by a look.
fn holder(file: &Path) -> Option<String> {
    let meta = fs::metadata(file).ok()?;
    let (major, minor) = (
        nix::sys::stat::major(meta.dev()),
        nix::sys::stat::minor(meta.dev()),
    );
    let place = format!("{major:02x}:{minor:02x}:{}", meta.ino());
    let locks = fs::read_to_string("/proc/locks").ok()?;
    let line = locks
        .lines()
        .find(|line| line.split_whitespace().any(|word| word == place))?;
    let pid = line
        .split_whitespace()
        .find_map(|word| word.parse::<u32>().ok().filter(|pid| *pid > 0));
    Some(pid.map_or_else(|| "a process".to_owned(), |pid| format!("process {pid}")))
}

/// gt reads them from its other file only.
fn role_agents(root: &Path) -> Option<Checked> {
    let agents = root.join("settings/agents.json");
    json(&agents)?.get("role_agents")?;
    let said = format!(
        "gt ignores role_agents in {}; it reads settings/config.json",
        shown(&agents)
    );
    let move_it = "[ -e config.json ] || echo '{}' > config.json; \
                   jq -s '.[0] * {role_agents: .[1].role_agents}' config.json agents.json > config.json.new && \
                   jq 'del(.role_agents)' agents.json > agents.json.new && \
                   mv config.json.new config.json && mv agents.json.new agents.json";
    let settings = shown(&root.join("settings"));
    Some(Checked::ailing(
        CHECK,
        said,
        Fix::line(format!(
            "(cd {} && {{ {move_it}; }})",
            Fix::run([settings]).as_str()
        )),
    ))
}
