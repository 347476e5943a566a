//! What a command line really runs. `bash worker.sh` runs `worker.sh`; `env A=1 claude` runs
//! `claude`.
//!
//! The name of an interpreter or a wrapper does not say what runs in it. So no agent is recognised
//! by such a name alone.

use super::process;
use crate::model::Program;

/// Programs that run a script. Their names are without a version.
const INTERPRETERS: [&str; 28] = [
    "sh",
    "ash",
    "bash",
    "dash",
    "zsh",
    "fish",
    "ksh",
    "mksh",
    "csh",
    "tcsh",
    "python",
    "pypy",
    "node",
    "nodejs",
    "bun",
    "deno",
    "tsx",
    "ts-node",
    "ruby",
    "perl",
    "php",
    "lua",
    "luajit",
    "java",
    "pwsh",
    "tclsh",
    "Rscript",
    "osascript",
];
/// The shells among them.
const SHELLS: [&str; 10] = [
    "sh", "ash", "bash", "dash", "zsh", "fish", "ksh", "mksh", "csh", "tcsh",
];
/// Programs that run the command given as their arguments.
const WRAPPERS: [&str; 29] = [
    "env",
    "nice",
    "nohup",
    "setsid",
    "stdbuf",
    "timeout",
    "ionice",
    "chrt",
    "taskset",
    "time",
    "exec",
    "sudo",
    "doas",
    "command",
    "busybox",
    "flock",
    "npx",
    "bunx",
    "pnpx",
    "npm",
    "pnpm",
    "yarn",
    "uv",
    "uvx",
    "pipx",
    "poetry",
    "unbuffer",
    "systemd-run",
    "xvfb-run",
];
/// Words between a wrapper and the command: `uv run agent.py`.
const SUBCOMMANDS: [&str; 7] = ["run", "exec", "dlx", "x", "tool", "task", "serve"];
/// File names that say nothing; the folder names the program.
const GENERIC: [&str; 7] = ["cli", "index", "main", "start", "run", "app", "__main__"];
/// Endings of scripts that belong to an agent. `claude.sh` is left out: it is a user's own script.
const ENDINGS: [&str; 8] = ["js", "mjs", "cjs", "ts", "mts", "py", "rb", "exe"];
/// The most wrappers that are removed from a command line.
const MOST_WRAPPERS: usize = 8;

/// What a command line runs.
#[derive(Debug, Clone, PartialEq, Eq)]
enum What {
    /// A program or a script, by its path or name.
    File(String),
    /// An inline script, or the name of a module.
    Text(String),
}

/// What a command line runs, and by which interpreter.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Run {
    /// The interpreter's name without a version. `None` where a wrapper runs the program directly.
    by: Option<String>,
    what: What,
}

impl Run {
    /// `None` if the first word is neither an interpreter nor a wrapper, or runs nothing.
    fn of(argv: &[String]) -> Option<Self> {
        let mut words = argv;
        for round in 0..MOST_WRAPPERS {
            let (program, after) = words.split_first()?;
            let name = basename(program);
            if WRAPPERS.contains(&name) {
                words = wrapped(name, after);
            } else if let Some(interpreter) = interpreter(name) {
                let what = given(interpreter, after)?;
                return Some(Self {
                    by: Some(interpreter.to_owned()),
                    what,
                });
            } else {
                let is_wrapped = round > 0;
                return is_wrapped.then(|| Self {
                    by: None,
                    what: What::File(program.clone()),
                });
            }
        }
        None
    }

    /// Whether both run the same. Of a file only the last part of its path is compared.
    fn is_same(&self, other: &Self) -> bool {
        let is_same_thing = match (&self.what, &other.what) {
            (What::File(one), What::File(other)) => basename(one) == basename(other),
            (What::Text(one), What::Text(other)) => one == other,
            (What::File(_), What::Text(_)) | (What::Text(_), What::File(_)) => false,
        };
        self.by == other.by && is_same_thing
    }

    /// Whether it runs the program of this name. `/opt/claude`, `claude.js` and
    /// `…/claude-code/cli.js` all run `claude`.
    fn is_called(&self, name: &str) -> bool {
        let path = match &self.what {
            What::File(path) => path,
            What::Text(text) => return text == name,
        };
        let file = basename(path);
        let stem = file
            .rsplit_once('.')
            .filter(|(_, end)| ENDINGS.contains(end))
            .map_or(file, |(stem, _)| stem);
        let is_of = |folder: &str| {
            folder == name
                || folder
                    .strip_prefix(name)
                    .is_some_and(|suffix| suffix.starts_with('-'))
        };
        let is_in_its_folder = || path.rsplit('/').skip(1).any(is_of);
        file == name || stem == name || (GENERIC.contains(&stem) && is_in_its_folder())
    }
}

/// How to recognise a session's agent among processes without a tag.
#[derive(Debug, Clone)]
pub struct AgentSignature<'a> {
    /// The declared names, without those of interpreters.
    names: Vec<String>,
    /// The declared command, if it starts with an interpreter or a wrapper.
    command: Option<&'a [String]>,
    /// What that command runs.
    run: Option<Run>,
}

impl<'a> AgentSignature<'a> {
    /// Made of the declared process names and the declared command.
    #[must_use]
    pub fn new(names: &[String], command: &'a [String]) -> Self {
        let run = Run::of(command);
        let is_telling = |name: &&String| !is_interpreter(name);
        let mut names: Vec<String> = names.iter().filter(is_telling).cloned().collect();
        if let Some(Run {
            by: None,
            what: What::File(program),
        }) = &run
        {
            names.push(program.clone());
        }
        let is_through_another = command
            .first()
            .is_some_and(|program| is_interpreter(program));
        Self {
            names,
            command: is_through_another.then_some(command),
            run,
        }
    }

    /// Whether this process is the agent.
    ///
    /// It is if it has one of the names, runs a script of such a name, or runs the same as the
    /// declared command. If the declared command is an interpreter alone, all arguments must be equal.
    #[must_use]
    pub fn is(&self, pid: u32, comm: &str) -> bool {
        if process::names(pid, comm).matches(&self.names) {
            return true;
        }
        let argv = process::argv(pid, Program::MAX_ARGV).unwrap_or_default();
        self.is_run_by(&unfolded(argv))
    }

    fn is_run_by(&self, argv: &[String]) -> bool {
        let Some(run) = Run::of(argv) else {
            let Some(command) = self.command.filter(|_| self.run.is_none()) else {
                return false;
            };
            return is_same_argv(command, argv);
        };
        let is_named = || self.names.iter().any(|name| run.is_called(basename(name)));
        self.run.as_ref().is_some_and(|own| own.is_same(&run)) || is_named()
    }
}

/// Whether this program is an interpreter or a wrapper, so that its name does not say what runs.
#[must_use]
pub fn is_interpreter(program: &str) -> bool {
    let name = basename(program);
    interpreter(name).is_some() || WRAPPERS.contains(&name)
}

/// Whether both have equal arguments. Of the program only the last part of its path is compared.
fn is_same_argv(left: &[String], right: &[String]) -> bool {
    let last = |argv: &[String]| {
        argv.first()
            .map(|path| path.rsplit('/').next().unwrap_or(path).to_owned())
    };
    last(left) == last(right) && left.get(1..) == right.get(1..)
}

/// Splits a title that replaces the arguments, such as `npm run dev`.
fn unfolded(argv: Vec<String>) -> Vec<String> {
    match argv.as_slice() {
        [title] if title.contains(' ') => title.split_whitespace().map(str::to_owned).collect(),
        _ => argv,
    }
}

/// The interpreter of this name without its version: `python` for `python3.12`.
fn interpreter(name: &str) -> Option<&'static str> {
    let plain = name.strip_suffix(".exe").unwrap_or(name);
    let plain = plain.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.' || c == '-');
    let matched = INTERPRETERS
        .iter()
        .copied()
        .find(|candidate| *candidate == plain)?;
    Some(if matched == "nodejs" { "node" } else { matched })
}

/// The last part of a path, without the hyphen of a login shell.
fn basename(path: &str) -> &str {
    let name = path.trim_end_matches('/');
    name.rsplit('/')
        .next()
        .unwrap_or(name)
        .trim_start_matches('-')
}

/// Options of a wrapper that take the next word as their value.
fn values_of_wrapper(wrapper: &str) -> &'static [&'static str] {
    match wrapper {
        "env" => &["-u", "--unset", "-C", "--chdir"],
        "nice" => &["-n", "--adjustment"],
        "timeout" => &["-k", "--kill-after", "-s", "--signal"],
        "stdbuf" => &["-i", "-o", "-e"],
        "ionice" => &["-c", "-n", "--class", "--classdata"],
        "flock" => &["-w", "--timeout", "-E"],
        "sudo" | "doas" => &["-u", "-g", "-C", "-D", "-h", "-p", "-r", "-t", "-U"],
        "exec" => &["-a"],
        "npx" | "bunx" | "pnpx" | "npm" | "pnpm" | "yarn" => {
            &["-p", "--package", "--prefix", "-C", "--dir"]
        }
        "uv" | "uvx" | "pipx" | "poetry" => &[
            "--from",
            "--with",
            "--spec",
            "-p",
            "--python",
            "--directory",
            "-C",
        ],
        "systemd-run" => &["-p", "-u", "--unit", "--property", "-E"],
        "xvfb-run" => &["-n", "-s", "-f"],
        _ => &[],
    }
}

/// The command that follows a wrapper and the wrapper's own arguments.
fn wrapped<'a>(wrapper: &str, after: &'a [String]) -> &'a [String] {
    let values = values_of_wrapper(wrapper);
    // These take one argument of their own: `timeout 60 …`, `taskset ff …`, `flock FILE …`.
    let mut own_words = usize::from(["timeout", "taskset", "chrt", "flock"].contains(&wrapper));
    let is_runner = [
        "npx", "bunx", "pnpx", "npm", "pnpm", "yarn", "uv", "uvx", "pipx", "poetry",
    ]
    .contains(&wrapper);
    let mut words = after;
    while let Some((word, after)) = words.split_first() {
        let is_assignment = wrapper == "env" && word.contains('=');
        let is_subcommand = is_runner && SUBCOMMANDS.contains(&word.as_str());
        if word == "--" {
            return after;
        } else if values.contains(&word.as_str()) {
            words = after.get(1..).unwrap_or_default();
        } else if word.starts_with('-') || is_assignment || is_subcommand {
            words = after;
        } else if own_words > 0 {
            own_words -= 1;
            words = after;
        } else {
            return words;
        }
    }
    words
}

/// Options of an interpreter that take the next word as their value.
fn values_of(interpreter: &str) -> &'static [&'static str] {
    match interpreter {
        "python" | "pypy" => &["-W", "-X", "-Q", "--check-hash-based-pycs"],
        "node" | "tsx" | "ts-node" | "bun" | "deno" => &[
            "-r",
            "--require",
            "--import",
            "--loader",
            "--experimental-loader",
            "-C",
            "--conditions",
            "--config",
        ],
        "ruby" => &["-I", "-r", "-C", "-E"],
        "perl" => &["-I"],
        "php" => &["-d", "-c"],
        "lua" | "luajit" => &["-l"],
        "java" => &[
            "-cp",
            "-classpath",
            "--class-path",
            "-p",
            "--module-path",
            "--add-opens",
        ],
        shell if SHELLS.contains(&shell) => &[
            "-o",
            "-O",
            "+o",
            "+O",
            "--rcfile",
            "--init-file",
            "-C",
            "--init-command",
        ],
        _ => &[],
    }
}

/// Whether the next word is an inline script or a module: `sh -c …`, `python -m …`.
fn is_inline(interpreter: &str, option: &str) -> bool {
    let letters = option
        .strip_prefix('-')
        .filter(|letters| !letters.starts_with('-'))
        .unwrap_or_default();
    match interpreter {
        "python" | "pypy" => letters.ends_with(['c', 'm']),
        "node" | "tsx" | "ts-node" | "bun" | "deno" => {
            ["-e", "--eval", "-p", "--print", "-pe"].contains(&option)
        }
        "ruby" | "lua" | "luajit" | "osascript" | "Rscript" => letters.ends_with('e'),
        "perl" => letters.ends_with(['e', 'E']),
        "php" => option == "-r",
        "java" => option == "-jar" || option == "-m",
        "pwsh" => ["-c", "-Command", "-e", "-EncodedCommand"].contains(&option),
        shell if SHELLS.contains(&shell) => letters.contains('c') || option == "--command",
        _ => false,
    }
}

/// What follows an interpreter and its options.
fn given(interpreter: &str, after: &[String]) -> Option<What> {
    let values = values_of(interpreter);
    let has_subcommands = ["bun", "deno"].contains(&interpreter);
    let mut words = after;
    loop {
        let (word, after) = words.split_first()?;
        let is_subcommand = has_subcommands && SUBCOMMANDS.contains(&word.as_str());
        let is_option = word.len() > 1 && word.starts_with(['-', '+']);
        if is_option && is_inline(interpreter, word) {
            return after.first().cloned().map(What::Text);
        }
        if word == "--" {
            return after.first().cloned().map(What::File);
        }
        // It reads its script from the standard input.
        if word == "-" {
            return None;
        }
        if !is_option && !is_subcommand {
            return Some(What::File(word.clone()));
        }
        words = if values.contains(&word.as_str()) {
            after.get(1..)?
        } else {
            after
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<String> {
        line.split(' ').map(str::to_owned).collect()
    }

    #[test]
    fn what_stands_behind_an_interpreter_is_what_runs() {
        let file = |name: &str| Some(What::File(name.to_owned()));
        let text = |name: &str| Some(What::Text(name.to_owned()));
        for (argv, what) in [
            ("bash worker.sh -x", file("worker.sh")),
            ("bash -e +x -o pipefail worker.sh", file("worker.sh")),
            ("/bin/bash --norc", None),
            ("-bash", None),
            ("bash -s", None),
            ("python3 -X dev agent.py", file("agent.py")),
            ("python3.12 -u agent.py --port 1", file("agent.py")),
            ("python3 -", None),
            ("python3 -um aider", text("aider")),
            ("sh -c true", text("true")),
            ("bash -lc claude", text("claude")),
            (
                "node --require x.js /usr/bin/claude --model opus",
                file("/usr/bin/claude"),
            ),
            (
                "node --max-old-space-size=4096 /usr/bin/gemini",
                file("/usr/bin/gemini"),
            ),
            ("deno run -A bot.ts", file("bot.ts")),
            ("perl -ne print", text("print")),
            ("env -u A B=1 nice -n 5 claude --x", file("claude")),
            ("timeout -k 5 60 bash job.sh", file("job.sh")),
            ("busybox sh job.sh", file("job.sh")),
            ("uv run agent.py", file("agent.py")),
            ("java -cp a:b -jar x.jar", text("x.jar")),
            ("claude --model opus", None),
            ("nohup", None),
        ] {
            assert_eq!(Run::of(&words(argv)).map(|run| run.what), what, "{argv}");
        }
    }

    #[test]
    fn an_interpreter_is_the_agent_only_with_what_was_declared_for_it() {
        let is = |declared: &str, names: &[&str], running: &str| {
            let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
            let command = words(declared);
            AgentSignature::new(&names, &command).is_run_by(&unfolded(words(running)))
        };
        for (declared, running) in [
            ("bash watch.sh", "/usr/bin/bash /x/watch.sh --fast"),
            ("bash watch.sh", "bash -e watch.sh"),
            ("python3 agent.py", "python3.12 -u agent.py"),
            ("env A=1 python3 agent.py", "python3 agent.py"),
            ("sh -c true", "/bin/sh -c true"),
            ("bash", "/bin/bash"),
            ("bash --norc", "bash --norc"),
            ("timeout 60 bash x.sh", "bash x.sh"),
        ] {
            assert!(
                is(declared, &["bash", "python3", "sh"], running),
                "{declared}: {running}"
            );
        }
        for (declared, running) in [
            ("bash watch.sh", "bash"),
            ("bash watch.sh", "-bash"),
            ("bash watch.sh", "bash --norc"),
            ("bash watch.sh", "bash other.sh"),
            ("bash watch.sh", "python3 watch.sh"),
            ("bash watch.sh", "vim watch.sh"),
            ("python3 agent.py", "python3 other.py"),
            ("python3 agent.py", "python3 -c import time"),
            ("python3 agent.py", "python3"),
            ("sh -c true", "sh -c false"),
            ("bash", "-bash"),
            ("bash", "bash --norc"),
            ("bash", "bash x.sh"),
            ("env A=1", "env B=2 sleep 9"),
        ] {
            assert!(
                !is(declared, &["bash", "python3", "sh", "env"], running),
                "{declared}: {running}"
            );
        }
    }

    #[test]
    fn a_client_that_an_interpreter_runs_is_known_by_its_script() {
        let is = |name: &str, running: &str| {
            let names = [name.to_owned(), "node".to_owned(), "python".to_owned()];
            let command = [name.to_owned()];
            AgentSignature::new(&names, &command).is_run_by(&words(running))
        };
        assert!(is("claude", "node /usr/bin/claude") && is("claude", "node claude.js"));
        assert!(is(
            "claude",
            "node --no-warnings /lib/node_modules/@anthropic-ai/claude-code/cli.js --model x"
        ));
        assert!(is(
            "gemini",
            "/usr/bin/node --max-old-space-size=8 /opt/bin/gemini"
        ));
        assert!(is("aider", "/v/bin/python /v/bin/aider") && is("aider", "python3 -m aider"));
        assert!(
            !is("claude", "node /home/claude/other.js") && !is("claude", "node /usr/bin/claudette")
        );
        assert!(
            !is("claude", "node server.js") && !is("claude", "node") && !is("claude", "vim claude")
        );
        assert!(!is("claude", "bash claude.sh"));
    }
}
