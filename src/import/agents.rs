//! Which agent runs in a session, and by which argv it was started.

use crate::gastown::Settings;
use crate::manifest::built_in_agents;
use crate::model::{Program, client_of, plain_name};
use std::collections::BTreeMap;

/// An agent that can be recognised.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recipe {
    /// Its name in the manifest.
    pub name: String,
    /// The argv that starts it.
    pub command: Vec<String>,
    /// The names of its processes.
    pub process_names: Vec<String>,
    /// Its environment, as Gas Town's settings have it.
    pub env: BTreeMap<String, String>,
    /// The built-in agent whose client it starts.
    pub like: Option<&'static str>,
    /// Whether gtctl knows it by itself: another one has to be declared.
    pub is_built_in: bool,
}

/// Programs in which anything may run: their name tells no agent.
const INTERPRETERS: [&str; 14] = [
    "sh", "bash", "dash", "zsh", "fish", "env", "node", "nodejs", "bun", "deno", "python",
    "python3", "ruby", "perl",
];

/// Every agent that can be recognised: those of Gas Town's settings, then the built-in ones.
#[must_use]
pub fn recipes(settings: &Settings) -> Vec<Recipe> {
    let own = settings
        .agents
        .iter()
        .filter(|(_, agent)| !agent.command.is_empty())
        .map(|(name, agent)| Recipe {
            name: name.clone(),
            command: agent.command.clone(),
            process_names: agent.process_names.clone(),
            env: agent.env.clone(),
            like: client_of(&agent.command),
            is_built_in: false,
        });
    let built_in = built_in_agents().into_iter().map(|agent| Recipe {
        name: agent.name,
        command: agent.command,
        process_names: agent.process_names,
        env: BTreeMap::new(),
        like: None,
        is_built_in: true,
    });
    own.chain(built_in).collect()
}

impl Recipe {
    /// The program that starts it.
    pub(super) fn program(&self) -> &str {
        self.command.first().map_or("", |program| basename(program))
    }
}

/// An agent that was recognised.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Recognised<'a> {
    pub(super) recipe: &'a Recipe,
    /// Its process.
    pub(super) program: &'a Program,
    /// The argv it was started by, where that is not the recipe's.
    pub(super) command: Option<Vec<String>>,
    /// Whether its arguments could not be read, so that the recipe's stand for them.
    pub(super) is_guess: bool,
}

/// The agent in a pane's tree: the recipe that fits best, in the process that is nearest to the
/// pane.
pub(super) fn recognise<'a>(
    programs: &'a [Program],
    recipes: &'a [Recipe],
) -> Option<Recognised<'a>> {
    let mut best: Option<(u32, &Program, &Recipe)> = None;
    for program in programs {
        for recipe in recipes {
            let fit = fit(program, recipe);
            if fit > best.map_or(0, |(fit, ..)| fit) {
                best = Some((fit, program, recipe));
            }
        }
    }
    let (_, program, recipe) = best?;
    let argv = started_by(program);
    let (Some(path), own) = (argv.first(), argv.get(1..).unwrap_or_default()) else {
        return Some(Recognised {
            recipe,
            program,
            command: None,
            is_guess: true,
        });
    };
    if is_started_by_another(program, recipe) {
        return Some(Recognised {
            recipe,
            program,
            command: Some(without_greeting(&argv)),
            is_guess: false,
        });
    }
    let usual = recipe.command.get(1..).unwrap_or_default();
    // A title in the place of its arguments says nothing of them. No title is a path.
    let has_only_name = own.is_empty() && !usual.is_empty() && !path.starts_with('/');
    let is_title = plain_name(basename(path)) != recipe.program() || has_only_name;
    let command = if is_title || own == usual {
        None
    } else {
        Some(without_greeting(&argv))
    };
    Some(Recognised {
        recipe,
        program,
        command,
        is_guess: is_title,
    })
}

/// How well a process fits: not at all, by one of its names, by its program, or by its arguments
/// too.
fn fit(program: &Program, recipe: &Recipe) -> u32 {
    let argv = started_by(program);
    if argv
        .first()
        .is_some_and(|path| plain_name(basename(path)) == recipe.program())
    {
        let (own, usual) = (
            argv.get(1..).unwrap_or_default(),
            recipe.command.get(1..).unwrap_or_default(),
        );
        let more = u32::try_from(usual.len()).unwrap_or(u32::MAX - 4);
        return if own.starts_with(usual) { 4 + more } else { 3 };
    }
    if is_started_by_another(program, recipe) {
        return 2;
    }
    let mut names = recipe
        .process_names
        .iter()
        .filter(|name| !is_interpreter(name));
    match names.position(|name| program.is_called(name)) {
        Some(0) => 2,
        Some(_) => 1,
        None => u32::from(program.is_called(recipe.program()) && !is_interpreter(recipe.program())),
    }
}

/// Whether a process is an interpreter that runs the client's script: `node …/claude.exe`.
fn is_started_by_another(program: &Program, recipe: &Recipe) -> bool {
    let runs_a_script = |path: &String| {
        plain_name(basename(path)) != recipe.program() && is_interpreter(basename(path))
    };
    let client = client_of(&program.argv);
    let is_its = recipe.is_built_in && client == Some(recipe.name.as_str());
    is_its && started_by(program).first().is_some_and(runs_a_script)
}

/// The argv a process was started by: without the interpreter that the kernel puts before a script.
pub(super) fn started_by(program: &Program) -> Vec<String> {
    let is_itself =
        |path: &String| basename(path).get(..15).unwrap_or(basename(path)) == program.comm;
    let argv = &program.argv;
    if argv
        .first()
        .is_some_and(|path| is_itself(path) || !is_interpreter(basename(path)))
    {
        return argv.clone();
    }
    // The script is the first or second argument: `#!/bin/sh -e` has one of its own.
    let script = argv.iter().take(3).position(is_itself);
    script
        .and_then(|at| argv.get(at..))
        .unwrap_or(argv)
        .to_vec()
}

/// The same without what gt greets a new agent with: it would be stale at the next start.
fn without_greeting(argv: &[String]) -> Vec<String> {
    let greets = |argument: &String| argument.contains("[GAS TOWN]");
    let end = argv
        .iter()
        .rposition(|argument| !greets(argument))
        .map_or(0, |at| at + 1);
    argv.get(..end).unwrap_or_default().to_vec()
}

pub(super) fn is_interpreter(name: &str) -> bool {
    INTERPRETERS.contains(&name)
}

/// The last part of a program's path; a login shell's hyphen does not count.
pub(super) fn basename(path: &str) -> &str {
    path.rsplit('/')
        .next()
        .unwrap_or(path)
        .trim_start_matches('-')
}
