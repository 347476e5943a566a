//! A session whose program is replaced while it runs, as by an upgrade.

use crate::harness::{Yard, copy_program, of};
use std::fs;

/// Two sessions of one program: one is restarted for an upgrade, of the other it is only reported.
fn town(program: &str) -> String {
    let session = |name: &str, on_upgrade: &str| {
        format!(
            "[[session]]\nsession = \"{name}\"\ncommand = [\"{program}\", \"1000\"]\n\
             on_upgrade = \"{on_upgrade}\"\n"
        )
    };
    format!(
        "[defaults]\nready_after = \"0s\"\nhandoff_gap = \"0s\"\nstop_grace = \"1s\"\n{}{}",
        session("fresh", "restart-when-idle"),
        session("told", "report")
    )
}

#[test]
fn a_replaced_program_is_reported_or_restarted_when_idle() {
    let yard = Yard::new("");
    let program = yard.at("agent");
    let sleep = if fs::exists("/usr/bin/sleep").unwrap() {
        "/usr/bin/sleep"
    } else {
        "/bin/sleep"
    };
    copy_program(sleep, &program);
    yard.declare(&town(program.to_str().unwrap()));
    yard.gtctl(&["apply"]).exits(0);
    let before = ["fresh", "told"].map(|session| yard.pid(session));
    let noted = || {
        let page = yard.gtctl(&["diff", "-o", "json"]).json();
        page.to_string().contains("\"upgraded\"")
    };
    assert!(!noted());

    let upgrade = yard.at("agent.new");
    copy_program(sleep, &upgrade);
    fs::rename(&upgrade, &program).unwrap();
    // gtctl looks once a minute; without its memory it looks at once.
    fs::remove_file(yard.state().join("gtctl.json")).unwrap();
    assert!(noted());
    yard.until("the restart of the one that is idle", || {
        yard.gtctl(&["reconcile"]);
        yard.process("fresh").is_some_and(|now| now != before[0])
    });
    assert_eq!(yard.pid("told"), before[1]);
    yard.gtctl(&["diff"]).says("its program was replaced");
    let page = yard.gtctl(&["diff", "-o", "json"]).json();
    let of_fresh = of(&page, "unchanged", "fresh").cloned().unwrap_or_default();
    assert!(!of_fresh.to_string().contains("upgraded"), "{of_fresh}");
}
