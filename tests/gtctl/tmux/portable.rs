//! The main job by what every Unix can tell of its processes, instead of Linux's own ways.

use crate::harness::{MACHINE, QUICK, Running, Said, Yard, of, session, sleeper};

fn start(yard: &Yard, args: &[&str]) -> Running {
    let mut command = yard.gtctl_command(args);
    command.env(MACHINE, "portable");
    yard.running(command)
}

fn gtctl(yard: &Yard, args: &[&str]) -> Said {
    start(yard, args).end()
}

#[test]
fn sessions_start_return_after_a_death_and_end() {
    let (one, two) = (sleeper("one", ""), sleeper("two", ""));
    let yard = Yard::new(&format!("{QUICK}{one}{two}"));
    gtctl(&yard, &["apply"]).exits(0).says("started");
    gtctl(&yard, &["diff"]).exits(0).says("nothing to do");
    let before = ["one", "two"].map(|name| yard.pid(name));
    yard.kill(before[0]);
    gtctl(&yard, &["verify"]).exits(2).says("one");
    gtctl(&yard, &["reconcile"]).exits(0).says("restarted");
    let fresh = yard.fresh("one", Some(before[0]));
    assert_eq!(yard.pid("two"), before[1], "the other one is left alone");
    let page = gtctl(&yard, &["status", "-o", "json"]).exits(0).json();
    let of_one = of(&page, "sessions", "one").unwrap();
    assert_eq!(of_one["pid"], fresh.pid, "{of_one}");
    gtctl(&yard, &["stop", "one"]).exits(0);
    yard.until("its end", || yard.process("one").is_none());
    gtctl(&yard, &["down", "--yes"]).exits(0);
    assert_eq!(yard.sessions(), [] as [&str; 0]);
}

#[test]
fn a_controller_notices_a_death_and_removes_what_a_session_has_left() {
    // The helper leaves the tree of its session, and has its tag in its environment.
    let leaves = "(setsid sleep 100001 &) ; exec sleep 100000";
    let one = session("one", leaves, "");
    let yard = Yard::new(&format!("{QUICK}{one}"));
    let controller = start(&yard, &["reconcile", "--watch"]);
    let first = yard.fresh("one", None);
    yard.until("the helper", || yard.marked("one").len() == 2);
    let helper = yard.marked("one").into_iter().find(|it| *it != first);
    yard.kill(first);
    yard.fresh("one", Some(first));
    let helper = helper.unwrap();
    yard.until("the end of the helper", || {
        !gtctl::proc::process::may_live(helper)
    });
    controller.signal(gtctl::proc::signal::Signal::TERM);
    controller.end().exits(0);
}
