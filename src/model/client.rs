//! Finds the agent whose client a program is, by its name or by the command line that starts it.

/// The agents, with the names of their programs and packages.
const CLIENTS: [(&str, &[&str]); 8] = [
    ("claude", &["claude", "claude-code"]),
    ("kimigas", &["kimigas"]),
    ("kimi", &["kimi", "kimi-cli", "kimi_cli"]),
    ("kimi-code", &["kimi-code"]),
    ("codex", &["codex"]),
    ("gemini", &["gemini", "gemini-cli"]),
    ("opencode", &["opencode", "opencode-ai"]),
    ("aider", &["aider", "aider-chat"]),
];

/// Programs that only start another program. Its name is their first word that is no option.
const STARTERS: [&str; 28] = [
    "env", "exec", "nice", "nohup", "setsid", "timeout", "stdbuf", "ionice", "chrt", "command",
    "npx", "bunx", "pnpx", "npm", "pnpm", "yarn", "bun", "deno", "node", "nodejs", "uv", "uvx",
    "pipx", "python", "python3", "tsx", "sudo", "time",
];

/// Words of these programs that may come before the name of the other program.
const SUBCOMMANDS: [&str; 6] = ["exec", "dlx", "run", "x", "tool", "-m"];

/// Shells that run a script after `-c`.
const SHELLS: [&str; 6] = ["sh", "bash", "dash", "zsh", "ksh", "fish"];

/// The names of machines that may follow the name of a program.
const MACHINES: [&str; 10] = [
    "x86_64", "aarch64", "arm64", "amd64", "x64", "x86", "linux", "darwin", "musl", "win32",
];

/// How many words of a command line are read.
const MAX_WORDS: usize = 32;

/// The agent whose client a command line starts.
///
/// The program may be started by `env`, `npx`, a shell's `exec` and the like: `["npx", "-y",
/// "@openai/codex"]` starts `codex`.
#[must_use]
pub fn client_of(argv: &[String]) -> Option<&'static str> {
    let words: Vec<&str> = argv.iter().map(String::as_str).take(MAX_WORDS).collect();
    client_of_words(&words)
}

/// Which word of a command line names the client. None where a script hides it, and where `npm`
/// starts it, which would take the client's arguments for its own.
///
/// ```
/// use gtctl::model::client_word;
/// let argv = ["env", "A=b", "claude", "--model", "opus"].map(str::to_owned);
/// assert_eq!(client_word(&argv), Some(2));
/// ```
#[must_use]
pub fn client_word(argv: &[String]) -> Option<usize> {
    let words: Vec<&str> = argv.iter().map(String::as_str).take(MAX_WORDS).collect();
    let mut at = 0;
    loop {
        let rest = words.get(at..)?;
        let first = rest.first()?;
        if client_called(first).is_some() {
            return Some(at);
        }
        let name = plain_name(basename(first));
        if name == "npm" || !STARTERS.contains(&name) {
            return None;
        }
        at += 1 + passed_words(rest.get(1..)?);
    }
}

/// How many words of a starting program come before the name of what it starts.
fn passed_words(words: &[&str]) -> usize {
    let is_passed = |word: &&&str| {
        let is_number = word.starts_with(|c: char| c.is_ascii_digit());
        word.starts_with('-') || word.contains('=') || is_number || SUBCOMMANDS.contains(word)
    };
    words.iter().take_while(is_passed).count()
}

fn client_of_words(argv: &[&str]) -> Option<&'static str> {
    let (program, arguments) = argv.split_first()?;
    if let Some(client) = client_called(program) {
        return Some(client);
    }
    let name = basename(program);
    if SHELLS.contains(&name) {
        return client_in_script(arguments);
    }
    if !STARTERS.contains(&plain_name(name)) {
        return None;
    }
    client_of_words(arguments.get(passed_words(arguments)..)?)
}

/// The client that the last command of a shell's script starts.
fn client_in_script(arguments: &[&str]) -> Option<&'static str> {
    // `-c`, also together with other options: `-lc`.
    let is_script_option =
        |word: &&str| word.starts_with('-') && !word.starts_with("--") && word.ends_with('c');
    let option = arguments.iter().position(is_script_option)?;
    let script = arguments.get(option + 1)?;
    let last_command = script
        .rsplit([';', '&', '\n'])
        .map(str::trim)
        .find(|command| !command.is_empty())?;
    let is_quote = |c: char| c == '"' || c == '\'';
    let words: Vec<&str> = last_command
        .split_whitespace()
        .map(|word| word.trim_matches(is_quote))
        .take(MAX_WORDS)
        .collect();
    client_of_words(&words)
}

/// The agent whose client has this name or path: `claude.exe`, `codex-x86_64-unknown-linux-musl`,
/// `@openai/codex`.
fn client_called(program: &str) -> Option<&'static str> {
    let name = plain_name(basename(program));
    let is_called = |(_, names): &&(&'static str, &[&str])| names.contains(&name);
    let by_name = CLIENTS.iter().find(is_called).map(|(client, _)| *client);
    // A script in the folder of its package: `…/@anthropic-ai/claude-code/cli.js`.
    let in_package = || {
        let folders = program
            .rsplit_once("node_modules/")
            .map_or("", |(_, path)| path);
        folders
            .split('/')
            .find_map(|part| CLIENTS.iter().find(|(_, names)| names.contains(&part)))
    };
    by_name.or_else(|| in_package().map(|(client, _)| *client))
}

/// The name of a program without its ending, its version and its machine, and without what Nix adds
/// to the name of a program that it wraps.
///
/// Examples: `codex` for `codex-x86_64-linux`, `claude` for `.claude-wrapped`.
#[must_use]
pub fn plain_name(name: &str) -> &str {
    let wrapped = name
        .strip_prefix('.')
        .and_then(|name| name.trim_end_matches('_').strip_suffix("-wrapped"));
    let name = wrapped.unwrap_or(name);
    let name = [".exe", ".cmd", ".js", ".mjs", ".py"]
        .iter()
        .find_map(|end| name.strip_suffix(end))
        .unwrap_or(name);
    // `@1.2.3` is the version of a package. An `@` at the beginning belongs to a scope.
    let name = name
        .char_indices()
        .skip(1)
        .find(|(_, c)| *c == '@')
        .and_then(|(at, _)| name.get(..at))
        .unwrap_or(name);
    let is_version_or_machine = |part: &str| {
        let part = part.strip_prefix('v').unwrap_or(part);
        part.starts_with(|c: char| c.is_ascii_digit())
            || MACHINES.iter().any(|machine| part.starts_with(machine))
    };
    let end = name
        .char_indices()
        .skip(1)
        .filter(|(_, c)| *c == '-' || *c == '_')
        .map(|(at, _)| at)
        .find(|at| name.get(at + 1..).is_some_and(is_version_or_machine));
    end.and_then(|end| name.get(..end)).unwrap_or(name)
}

fn basename(path: &str) -> &str {
    path.trim_end_matches('/')
        .rsplit('/')
        .next()
        .unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(words: &[&str]) -> Option<&'static str> {
        client_of(
            &words
                .iter()
                .map(|word| (*word).to_owned())
                .collect::<Vec<_>>(),
        )
    }

    #[test]
    fn a_client_is_known_behind_what_starts_it() {
        for argv in [
            &["claude", "--model", "opus"][..],
            &["/opt/bin/claude"],
            &["./claude"],
            &["claude.exe"],
            &["env", "A=b", "-u", "claude"],
            &["env", "-i", "A=b", "/usr/bin/claude", "-p", "x"],
            &["npx", "-y", "@anthropic-ai/claude-code@2.1.3"],
            &["pnpm", "dlx", "claude-code"],
            &["timeout", "1h", "nice", "-n5", "claude"],
            &[
                "node",
                "--no-warnings",
                "/usr/lib/node_modules/@anthropic-ai/claude-code/cli.js",
            ],
            &["bash", "-lc", "cd /x && exec env A=b claude --model 'opus'"],
            &["claude-2.1.332"],
            &["/nix/store/x-claude-code-2.1.3/bin/.claude-wrapped"],
            &[
                "node",
                "/nix/store/x/lib/node_modules/@anthropic-ai/claude-code/.claude-wrapped_",
            ],
        ] {
            assert_eq!(client(argv), Some("claude"), "{argv:?}");
        }
        assert_eq!(client(&["codex-x86_64-unknown-linux-musl"]), Some("codex"));
        assert_eq!(client(&["npx", "@openai/codex"]), Some("codex"));
        assert_eq!(
            client(&["npx", "@moonshot-ai/kimi-code"]),
            Some("kimi-code")
        );
        assert_eq!(client(&["uvx", "--from", "kimi"]), Some("kimi"));
        for argv in [
            &["claude-code-router"][..],
            &["vim", "claude"],
            &["bash", "claude.sh"],
            &["env"],
            &["my-claude"],
            &[],
        ] {
            assert_eq!(client(argv), None, "{argv:?}");
        }
    }
}
