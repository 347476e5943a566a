//! The definition of a town comes from several layers, and people edit them while a controller
//! runs.

use crate::harness::{QUICK, Running, Yard};
use gtctl::proc::signal::Signal;

/// A session that writes down with which colour it was started.
fn painter(more: &str) -> String {
    let script = "echo $COLOUR >> runs; exec sleep 100000";
    format!("[[session]]\nsession = \"one\"\ncommand = [\"sh\", \"-c\", \"{script}\"]\n{more}\n")
}

fn painted(colour: &str, more: &str) -> String {
    format!(
        "{QUICK}{}",
        painter(&format!("env = {{ COLOUR = \"{colour}\" }}\n{more}"))
    )
}

/// The colours of all starts so far.
fn runs(yard: &Yard) -> Vec<String> {
    yard.read("runs").lines().map(str::to_owned).collect()
}

/// A controller that has had its first look.
fn controller(yard: &Yard) -> Running {
    let watch = yard.start(&["reconcile", "--watch"]);
    yard.until("the controller", || {
        yard.state().join("controller.json").exists()
    });
    watch
}

fn end(watch: Running) {
    watch.signal(Signal::TERM);
    watch.end().exits(0);
}

#[test]
fn a_verb_typed_right_after_an_edit_beside_a_controller_starts_the_edited_definition_once() {
    let at_once = "on_drift = \"restart\"";
    let no_gap = "on_drift = \"restart\"\nhandoff_gap = \"0s\"";
    for (more, verb) in [
        (at_once, &["apply"][..]),
        (no_gap, &["apply"]),
        (at_once, &["restart", "one"]),
    ] {
        let yard = Yard::new(&painted("red", more));
        yard.gtctl(&["apply"]).exits(0);
        let watch = controller(&yard);
        yard.declare(&painted("blue", more));
        yard.gtctl(verb).exits(0);
        // The controller has read the edit by then, and has nothing to do.
        yard.declare(&painted("blue", &format!("{more}\nmax_age = \"9h\"")));
        yard.until("the controller to have read both edits", || {
            watch.said().matches("was read again").count() >= 1
                && yard.gtctl(&["diff", "-o", "json"]).json()["steps"]
                    .as_array()
                    .is_some_and(Vec::is_empty)
        });
        assert_eq!(runs(&yard), ["red", "blue"], "{verb:?} {more}");
        end(watch);
        assert_eq!(runs(&yard), ["red", "blue"], "{verb:?} {more}");
    }
}

#[test]
fn an_edit_while_a_restart_waits_for_the_old_process_is_what_is_started() {
    let stubborn = |colour: &str| {
        let script = "trap : TERM; echo $COLOUR >> runs; while :; do sleep 0.1; done";
        let env = format!("env = {{ COLOUR = \"{colour}\" }}\nstop_grace = \"3s\"");
        format!(
            "{QUICK}[[session]]\nsession = \"one\"\ncommand = [\"sh\", \"-c\", \"{script}\"]\n{env}\n"
        )
    };
    let yard = Yard::new(&stubborn("red"));
    yard.gtctl(&["apply"]).exits(0);
    let verb = yard.start(&["restart", "one"]);
    yard.until("the stop", || {
        yard.read(&format!("xdg/gtctl/{}/gtctl.json", yard.town))
            .contains("begun_for")
    });
    yard.declare(&stubborn("blue"));
    verb.end().exits(0).says("edited meanwhile");
    assert_eq!(runs(&yard), ["red", "blue"]);
}

/// The same town by a second manifest, in a folder of its own.
fn second_manifest(yard: &Yard, text: &str) -> String {
    std::fs::create_dir_all(yard.at("other")).unwrap();
    let head = format!(
        "[town]\nname = \"{}\"\nsocket = \"{}\"\n",
        yard.town,
        yard.socket().display()
    );
    yard.write("other/town.toml", &format!("{head}{text}"));
    yard.at("other/town.toml").display().to_string()
}

fn user_file(yard: &Yard, text: &str) {
    std::fs::create_dir_all(yard.at("home/.config/gtctl")).unwrap();
    yard.write("home/.config/gtctl/config.toml", text);
}

const AT_ONCE: &str = "on_drift = \"restart\"\nhandoff_gap = \"0s\"";

#[test]
fn a_controller_heeds_the_users_file_when_it_appears_when_it_changes_and_when_it_is_mended() {
    let yard = Yard::new(&format!("{QUICK}{}", painter(AT_ONCE)));
    let watch = controller(&yard);
    yard.until("the start", || yard.process("one").is_some());
    let colour = |colour: &str| {
        user_file(
            &yard,
            &format!("[defaults]\nenv = {{ COLOUR = \"{colour}\" }}\n"),
        );
    };
    for wanted in ["red", "blue"] {
        colour(wanted);
        yard.until("the restart", || {
            runs(&yard).last().is_some_and(|last| last == wanted)
        });
    }
    user_file(&yard, "[defaults\n");
    yard.until("the warning", || {
        watch.said().contains("the last good manifest stays in use")
    });
    colour("green");
    yard.until("the restart", || {
        runs(&yard).last().is_some_and(|last| last == "green")
    });
    yard.gtctl(&["apply"]).exits(0);
    assert_eq!(runs(&yard), ["", "red", "blue", "green"]);
    end(watch);
}

#[test]
fn a_second_manifest_of_one_town_is_refused_with_both_named_until_it_takes_over() {
    let yard = Yard::new(&painted("red", AT_ONCE));
    let more = format!("{AT_ONCE}\ndir = \"{}\"", yard.dir());
    let other = second_manifest(&yard, &painted("blue", &more));
    let mine = yard.at("town.toml").display().to_string();
    let mut watch = controller(&yard);
    yard.until("the start", || yard.process("one").is_some());
    let one = yard.pid("one");
    let verbs = [
        &["apply"][..],
        &["restart", "one"],
        &["start", "one"],
        &["expire"],
        &["adopt", "one"],
        &["move-server"],
        &["reconcile"],
        &["reconcile", "--watch"],
    ];
    for verb in verbs {
        let refused = yard.gtctl(&[&["-f", &other], verb].concat()).exits(4);
        refused.says(&mine).says(&other).says("--take-over");
    }
    yard.gtctl(&["-f", &other, "diff"]).exits(2).says(&mine);
    yard.gtctl(&["-f", &other, "status"]).exits(0).says(&mine);
    assert_eq!(
        (yard.pid("one"), runs(&yard)),
        (one, vec!["red".to_owned()])
    );
    assert!(watch.is_running());
    yard.gtctl(&["-f", &other, "--take-over", "apply"]).exits(0);
    watch.end().exits(4).says("taken over").says(&other);
    assert_eq!(runs(&yard), ["red", "blue"]);
    // Nobody fights any more, but the first manifest is still there: it does not come back by
    // accident.
    yard.gtctl(&["apply"]).exits(1).says(&mine).says(&other);
    yard.gtctl(&["reconcile", "--watch"]).exits(1).says(&other);
    assert_eq!(runs(&yard), ["red", "blue"]);
    // A file that is gone has nothing to say.
    std::fs::rename(&other, yard.at("other/elsewhere.toml")).unwrap();
    yard.gtctl(&["apply"]).exits(0);
    assert_eq!(runs(&yard), ["red", "blue", "red"]);
}

#[test]
fn a_manifest_that_is_moved_or_called_by_another_path_is_no_other() {
    let yard = Yard::new(&painted("red", AT_ONCE));
    let watch = controller(&yard);
    yard.until("the start", || yard.process("one").is_some());
    std::os::unix::fs::symlink("town.toml", yard.at("link.toml")).unwrap();
    yard.gtctl(&["-f", "link.toml", "apply"]).exits(0);
    yard.gtctl(&["-f", "./home/../town.toml", "apply"]).exits(0);
    yard.declare(&painted("blue", AT_ONCE));
    yard.until("the restart", || runs(&yard).len() == 2);
    end(watch);
    std::fs::rename(yard.at("town.toml"), yard.at("moved.toml")).unwrap();
    yard.gtctl(&["-f", "moved.toml", "apply"]).exits(0);
    assert_eq!(runs(&yard), ["red", "blue"]);
}

#[test]
fn settings_of_one_shell_are_refused_beside_a_controller_that_has_not_got_them() {
    let yard = Yard::new(&format!("{QUICK}{}", painter(AT_ONCE)));
    let watch = controller(&yard);
    yard.until("the start", || yard.process("one").is_some());
    let set = |args: &[&str]| {
        let mut command = yard.gtctl_command(args);
        command.env("GTCTL_DEFAULTS_STOP_GRACE", "7s");
        yard.running(command)
    };
    set(&["apply"])
        .end()
        .exits(4)
        .says("GTCTL_DEFAULTS_STOP_GRACE is set here");
    assert!(
        watch.said().matches("was read again").count() == 0,
        "{}",
        watch.said()
    );
    end(watch);
    // Alone it is nobody's business.
    set(&["apply"]).end().exits(0);
    std::fs::remove_file(yard.state().join("controller.json")).unwrap();
    let watch = set(&["reconcile", "--watch"]);
    yard.until("the controller", || {
        yard.state().join("controller.json").exists()
    });
    yard.gtctl(&["apply"])
        .exits(4)
        .says("GTCTL_DEFAULTS_STOP_GRACE is set for it");
    // Values may be secrets.
    let text = yard.read(&format!("xdg/gtctl/{}/definition.json", yard.town));
    assert!(
        text.contains("GTCTL_DEFAULTS_STOP_GRACE") && !text.contains("7s"),
        "{text}"
    );
    end(watch);
    assert_eq!(runs(&yard), [""]);
}

#[test]
fn nothing_is_asked_of_a_paused_town_and_nothing_is_done_later_by_surprise() {
    let yard = Yard::new(&painted("red", ""));
    yard.gtctl(&["apply"]).exits(0);
    let one = yard.pid("one");
    yard.gtctl(&["pause"]).exits(0);
    for verb in [
        &["restart", "one"][..],
        &["stop", "one"],
        &["start", "one"],
        &["expire"],
        &["adopt", "one"],
        &["nudge", "one", "hello"],
        &["answer", "one", "yes"],
    ] {
        yard.gtctl(verb)
            .exits(3)
            .says("is paused")
            .says("gtctl resume");
    }
    yard.gtctl(&["resume"]).exits(0);
    yard.gtctl(&["apply"]).exits(0);
    assert_eq!((yard.pid("one"), runs(&yard).len()), (one, 1));
    yard.gtctl(&["restart", "one"]).exits(0);
    assert_eq!(runs(&yard).len(), 2);
}

#[test]
fn a_link_on_the_way_to_the_manifest_that_leads_elsewhere_is_an_edit() {
    let yard = Yard::new("");
    let slow = QUICK.replace("resync = \"1s\"", "resync = \"1h\"");
    for (folder, colour) in [("v1", "red"), ("v2", "blue")] {
        let head = format!(
            "[town]\nname = \"{}\"\nsocket = \"{}\"\n",
            yard.town,
            yard.socket().display()
        );
        let drift = format!(
            "env = {{ COLOUR = \"{colour}\" }}\non_drift = \"restart\"\nhandoff_gap = \"0s\""
        );
        std::fs::create_dir(yard.at(folder)).unwrap();
        let script = format!(
            "echo $COLOUR >> {}; exec sleep 100000",
            yard.at("runs").display()
        );
        let one = format!(
            "[[session]]\nsession = \"one\"\ncommand = [\"sh\", \"-c\", \"{script}\"]\n{drift}\n"
        );
        yard.write(
            &format!("{folder}/town.toml"),
            &format!("{head}{slow}\n{one}"),
        );
    }
    let link = |to: &str, name: &str| {
        std::os::unix::fs::symlink(to, yard.at("link")).unwrap();
        std::fs::rename(yard.at("link"), yard.at(name)).unwrap();
    };
    link("v1", "now");
    link("now/town.toml", "town.toml");
    yard.gtctl(&["apply"]).exits(0);
    let watch = controller(&yard);
    link("v2", "now");
    yard.until("the other definition", || runs(&yard) == ["red", "blue"]);
    end(watch);
}

/// Breaks the manifest in two ways: one is no TOML, the other says nothing that can be done.
fn break_in_two_ways(yard: &Yard) -> [String; 2] {
    let head = format!(
        "[town]\nname = \"{}\"\nsocket = \"{}\"\n",
        yard.town,
        yard.socket().display()
    );
    [
        format!("{head}[[session\n"),
        format!("{head}[[session]]\nsession = \"one\"\ncommnd = [\"sh\"]\n"),
    ]
}

#[test]
#[expect(
    clippy::too_many_lines,
    reason = "one scene from its beginning to its end"
)]
fn a_broken_manifest_blocks_no_verb_that_can_go_by_the_last_good_one() {
    let yard = Yard::new(&painted("red", ""));
    yard.gtctl(&["apply"]).exits(0);
    let one = yard.pid("one");
    for broken in break_in_two_ways(&yard)
        .iter()
        .chain([&"no name".to_owned()])
    {
        yard.write("town.toml", broken);
        let verbs = [
            &["status"][..],
            &["status", "one"],
            &["logs", "one"],
            &["events"],
            &["pause"],
            &["resume"],
            &["explain", "one"],
            &["verify"],
            &["metrics"],
            &["reset", "one"],
            &["attach", "one"],
        ];
        for verb in verbs {
            let said = yard.gtctl(verb);
            let text = said.err.clone();
            assert_eq!(
                text.matches("gtctl uses the last good one, of").count(),
                1,
                "{verb:?} {broken}: {text}"
            );
            assert_eq!(
                text.matches("warning:").count(),
                1,
                "{verb:?} {broken}: {text}"
            );
            assert!(text.contains("line "), "{verb:?} {broken}: {text}");
            // There is no terminal to attach to here: tmux itself says so.
            if verb.first() == Some(&"attach") {
                said.says("not a terminal");
            } else {
                said.exits(0);
            }
        }
        for verb in [
            &["apply"][..],
            &["diff"],
            &["restart", "one"],
            &["stop", "one"],
            &["reconcile"],
        ] {
            let refused = yard.gtctl(verb);
            assert_ne!(refused.code, Some(0), "{verb:?}");
            assert!(
                !refused.err.contains("last good"),
                "{verb:?}: {}",
                refused.err
            );
        }
    }
    // A file that is taken away for a while, or is no text, is no other thing than a broken one.
    let good = std::fs::read(yard.at("town.toml")).unwrap();
    for bytes in [None, Some(&b"[town]\nname = \"\xff\"\n"[..])] {
        std::fs::remove_file(yard.at("town.toml")).unwrap();
        if let Some(bytes) = bytes {
            std::fs::write(yard.at("town.toml"), bytes).unwrap();
        }
        for verb in [
            &["status"][..],
            &["logs", "one"],
            &["events"],
            &["pause"],
            &["resume"],
        ] {
            let said = yard.gtctl(verb);
            assert_eq!(
                said.err.matches("gtctl uses the last good one, of").count(),
                1,
                "{verb:?}: {}",
                said.err
            );
            said.exits(0);
        }
        for verb in [&["apply"][..], &["diff"], &["reconcile"]] {
            let refused = yard.gtctl(verb);
            assert_ne!(refused.code, Some(0), "{verb:?}");
            assert!(
                !refused.err.contains("last good"),
                "{verb:?}: {}",
                refused.err
            );
        }
        std::fs::write(yard.at("town.toml"), &good).unwrap();
    }
    assert_eq!((yard.pid("one"), runs(&yard).len()), (one, 1));
    // What is broken and was never good is told with all its faults.
    std::fs::remove_file(yard.state().join("definition.json")).unwrap();
    for verb in [
        &["status"][..],
        &["events"],
        &["pause"],
        &["explain", "one"],
        &["verify"],
        &["metrics"],
    ] {
        let refused = yard.gtctl(verb);
        assert_ne!(refused.code, Some(0), "{verb:?}");
        assert!(
            !refused.err.contains("last good"),
            "{verb:?}: {}",
            refused.err
        );
    }
}
