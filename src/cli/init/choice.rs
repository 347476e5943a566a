//! What a first town shall be: by flags, by answers, and by what there is.

use super::super::args::Init;
use super::super::ask::Questions;
use super::super::exit::Trouble;
use super::super::found::{self, GasTown, is_crew_name};
use super::absolute;
use crate::model::SessionName;
use crate::render::sketch::{self, CrewMember, Rig, Roles, Runs, Sessions, Sketch};
use std::path::{Path, PathBuf};

/// The agents that can be named without further words.
pub(in super::super) const KNOWN: [&str; 8] = [
    "claude",
    "kimigas",
    "kimi",
    "kimi-code",
    "codex",
    "gemini",
    "opencode",
    "aider",
];
/// The crew member that watches over the others.
const WATCHER: &str = "watcher";
/// Its instructions, beside the manifest.
pub(super) const INSTRUCTIONS: &str = "watcher.md";
/// The word for no agent at all.
const SHELL: &str = "shell";
/// The most sessions that are made by a number.
const MOST: usize = 100;
/// The longest name that is taken from a folder: sessions' names begin with it.
const LONGEST: usize = 40;

/// A first town.
#[derive(Debug)]
pub(super) struct Choice {
    name: SessionName,
    agent: Option<String>,
    shell: &'static str,
    /// Whether a shell was chosen, not only for want of anything else.
    wants_shell: bool,
    shape: Shape,
}

/// Which sessions it has.
#[derive(Debug)]
enum Shape {
    Plain(Vec<String>),
    Roles {
        root: Option<String>,
        naming: &'static str,
        own: Vec<&'static str>,
        rigs: Vec<Rig>,
        left_out: Vec<String>,
    },
}

impl Choice {
    /// Asks for what no flag says and cannot be determined without asking.
    pub(super) fn make(args: &Init, dir: &Path, questions: Questions) -> Result<Self, Trouble> {
        let home = std::env::var_os("HOME")
            .map(PathBuf::from)
            .filter(|home| home.is_absolute());
        let gas_town = gas_town(args, dir, home.as_deref(), questions)?;
        let folder = gas_town.as_ref().map_or(dir, |town| &town.root);
        let name = match &args.name {
            Some(name) => town_name(name)?,
            None => questions.ask("Town name", &fit(folder), town_name)?,
        };
        let agent = agent(args, questions)?;
        let shape = match gas_town {
            Some(town) => of_gas_town(args, &town, home.as_deref())?,
            None if !args.rigs.is_empty() => without_root(args)?,
            None => Shape::Plain(plain(args, &name, questions)?),
        };
        let wants_shell = args.agent.is_some();
        Ok(Self {
            name,
            agent,
            shell: found::shell(),
            wants_shell,
            shape,
        })
    }

    /// The manifest, with this reference to its schema.
    pub(super) fn text(&self, schema: &str) -> String {
        let sessions = match &self.shape {
            Shape::Plain(names) => Sessions::Plain(names),
            Shape::Roles {
                root,
                naming,
                own,
                rigs,
                left_out,
            } => Sessions::Roles(Roles {
                root: root.as_deref(),
                naming,
                own,
                rigs,
                left_out,
            }),
        };
        let agent = self
            .agent
            .as_deref()
            .map_or(Runs::Shell(self.shell), Runs::Agent);
        sketch::text(&Sketch {
            name: self.name.as_str(),
            schema,
            agent,
            sessions,
        })
    }

    /// What runs in its sessions.
    pub(super) fn runs(&self) -> &str {
        self.agent.as_deref().unwrap_or(self.shell)
    }

    /// Whether a watcher of it needs instructions.
    pub(super) fn instructs(&self) -> bool {
        let rigs = match &self.shape {
            Shape::Plain(_) => &[][..],
            Shape::Roles { rigs, .. } => rigs,
        };
        rigs.iter()
            .flat_map(|rig| &rig.crew)
            .any(|member| member.instructions.is_some())
    }

    /// What its writer should know.
    pub(super) fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        if self.agent.is_none() && !self.wants_shell {
            notes.push(format!(
                "no agent found, so the sessions run `{}` instead: `gtctl init --force --agent claude` changes that",
                self.shell
            ));
        }
        match &self.shape {
            Shape::Roles { left_out, .. } if !left_out.is_empty() => {
                notes.push(format!(
                    "left out, because their directories do not exist: {}",
                    left_out.join(", ")
                ));
            }
            Shape::Roles { .. } | Shape::Plain(_) => {}
        }
        notes
    }
}

fn gas_town(
    args: &Init,
    dir: &Path,
    home: Option<&Path>,
    questions: Questions,
) -> Result<Option<GasTown>, Trouble> {
    match &args.root {
        Some(none) if none == Path::new("none") => return Ok(None),
        Some(root) => return GasTown::at(absolute(root)?).map(Some),
        None => {}
    }
    let Some(town) = GasTown::near(dir, home)? else {
        return Ok(None);
    };
    let question = format!(
        "There is a Gas Town at {}. Declare its sessions?",
        town.root.display()
    );
    let wanted = questions.ask(&question, "yes", |answer| match answer {
        "y" | "yes" => Ok(true),
        "n" | "no" => Ok(false),
        _ => Err(Trouble::new("yes or no")),
    })?;
    Ok(wanted.then_some(town))
}

fn town_name(text: &str) -> Result<SessionName, Trouble> {
    SessionName::new(text).map_err(|e| {
        Trouble::new(format!("`{text}` is not a valid town name: {e}"))
            .help("letters, digits, `_` and `-`, beginning with a letter or a digit")
    })
}

/// A folder's name as a town's.
fn fit(folder: &Path) -> String {
    let name = folder
        .file_name()
        .map(|name| name.to_string_lossy().into_owned())
        .unwrap_or_default();
    let fit = |c: char| {
        if c.is_ascii_alphanumeric() || matches!(c, '_' | '-') {
            c
        } else {
            '-'
        }
    };
    let name: String = name.chars().map(fit).take(LONGEST).collect();
    let name = name.trim_matches(|c: char| !c.is_ascii_alphanumeric());
    if name.is_empty() {
        "town".to_owned()
    } else {
        name.to_owned()
    }
}

/// The agent; none for a shell.
fn agent(args: &Init, questions: Questions) -> Result<Option<String>, Trouble> {
    let judge = |text: &str| match text {
        SHELL => Ok(None),
        known if KNOWN.contains(&known) => Ok(Some(known.to_owned())),
        other => Err(
            Trouble::new(format!("there is no built-in agent `{other}`")).help(format!(
                "use one of {}, or {SHELL} for no agent; declare others in town.toml",
                KNOWN.join(", ")
            )),
        ),
    };
    if let Some(agent) = &args.agent {
        return judge(agent);
    }
    let found = found::agents();
    let question = match found.as_slice() {
        [] => "Agent (none is on PATH)".to_owned(),
        found => format!("Agent (on PATH: {})", found.join(", ")),
    };
    questions.ask(&question, found.first().copied().unwrap_or(SHELL), judge)
}

/// The names after the town's own, by numbers and names.
fn workers(crew: &[String], of_number: impl Fn(usize) -> String) -> Result<Vec<String>, Trouble> {
    let mut workers = Vec::new();
    for text in crew {
        match text.parse::<usize>() {
            Ok(n) if (1..=MOST).contains(&n) => workers.extend((1..=n).map(&of_number)),
            Ok(_) => {
                return Err(Trouble::new(format!(
                    "{text} sessions: the number must be from 1 to {MOST}"
                ))
                .help("add more as [[session]] tables in town.toml"));
            }
            Err(_) => workers.push(text.clone()),
        }
    }
    workers.sort_by(|a, b| (a.len(), a).cmp(&(b.len(), b)));
    workers.dedup();
    Ok(workers)
}

/// Sessions that begin with the town's name: two towns may share a tmux server.
fn plain(args: &Init, town: &SessionName, questions: Questions) -> Result<Vec<String>, Trouble> {
    let counted = |crew: &[String]| workers(crew, |n| n.to_string());
    let workers = if args.crew.is_empty() {
        questions.ask("How many sessions", "1", |answer| {
            counted(&[answer.to_owned()])
        })?
    } else {
        counted(&args.crew)?
    };
    // Gas Town takes what begins so for its own, and may kill it.
    let is_gt = ["gt", "hq"]
        .iter()
        .any(|own| town.as_str() == *own || town.as_str().starts_with(&format!("{own}-")));
    let prefix = if is_gt { "town" } else { town.as_str() };
    let named = |worker: &String| {
        let name = format!("{prefix}-{worker}");
        SessionName::new(&name).map(|_| name).map_err(|e| {
            Trouble::new(format!(
                "`{prefix}-{worker}` is not a valid session name: {e}"
            ))
            .help("letters, digits, `_` and `-`, at most 64")
        })
    };
    workers.iter().map(named).collect()
}

fn plainly(crew: &[String]) -> Vec<CrewMember> {
    crew.iter()
        .map(|name| CrewMember {
            name: name.clone(),
            instructions: None,
        })
        .collect()
}

fn crew_of(args: &Init) -> Result<Vec<String>, Trouble> {
    let crew = workers(&args.crew, |n| format!("worker{n}"))?;
    match crew.iter().find(|name| !is_crew_name(name)) {
        Some(name) => Err(
            Trouble::new(format!("`{name}` is not a valid name for a crew member"))
                .help("letters, digits and `_`, at most 32: gt does not allow dashes or dots here"),
        ),
        None => Ok(crew),
    }
}

/// The shape of a Gas Town, without one.
fn without_root(args: &Init) -> Result<Shape, Trouble> {
    let crew = crew_of(args)?;
    let rig = |name: &String| Rig {
        name: name.clone(),
        roles: vec!["witness", "refinery"],
        crew: plainly(&crew),
    };
    let rigs = args.rigs.iter().map(rig).collect();
    Ok(Shape::Roles {
        root: None,
        naming: "rig",
        own: vec!["mayor", "deacon"],
        rigs,
        left_out: Vec::new(),
    })
}

fn of_gas_town(args: &Init, town: &GasTown, home: Option<&Path>) -> Result<Shape, Trouble> {
    if let Some(rig) = args
        .rigs
        .iter()
        .find(|rig| !town.rigs.is_empty() && !town.rigs.contains_key(*rig))
    {
        let known: Vec<&str> = town.rigs.keys().map(String::as_str).collect();
        return Err(
            Trouble::new(format!("{} has no rig `{rig}`", town.root.display())).help(format!(
                "it has {}; `gt rig add {rig} URL` adds one",
                known.join(", ")
            )),
        );
    }
    let names: Vec<String> = if args.rigs.is_empty() {
        town.rigs.keys().cloned().collect()
    } else {
        args.rigs.clone()
    };
    let wanted = crew_of(args)?;
    let mut left_out = Vec::new();
    let mut there = |what: String, path: &str| {
        let has = town.has(path);
        if !has {
            left_out.push(what);
        }
        has
    };
    let own = ["mayor", "deacon"]
        .into_iter()
        .filter(|role| there((*role).to_owned(), role))
        .collect();
    let mut rigs = Vec::new();
    for name in &names {
        let places = [
            ("witness", format!("{name}/witness")),
            ("refinery", format!("{name}/refinery/rig")),
        ];
        let roles = places
            .into_iter()
            .filter(|(role, path)| there(format!("{role} of {name}"), path));
        let roles = roles.map(|(role, _)| role).collect();
        let mut crew = if wanted.is_empty() {
            town.crew(name)
        } else {
            wanted.clone()
        };
        crew.retain(|member| {
            there(
                format!("crew {member} of {name}"),
                &format!("{name}/crew/{member}"),
            )
        });
        let instructions = |member: &String| {
            let lacks = member == WATCHER && !town.instructs(&format!("{name}/crew/{member}"));
            lacks.then_some(INSTRUCTIONS)
        };
        let crew = crew.iter().map(|member| CrewMember {
            name: member.clone(),
            instructions: instructions(member),
        });
        let crew = crew.collect();
        rigs.push(Rig {
            name: name.clone(),
            roles,
            crew,
        });
    }
    let root = short(&town.root, home)?;
    Ok(Shape::Roles {
        root: Some(root),
        naming: town.naming(&names),
        own,
        rigs,
        left_out,
    })
}

/// A path as people write it.
fn short(path: &Path, home: Option<&Path>) -> Result<String, Trouble> {
    let text = match home.and_then(|home| path.strip_prefix(home).ok()) {
        Some(rest) => Path::new("~").join(rest),
        None => path.to_path_buf(),
    };
    let text = text
        .to_str()
        .map(|text| text.trim_end_matches('/').to_owned());
    text.ok_or_else(|| {
        Trouble::new(format!(
            "{} is not UTF-8 text; a manifest must be",
            path.display()
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_make_names() {
        for (folder, name) in [
            ("/a/my app", "my-app"),
            ("/", "town"),
            ("/a/.x.", "x"),
            ("/a/ünï", "n"),
            ("/a/b_c", "b_c"),
        ] {
            assert_eq!(fit(Path::new(folder)), name, "{folder}");
        }
    }

    #[test]
    fn numbers_and_names_make_workers() {
        let of = |crew: &[&str]| {
            workers(
                &crew.iter().map(|w| (*w).to_owned()).collect::<Vec<_>>(),
                |n| n.to_string(),
            )
        };
        assert_eq!(of(&["2"]).unwrap(), ["1", "2"]);
        assert_eq!(of(&["11"]).unwrap().last().unwrap(), "11");
        assert_eq!(of(&["eve", "eve", "1"]).unwrap(), ["1", "eve"]);
        assert!(of(&["0"]).is_err() && of(&["101"]).is_err());
    }
}
