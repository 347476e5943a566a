//! The definition of a town comes from several layers, and people edit them while a controller runs.

use crate::town::QUICK;
use crate::yard::{Running, Yard};
use gtctl::proc::signal::Signal;

/// A session that writes down with which colour it was started.
fn painter(more: &str) -> String {
    let script = "echo $COLOUR >> runs; exec sleep 100000";
    format!("[[session]]\nsession = \"one\"\ncommand = [\"sh\", \"-c\", \"{script}\"]\n{more}\n")
}

fn painted(colour: &str, more: &str) -> String {
    format!("{QUICK}{}", painter(&format!("env = {{ COLOUR = \"{colour}\" }}\n{more}")))
}

/// The colours of all starts so far.
fn runs(yard: &Yard) -> Vec<String> {
    yard.read("runs").lines().map(str::to_owned).collect()
}

/// A controller that has had its first look.
fn controller(yard: &Yard) -> Running {
    let watch = yard.start(&["reconcile", "--watch"]);
    yard.until("the controller", || yard.state().join("controller.json").exists());
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
    for (more, verb) in [(at_once, &["apply"][..]), (no_gap, &["apply"]), (at_once, &["restart", "one"])] {
        let yard = Yard::new(&painted("red", more));
        yard.gtctl(&["apply"]).exits(0);
        let watch = controller(&yard);
        yard.declare(&painted("blue", more));
        yard.gtctl(verb).exits(0);
        // The controller has read the edit by then, and has nothing to do.
        yard.declare(&painted("blue", &format!("{more}\nmax_age = \"9h\"")));
        yard.until("the controller to have read both edits", || {
            watch.said().matches("read anew").count() >= 1
                && yard.gtctl(&["diff", "-o", "json"]).json()["steps"].as_array().is_some_and(Vec::is_empty)
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
        format!("{QUICK}[[session]]\nsession = \"one\"\ncommand = [\"sh\", \"-c\", \"{script}\"]\n{env}\n")
    };
    let yard = Yard::new(&stubborn("red"));
    yard.gtctl(&["apply"]).exits(0);
    let verb = yard.start(&["restart", "one"]);
    yard.until("the stop", || yard.read(&format!("xdg/gtctl/{}/gtctl.json", yard.town)).contains("begun_for"));
    yard.declare(&stubborn("blue"));
    verb.end().exits(0).says("edited meanwhile");
    assert_eq!(runs(&yard), ["red", "blue"]);
}
