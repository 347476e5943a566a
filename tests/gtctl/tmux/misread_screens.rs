//! What an agent shows is not what it says: tasks on its screen, agents under names of one's own.

use crate::harness::{Yard, of};
use serde_json::json;

/// A client that runs without a screen of its own: it shows the task it was given, then works.
const CODEX: &str = r#"#!/bin/bash
case $1 in
argv) printf 'workdir: %s\n--------\nuser\n%s\n' "$PWD" "$2";;
file) printf 'workdir: %s\n--------\nuser\n%s\n' "$PWD" "$(<"$2")";;
stdin) printf 'user\n%s\n' "$(cat)";;
wrapped) printf 'user\n%s\n' "$(fold -s -w 24 <<<"$2")";;
indented) sed 's/^/    /' <<<"$2";;
quoted) sed 's/^/  > /' <<<"$2";;
boxed) printf '╭────╮\n'; sed 's/^/│ /; s/$/  │/' <<<"$2"; printf '╰────╯\n';;
listed) sed 's/^/• /' <<<"$2";;
tail) tail -n 3 <<<"$2";;
slow) printf 'user\n'; while read -r line; do printf '%s\n' "$line"; sleep 0.3; done <<<"$2";;
env) printf 'task: %s\n' "$TASK";;
esac
case $3 in
'') ;;
*) sleep 1; printf 'codex\nThe login works.\n%s\n' "$3";;
esac
exec sleep 3600
"#;

const DONE: &str = "IMPL_DONE:ok";

const ENGLISH: &str = "Fix the login. After that the last line is IMPL_DONE:ok";
const CHINESE: &str = "修复登录。成功后打印 IMPL_DONE:ok 并停止。";
const GERMAN: &str = "Repariere die Anmeldung. Ganz zuletzt kommt IMPL_DONE:ok.";
const RUSSIAN: &str = "Исправь вход. В самом конце выведи\nIMPL_DONE:ok\nи остановись.";
const JAPANESE: &str = "ログインを直してください。最後の行は\n\nIMPL_DONE:ok\n";
const OWN_LINE: &str = "Fix the login and run the tests. As the very last step of all this, put on a line of its own\n\nIMPL_DONE:ok\n\nand stop.";
const FIRST: &str = "IMPL_DONE:ok\nis what stands in the last line once the login is fixed.";

/// A session that runs this command line.
fn task(name: &str, command: &[&str], more: &str) -> String {
    format!(
        "[[session]]\nsession = \"{name}\"\ncommand = {}\n{more}\n",
        json!(command)
    )
}

fn phase(yard: &Yard, session: &str) -> String {
    let page = yard.gtctl(&["status", "-o", "json"]).json();
    let line = of(&page, "sessions", session);
    line.map_or_else(String::new, |line| {
        line["phase"].as_str().unwrap_or_default().to_owned()
    })
}

/// The output that has come from a session.
fn output(yard: &Yard, session: &str) -> String {
    yard.read(&format!(
        "xdg/gtctl/{}/logs/{session}/latest.log",
        yard.town
    ))
}

#[test]
#[expect(
    clippy::too_many_lines,
    reason = "one scene from its beginning to its end"
)]
fn a_marker_in_a_task_that_is_shown_completes_nothing_and_the_agents_own_does() {
    let yard = Yard::new("");
    yard.shim("codex", CODEX);
    let mut shown = Vec::new();
    let tasks = [ENGLISH, CHINESE, GERMAN, RUSSIAN, JAPANESE, OWN_LINE, FIRST];
    for (text, language) in tasks
        .iter()
        .zip(["en", "zh", "de", "ru", "ja", "own", "first"])
    {
        yard.write(&format!("{language}.md"), text);
        for how in [
            "argv", "wrapped", "indented", "quoted", "boxed", "listed", "slow",
        ] {
            shown.push((
                format!("{how}-{language}"),
                task(&format!("{how}-{language}"), &["codex", how, text], ""),
            ));
        }
        let file = format!("{language}.md");
        shown.push((
            format!("file-{language}"),
            task(&format!("file-{language}"), &["codex", "file", &file], ""),
        ));
    }
    let mut add = |name: &str, command: &[&str], more: &str| {
        shown.push((name.to_owned(), task(name, command, more)));
    };
    add("stdin", &["sh", "-c", "codex stdin <own.md"], "");
    add(
        "script",
        &["bash", "-c", &format!("codex argv '{CHINESE}'")],
        "",
    );
    add(
        "env",
        &["codex", "env"],
        &format!("env = {{ TASK = \"{CHINESE}\" }}"),
    );
    add("tail", &["codex", "tail", OWN_LINE], "");

    let done = [
        (
            "only-marker",
            task("only-marker", &["codex", "", "", DONE], ""),
        ),
        (
            "both-en",
            task("both-en", &["codex", "argv", ENGLISH, DONE], ""),
        ),
        (
            "both-zh",
            task("both-zh", &["codex", "argv", CHINESE, DONE], ""),
        ),
        (
            "both-own",
            task("both-own", &["codex", "boxed", OWN_LINE, DONE], ""),
        ),
        (
            "both-first",
            task("both-first", &["codex", "argv", FIRST, DONE], ""),
        ),
        (
            "bulleted",
            task(
                "bulleted",
                &["codex", "argv", OWN_LINE, &format!("● {DONE}")],
                "",
            ),
        ),
    ];
    let sessions: String = shown
        .iter()
        .map(|(_, text)| text.as_str())
        .chain(done.iter().map(|(_, t)| t.as_str()))
        .collect();
    let defaults = format!(
        "[defaults]\nagent = \"codex\"\nrestart = \"never\"\nready_after = \"0s\"\nmax_age = \"off\"\nidle_limit = \"off\"\n\
         completion = {{ markers = [\"{DONE}\"], grace = \"1h\" }}\n[limits]\nconcurrent_starts = 100\n"
    );
    yard.declare(&format!("{defaults}{sessions}"));
    yard.gtctl(&["apply", "--no-wait"]);
    yard.until("all tasks to be shown", || {
        shown
            .iter()
            .all(|(name, _)| output(&yard, name).contains(DONE))
    });
    for (name, _) in &done {
        yard.until(&format!("the end of {name}"), || {
            yard.gtctl(&["reconcile"]);
            phase(&yard, name) == "completed"
        });
    }
    yard.gtctl(&["reconcile"]);
    let page = yard.gtctl(&["status", "-o", "json"]).json();
    let completed: Vec<&str> = page["sessions"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|line| line["phase"] == "completed")
        .map(|line| line["session"].as_str().unwrap())
        .filter(|name| !done.iter().any(|(done, _)| done == name))
        .collect();
    assert_eq!(completed, [""; 0], "only shown");
}

/// What claude shows while it works.
const CLAUDE: &str = "#!/bin/sh\nprintf '✻ Cooking… (4s · esc to interrupt)\\n\\n❯ \\n'\nwhile :; do sleep 3600; done\n";

#[test]
fn an_agent_of_ones_own_name_is_read_as_the_client_that_it_starts() {
    let yard = Yard::new("");
    yard.shim("claude", CLAUDE);
    yard.declare(
        "[agents.claude-opus]\ncommand = [\"env\", \"MODEL=opus\", \"claude\"]\n\
         [agents.mine]\nlike = \"claude\"\ncommand = [\"sh\", \"-c\", \"claude\"]\n\
         [defaults]\nready_after = \"0s\"\n\
         [[session]]\nsession = \"by-program\"\nagent = \"claude-opus\"\n\
         [[session]]\nsession = \"by-word\"\nagent = \"mine\"\n",
    );
    yard.gtctl(&["validate"])
        .exits(0)
        .says("agent claude-opus is like claude");
    yard.gtctl(&["apply"]).exits(0);
    yard.gtctl(&["explain", "by-program", "--all"])
        .exits(0)
        .says("agent.like");
    yard.until("both to be seen at work", || {
        yard.gtctl(&["reconcile"]);
        let page = yard.gtctl(&["status", "-o", "json"]).json();
        let state =
            |name: &str| of(&page, "sessions", name).map(|line| line["screen"]["state"].clone());
        ["by-program", "by-word"]
            .iter()
            .all(|name| state(name) == Some(json!("busy")))
    });
    yard.write_manifest(
        "[town]\nname = \"x\"\n[agents.a]\nlike = \"cluade\"\n[[session]]\nsession = \"s\"\nagent = \"a\"\n",
    );
    yard.gtctl(&["validate"])
        .exits(1)
        .says("did you mean `claude`");
}

#[test]
fn a_client_is_known_under_the_other_names_of_its_program() {
    let yard = Yard::new("");
    for program in [
        "claude.exe",
        "claude-2.1.332",
        "codex-x86_64-unknown-linux-musl",
    ] {
        yard.shim(
            program,
            "#!/bin/sh\nprintf '❯ '\nwhile :; do sleep 3600; done\n",
        );
    }
    let of_agent = |name: &str, agent: &str| {
        format!("[[session]]\nsession = \"{name}\"\nagent = \"{agent}\"\n")
    };
    yard.declare(&(of_agent("a", "claude") + &of_agent("b", "claude") + &of_agent("c", "codex")));
    for (name, program) in [
        ("a", "claude.exe"),
        ("b", "claude-2.1.332"),
        ("c", "codex-x86_64-unknown-linux-musl"),
    ] {
        let path = yard.at("bin").join(program);
        yard.tmux(&[
            "new-session",
            "-d",
            "-s",
            name,
            &format!("exec {} --dangerously-skip-permissions", path.display()),
        ]);
    }
    yard.until("all to be adopted", || {
        let page = yard.gtctl(&["diff", "-o", "json"]).json();
        ["a", "b", "c"]
            .iter()
            .all(|name| of(&page, "steps", name).is_some_and(|step| step["action"] == "adopt"))
    });
}

/// An agent that waits at its prompt for ever.
const WAITS: &str = "#!/bin/sh\nprintf '● Done.\\n\\n❯ \\n'\nwhile :; do sleep 3600; done\n";

/// Starts a bare shell of this name, as a saver of sessions does after a reboot.
fn restore(yard: &Yard, name: &str) {
    yard.tmux(&["new-session", "-d", "-s", name, "exec bash --norc"]);
    yard.until("the shell", || {
        yard.format(name, "#{pane_current_command}") == "bash"
    });
}

#[test]
fn a_name_held_by_a_restored_shell_is_taken_by_adopt_replace_and_no_other() {
    let yard = Yard::new("");
    yard.shim("claude", WAITS);
    let names = ["idle", "works", "split", "vim", "watched"];
    let declared = |name: &&str| format!("[[session]]\nsession = \"{name}\"\nagent = \"claude\"\n");
    let sessions = names.iter().map(declared).collect::<Vec<_>>().concat();
    yard.declare(&format!("[defaults]\nready_after = \"0s\"\n{sessions}"));
    for name in names.iter().filter(|name| **name != "vim") {
        restore(&yard, name);
    }
    yard.tmux(&["new-session", "-d", "-s", "vim", "sleep", "100000"]);
    yard.tmux(&["send-keys", "-t", "=works:", "sleep 100000", "Enter"]);
    yard.until("its work", || {
        yard.format("works", "#{pane_current_command}") == "sleep"
    });
    yard.tmux(&["split-window", "-d", "-t", "=split:", "sleep", "100000"]);
    let client = yard.attach("watched");
    yard.gtctl(&["diff"]).exits(2).says("gtctl adopt --replace");

    let before: Vec<_> = names.iter().map(|name| yard.pid(name)).collect();
    for (name, why) in [
        ("works", "something runs in its bash"),
        ("split", "several panes"),
        ("vim", "which is no shell"),
        ("watched", "somebody is attached"),
    ] {
        yard.gtctl(&["adopt", "--replace", name]).exits(1).says(why);
    }
    yard.gtctl(&["adopt", "idle"]).exits(3);
    let untouched: Vec<_> = names.iter().map(|name| yard.pid(name)).collect();
    assert_eq!(untouched, before);

    yard.gtctl(&["adopt", "--replace", "idle"]).exits(0);
    let fresh = yard.fresh("idle", Some(before[0]));
    yard.gtctl(&["adopt", "--replace", "idle"])
        .exits(1)
        .says("it is gtctl's already");
    assert_eq!(yard.pid("idle"), fresh);
    client.kill();
}

#[test]
fn a_session_that_runs_its_agent_is_adopted_by_hand_without_a_restart() {
    let yard = Yard::new(
        "[defaults]\nready_after = \"0s\"\n[[session]]\nsession = \"a\"\nagent = \"claude\"\n",
    );
    yard.shim("claude", WAITS);
    yard.gtctl(&["adopt", "a"]).exits(1).says("gtctl start a");
    let program = yard.at("bin/claude");
    yard.tmux(&[
        "new-session",
        "-d",
        "-s",
        "a",
        &format!("exec {}", program.display()),
    ]);
    yard.until("its process", || {
        yard.gtctl(&["diff"]).out.contains("adopt")
    });
    let before = yard.pid("a");
    yard.gtctl(&["adopt", "--replace", "a"])
        .exits(1)
        .says("it runs its agent");
    yard.gtctl(&["adopt", "a"]).exits(0);
    assert_eq!(yard.pid("a"), before);
    yard.gtctl(&["verify"]).exits(0);
}

#[test]
fn doctor_knows_savers_that_bring_bare_shells_back() {
    let yard = Yard::new("[[session]]\nsession = \"a\"\ncommand = [\"sleep\", \"100000\"]\n");
    restore(&yard, "other");
    assert!(!yard.gtctl(&["doctor"]).out.contains("continuum"));
    yard.tmux(&["set-option", "-g", "@continuum-restore", "on"]);
    yard.gtctl(&["doctor"])
        .says("tmux-continuum restores sessions")
        .says("adopt --replace");
}

#[test]
fn sessions_whose_names_gtctl_cannot_keep_are_said_to_be_skipped() {
    let yard = Yard::new("[[policy]]\nmatch = \"task*\"\nmax_age = \"1h\"\n");
    for name in ["task 1", "task-größe", "task-3", "other one"] {
        yard.tmux(&["new-session", "-d", "-s", name, "sleep", "100000"]);
    }
    for verb in ["status", "diff"] {
        let said = yard
            .gtctl(&[verb])
            .says("skipped by [[policy]]")
            .says("task 1")
            .says("task-größe");
        assert!(
            !said.err.contains("other one") && !said.err.contains("task-3"),
            "{}",
            said.err
        );
    }
}

#[test]
fn import_keeps_the_environment_of_settings_and_names_what_it_cannot_map() {
    let yard = Yard::new("");
    yard.shim("claude", WAITS);
    for dir in ["gt/mayor", "gt/settings"] {
        std::fs::create_dir_all(yard.at(dir)).unwrap();
    }
    yard.write(
        "gt/mayor/town.json",
        r#"{"type":"town","version":2,"name":"acme"}"#,
    );
    yard.write("gt/mayor/rigs.json", r#"{"version":1,"rigs":{}}"#);
    yard.write(
        "gt/settings/config.json",
        r#"{"default_agent":"via-proxy","agents":{"via-proxy":{"command":"claude","args":["--dangerously-skip-permissions"],
           "env":{"ANTHROPIC_BASE_URL":"https://proxy.example.com"}}}}"#,
    );
    let program = yard.at("bin/claude");
    let command = format!(
        "exec env ANTHROPIC_BASE_URL=https://proxy.example.com API_TOKEN=hush {} --dangerously-skip-permissions",
        program.display()
    );
    yard.tmux(&["new-session", "-d", "-s", "hq-mayor", &command]);
    yard.until("its process", || {
        let pid = yard.process("hq-mayor").map_or(0, |process| process.pid);
        std::fs::read_to_string(format!("/proc/{pid}/comm"))
            .is_ok_and(|comm| comm.trim() == "claude")
    });
    let socket = yard.socket();
    let import = [
        "import",
        "--root",
        "gt",
        "--name",
        &yard.town,
        "--socket",
        socket.to_str().unwrap(),
    ];
    let said = yard
        .gtctl(&[&import[..], &["-f", "moved.toml"]].concat())
        .exits(0);
    assert!(
        said.out.contains("could not map") && said.out.contains("API_TOKEN"),
        "{}",
        said.out
    );
    let text = yard.read("moved.toml");
    for line in [
        "like = \"claude\"",
        "agent = \"via-proxy\"",
        "env = { \"ANTHROPIC_BASE_URL\" = \"https://proxy.example.com\" }",
        "API_TOKEN",
    ] {
        assert!(text.contains(line), "no {line} in\n{text}");
    }
    assert!(
        !text.contains("hush") && !said.out.contains("hush"),
        "no value of a process's own is shown"
    );
    yard.gtctl(&["-f", "moved.toml", "validate"]).exits(0);
    yard.gtctl(&["-f", "moved.toml", "apply"]).exits(0);
    yard.gtctl(&["-f", "moved.toml", "restart", "hq-mayor"])
        .exits(0);
    let environ = std::fs::read(format!("/proc/{}/environ", yard.pid("hq-mayor").pid)).unwrap();
    assert!(
        String::from_utf8_lossy(&environ).contains("ANTHROPIC_BASE_URL=https://proxy.example.com")
    );
}
