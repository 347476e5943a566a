//! Recognises the agent in a session, and the argv that started it.

use crate::gastown::Settings;
use crate::manifest::built_in_agents;
use crate::model::SortedMap;
use crate::model::{Program, client_of, plain_name};

/// An agent that can be recognised by its process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recipe {
    /// The name in the manifest.
    pub name: String,
    /// The argv that starts the agent.
    pub command: Vec<String>,
    /// The names that its process can have.
    pub process_names: Vec<String>,
    /// Variables that Gas Town's settings give it.
    pub env: SortedMap<String, String>,
    /// The built-in agent whose client it starts.
    pub like: Option<&'static str>,
    /// Whether gtctl knows the agent. The draft must declare any other.
    pub is_built_in: bool,
}

/// Programs that run any script. Such a process name says nothing about the agent.
const INTERPRETERS: [&str; 14] = [
    "sh", "bash", "dash", "zsh", "fish", "env", "node", "nodejs", "bun", "deno", "python",
    "python3", "ruby", "perl",
];

/// The agents that can be recognised: those of Gas Town's settings, then the built-in ones.
///
/// If two fit equally well, the first counts. So an agent of the settings wins over a built-in one.
#[must_use]
pub fn recipes(settings: &Settings) -> Vec<Recipe> {
    let from_settings = settings
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
        env: SortedMap::new(),
        like: None,
        is_built_in: true,
    });
    from_settings.chain(built_in).collect()
}

impl Recipe {
    /// The file name of the program that starts the agent.
    pub(super) fn program(&self) -> &str {
        self.command.first().map_or("", |program| basename(program))
    }
}

/// An agent that was recognised.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Recognised<'a> {
    pub(super) recipe: &'a Recipe,
    /// The agent's process.
    pub(super) program: &'a Program,
    /// The argv that started it. `None` if it is that of the recipe, or could not be read.
    pub(super) command: Option<Vec<String>>,
    /// Whether its arguments could not be read, so that those of the recipe are taken.
    pub(super) is_guess: bool,
}

/// The agent among the processes of a pane, which begin with the pane's own process.
///
/// The recipe that fits best counts. If two processes fit equally well, the one nearer to the pane
/// counts.
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
    let (command, is_guess) = command_of(program, recipe);
    Some(Recognised {
        recipe,
        program,
        command,
        is_guess,
    })
}

/// See [`Recognised`]: its `command`, and whether that is a guess.
fn command_of(program: &Program, recipe: &Recipe) -> (Option<Vec<String>>, bool) {
    let argv = started_by(program);
    let Some((path, arguments)) = argv.split_first() else {
        return (None, true);
    };
    if is_run_by_interpreter(program, recipe) {
        return (Some(without_greeting(&argv)), false);
    }
    let recipe_arguments = recipe.command.get(1..).unwrap_or_default();
    // A process can write a title over its arguments. They cannot be read then. A title is a name,
    // never a path.
    let may_hide_arguments =
        arguments.is_empty() && !recipe_arguments.is_empty() && !path.starts_with('/');
    let is_title = plain_name(basename(path)) != recipe.program() || may_hide_arguments;
    if is_title {
        (None, true)
    } else if arguments == recipe_arguments {
        (None, false)
    } else {
        (Some(without_greeting(&argv)), false)
    }
}

/// How well a recipe fits a process. A higher number is better:
///
/// | number | what fits |
/// |---|---|
/// | 0 | nothing |
/// | 1 | the program's name, or a process name but the first |
/// | 2 | the first process name, or a script that an interpreter runs |
/// | 3 | the program, but not all arguments of the recipe |
/// | 4 and more | the program and the arguments of the recipe; one more for each argument |
fn fit(program: &Program, recipe: &Recipe) -> u32 {
    let argv = started_by(program);
    if let Some((path, arguments)) = argv.split_first()
        && plain_name(basename(path)) == recipe.program()
    {
        let recipe_arguments = recipe.command.get(1..).unwrap_or_default();
        let count = u32::try_from(recipe_arguments.len()).unwrap_or(u32::MAX - 4);
        return if arguments.starts_with(recipe_arguments) {
            4 + count
        } else {
            3
        };
    }
    if is_run_by_interpreter(program, recipe) {
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

/// Whether a process is an interpreter that runs the agent's script, as in `node …/claude.exe`.
fn is_run_by_interpreter(program: &Program, recipe: &Recipe) -> bool {
    let is_other_interpreter = |path: &String| {
        plain_name(basename(path)) != recipe.program() && is_interpreter(basename(path))
    };
    let client = client_of(&program.argv);
    let is_client = recipe.is_built_in && client == Some(recipe.name.as_str());
    is_client
        && started_by(program)
            .first()
            .is_some_and(is_other_interpreter)
}

/// The argv that somebody typed to start a process.
///
/// For a script with `#!` the kernel puts the interpreter before it. That is left out:
/// `/bin/sh ./nightly.sh` gives `./nightly.sh`.
pub(super) fn started_by(program: &Program) -> Vec<String> {
    // The kernel keeps 15 bytes of a process name.
    let is_process_name =
        |path: &String| basename(path).get(..15).unwrap_or(basename(path)) == program.comm;
    let is_no_interpreter =
        |path: &String| is_process_name(path) || !is_interpreter(basename(path));
    let argv = &program.argv;
    if argv.first().is_some_and(is_no_interpreter) {
        return argv.clone();
    }
    // The script is the first or the second argument: `#!/bin/sh -e` puts `-e` before it.
    let script = argv.iter().take(3).position(is_process_name);
    script
        .and_then(|index| argv.get(index..))
        .unwrap_or(argv)
        .to_vec()
}

/// The argv without the greeting that gt gives a new agent as its last arguments.
///
/// The greeting is about one piece of work, so it would be wrong at the next start.
fn without_greeting(argv: &[String]) -> Vec<String> {
    let is_greeting = |argument: &String| argument.contains("[GAS TOWN]");
    let end = argv
        .iter()
        .rposition(|argument| !is_greeting(argument))
        .map_or(0, |last| last + 1);
    argv.get(..end).unwrap_or_default().to_vec()
}

pub(super) fn is_interpreter(name: &str) -> bool {
    INTERPRETERS.contains(&name)
}

/// The last part of a program's path, without the hyphen of a login shell: `bash` of `-bash`.
pub(super) fn basename(path: &str) -> &str {
    path.rsplit('/')
        .next()
        .unwrap_or(path)
        .trim_start_matches('-')
}
