//! The hosts of a town as a table.

use super::{HostAnswer, text_of};
use crate::render::columns::{Line, cell, lay_out};
use crate::render::style::{Paper, Role};
use serde_json::Value;

/// How many characters of a revision are shown.
const SHORT: usize = 10;

/// How the manifest of a host compares with the one that was read here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ManifestThere {
    /// It is the same.
    Same,
    /// There is none.
    None,
    /// It is an earlier one: `gtctl apply` replaces it.
    Earlier,
    /// Somebody else has written it: `gtctl apply` refuses to replace it.
    Edited,
}

impl ManifestThere {
    /// Compares. `last` is the revision that this host has last written there.
    #[must_use]
    pub fn of(there: Option<&str>, ours: &str, last: Option<&str>) -> Self {
        match there {
            None => Self::None,
            Some(there) if there == ours => Self::Same,
            Some(there) if Some(there) == last => Self::Earlier,
            Some(_) => Self::Edited,
        }
    }

    fn word(self) -> &'static str {
        match self {
            Self::Same => "same",
            Self::None => "none yet",
            Self::Earlier => "earlier",
            Self::Edited => "edited there",
        }
    }
}

/// One line for each host, and what to do where something is wrong.
#[must_use]
pub fn hosts(answers: &[HostAnswer<'_>], manifests: &[ManifestThere], paper: &Paper) -> String {
    let heading = [
        "  HOST", "SSH", "GTCTL", "PROTOCOL", "MANIFEST", "SESSIONS", "AGENTS",
    ];
    let heading = heading.map(|text| cell(text).role(Role::Quiet));
    let mut lines = vec![Line::Row(heading.into())];
    let mut helps = String::new();
    for (answer, manifest) in answers.iter().zip(manifests) {
        lines.push(line(answer, *manifest));
        helps.push_str(&help(answer, *manifest).unwrap_or_default());
    }
    let gap = if helps.is_empty() { "" } else { "\n" };
    format!("{}{gap}{helps}", lay_out(&lines, "", paper))
}

/// What to do where something is wrong, as lines.
fn help(answer: &HostAnswer<'_>, manifest: ManifestThere) -> Option<String> {
    let name = answer.name;
    match (&answer.reply, manifest) {
        (Err(why), _) => {
            let help = why.help(name, answer.host);
            Some(format!("{name}: {why}\n  help: {help}\n"))
        }
        (Ok(_), ManifestThere::None | ManifestThere::Earlier) => Some(format!(
            "{name}: `gtctl apply` writes this manifest there\n"
        )),
        (Ok(_), ManifestThere::Edited) => Some(format!(
            "{name}: its manifest was edited there; `gtctl hosts push {name}` replaces it\n"
        )),
        (Ok(_), ManifestThere::Same) => None,
    }
}

fn line(answer: &HostAnswer<'_>, manifest: ManifestThere) -> Line {
    let ssh = answer.host.ssh.as_deref().unwrap_or("-");
    let name = answer.name;
    let Some(page) = answer.page() else {
        let state = answer
            .reply
            .as_ref()
            .err()
            .map_or("no answer", |why| why.code());
        return Line::Row(vec![
            cell(format!("! {name}")).role(Role::Bad),
            cell(ssh),
            cell(state).role(Role::Bad),
        ]);
    };
    let mark = match (answer.is_here, manifest) {
        (_, ManifestThere::Edited) => "!",
        (true, _) => "*",
        (false, _) => " ",
    };
    let number = |field: &str| page.get(field).and_then(Value::as_u64);
    let sessions = match (number("running"), number("declared")) {
        (Some(running), Some(declared)) => format!("{running}/{declared}"),
        _ => "-".to_owned(),
    };
    let revision: String = text_of(page, "revision")
        .unwrap_or("")
        .chars()
        .take(SHORT)
        .collect();
    Line::Row(vec![
        cell(format!("{mark} {name}")),
        cell(ssh),
        cell(text_of(page, "gtctl").unwrap_or("?")),
        cell(number("protocol").map_or_else(|| "?".to_owned(), |n| n.to_string())),
        cell(format!("{revision} {}", manifest.word()).trim().to_owned()),
        cell(sessions),
        cell(agents(page)).flowing(),
    ])
}

fn agents(page: &Value) -> String {
    let agents = page.get("agents").and_then(Value::as_array);
    let said = agents.into_iter().flatten().filter_map(|agent| {
        let verdict = text_of(agent, "verdict")?;
        let text = text_of(agent, "text")?;
        Some(if verdict == "ok" {
            text.to_owned()
        } else {
            format!("{verdict}: {text}")
        })
    });
    said.collect::<Vec<_>>().join("; ")
}
