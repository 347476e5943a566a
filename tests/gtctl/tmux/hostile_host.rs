//! Hostile surroundings: a user's tmux.conf, secrets, escape sequences, agents that do not want to
//! end.

use crate::harness::{QUICK, Yard, of, session, sleeper};
use gtctl::proc::process;
use std::fs;

const ESC: char = '\u{1b}';

#[test]
fn a_users_tmux_conf_does_no_harm() {
    let yard = Yard::new(&format!(
        "{QUICK}{}{}",
        sleeper("one", ""),
        session("ends", "exit 0", "restart = \"never\"")
    ));
    let conf = "set -g destroy-unattached on\nset -g base-index 1\nset -g pane-base-index 1\n\
                set -g remain-on-exit off\nset -g default-command \"false\"\nset -g exit-empty on\n\
                set -g default-shell /bin/false\nset -g renumber-windows on\n";
    yard.write("home/.tmux.conf", conf);
    yard.gtctl(&["apply"]).exits(0);
    assert_eq!(
        yard.tmux(&["show-options", "-gv", "default-command"]),
        "false",
        "the file is read"
    );
    assert_eq!(yard.sessions(), ["ends", "one"]);
    yard.gtctl(&["status"]).exits(0).says("completed");
    yard.gtctl(&["apply"]).exits(0);
    let one = yard.pid("one");
    yard.kill(one);
    yard.gtctl(&["apply"]).exits(0).says("restarted");
    assert_ne!(yard.pid("one"), one);
    assert_eq!(yard.marked("one").len(), 1);
}

#[test]
fn secrets_show_on_no_command_line() {
    let yard = Yard::new("");
    let secret = format!("s3cr3t-{}", yard.town);
    yard.write("secrets", &format!("TOKEN={secret}\n"));
    let script =
        "printf %s \"$TOKEN\" >$HOME/token.new; mv $HOME/token.new $HOME/token; exec sleep 1000";
    let one = session(
        "one",
        script,
        &format!("env_file = \"{}/secrets\"", yard.dir()),
    );
    yard.declare(&format!("{QUICK}{one}{}", sleeper("two", "")));
    let shows = || {
        let pids = fs::read_dir("/proc").unwrap().flatten();
        pids.filter_map(|entry| fs::read(entry.path().join("cmdline")).ok())
            .any(|line| String::from_utf8_lossy(&line).contains(&secret))
    };
    // The calls to tmux linger, for their command lines to be read.
    yard.shim(
        "tmux",
        &format!(
            "#!/bin/sh\n/bin/sleep 0.2\n{} \"$@\"\nr=$?\n/bin/sleep 0.2\nexit $r\n",
            *crate::harness::TMUX
        ),
    );
    for _ in 0..2 {
        let mut verb = yard.start(&["apply"]);
        while verb.is_running() {
            assert!(!shows());
        }
        verb.end().exits(0);
        assert!(!shows());
        yard.until("the secret to arrive", || yard.read("home/token") == secret);
        fs::remove_file(yard.at("home/token")).unwrap();
        yard.kill(yard.pid("one"));
    }
    for file in fs::read_dir(yard.state()).unwrap().flatten() {
        assert!(
            !String::from_utf8_lossy(&fs::read(file.path()).unwrap_or_default()).contains(&secret),
            "{file:?}"
        );
    }
}

#[test]
fn no_escape_sequence_reaches_the_output_of_any_verb() {
    let yard = Yard::new("");
    let dir = yard.at("d\u{1b}[31m\u{7}");
    fs::create_dir(&dir).unwrap();
    let wild =
        r"printf '\033]0;\033[31mtitle\007\033[2J\033[31mlast \033]52;c;AAAA\007words\n'; exit 3";
    let table = |name: &str, more: &str| {
        format!(
            "[[session]]\nsession = \"{name}\"\ncommand = [\"sh\", \"-c\", '''{wild}''', \"\\u001b[31m\"]\n{more}\n"
        )
    };
    let gone = "dir = \"nowhere\\u001b[31m\"";
    let manifest = format!(
        "{QUICK}{}{}{}",
        table(
            "one",
            "dir = \"d\\u001b[31m\\u0007\"\nbackoff = { burst = 1 }"
        ),
        table("two", gone),
        sleeper("taken", "")
    );
    yard.declare(&manifest);
    yard.tmux(&[
        "new-session",
        "-d",
        "-s",
        "taken",
        "tail",
        "-f",
        "/dev/null",
    ]);
    yard.tmux(&[
        "new-session",
        "-d",
        "-s",
        "x\u{1b}[31m",
        "tail",
        "-f",
        "/dev/null",
    ]);
    yard.tmux(&[
        "set-option",
        "-t",
        "=taken:",
        "@gtctl_label",
        "town=\u{1b}[31m\nother",
    ]);
    let mut texts = vec![];
    let mut note = |args: &[&str]| {
        let said = yard.gtctl(args);
        texts.push((format!("{args:?}"), said.out + &said.err));
    };
    note(&["diff"]);
    note(&["apply", "--timeout", "1s"]);
    yard.until("the crash", || {
        yard.gtctl(&["diff"]).out.contains("crash loop")
    });
    for verb in ["diff", "status", "verify", "reconcile", "validate", "apply"] {
        for output in ["text", "wide", "json"] {
            let timeout: &[&str] = if verb == "apply" {
                &["--timeout", "500ms"]
            } else {
                &[]
            };
            note(&[&[verb, "-o", output], timeout].concat());
        }
    }
    yard.declare(
        "[[session]]\nsession = \"\\u001b[31m\"\ncommand = [\"\u{1b}[31m\"]\n\u{1b}[31m = 1\n",
    );
    note(&["validate"]);
    note(&["validate", "--message-format", "json"]);
    note(&["diff", "no\u{1b}[31m.toml"]);
    for (verb, text) in &texts {
        assert!(!text.contains([ESC, '\u{7}', '\u{9b}']), "{verb}: {text:?}");
        assert!(
            !text.contains("\\u001b"),
            "{verb}: JSON would bring it back: {text:?}"
        );
    }
    assert!(
        texts
            .iter()
            .any(|(_, text)| text.contains("last ") && text.contains("words"))
    );
}

#[test]
fn nothing_is_left_of_an_agent_that_ignores_every_signal_and_leaves_daemons() {
    let daemon = "trap \"\" TERM HUP INT; while :; do /bin/sleep 0.1; done";
    let script = format!(
        "trap '' TERM HUP INT; (setsid sh -c '{daemon}' </dev/null >/dev/null 2>&1 &) ; \
         setsid setsid nohup sh -c '{daemon}' >/dev/null 2>&1 & while :; do /bin/sleep 0.1; done"
    );
    let old = "max_age = \"2s\"\nmax_age_jitter = \"0s\"\ndrain = \"0s\"\nstop_grace = \"1s\"";
    let task = session("task", &script, &format!("{old}\nrestart = \"never\""));
    let others: String = (0..5).map(|n| sleeper(&format!("x-{n}"), "")).collect();
    let yard = Yard::new(&format!(
        "{QUICK}{}{task}{others}",
        session("one", &script, old)
    ));
    yard.gtctl(&["apply", "--no-wait"]);
    let one = yard.fresh("one", None);
    yard.until("their daemons", || {
        ["one", "task"]
            .iter()
            .all(|session| yard.marked(session).len() >= 3)
    });
    let first = yard.marked("one");
    yard.until("the restart", || {
        yard.gtctl(&["reconcile"]);
        yard.process("one").is_some_and(|now| now != one)
    });
    assert!(first.iter().all(|process| !process::may_live(*process)));
    let page = yard.gtctl(&["status", "-o", "json"]).json();
    assert_eq!(of(&page, "sessions", "one").unwrap()["restarts"], 1);
    yard.until("the expiry", || {
        yard.gtctl(&["reconcile"]);
        !yard.sessions().contains(&"task".to_owned())
    });
    assert_eq!(yard.marked("task"), []);
    assert!(yard.gtctl(&["status"]).out.contains("completed"));
}
