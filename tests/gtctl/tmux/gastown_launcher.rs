//! A Gas Town kept through its own `gt`: a stand-in of which `tests/gt` holds, on a real tmux.

use crate::harness::{Said, Yard};
use gtctl::model::ProcId;
use gtctl::proc::signal::Signal;
use gtctl::proc::{process, tree};
use std::fs;

const GT: &str = include_str!("../../gt/standin.sh");

/// An agent that shows a prompt, and has a child that minds no hangup.
const AGENT: &str =
    "#!/bin/sh\n(trap '' HUP; exec sleep 900) &\nprintf '❯ '\nwhile :; do sleep 900; done\n";

const QUICK: &str = "[controller]\nresync = \"1s\"\n[defaults]\nagent = \"kimigas\"\nlauncher = \"gt\"\n\
     ready_after = \"300ms\"\nstop_grace = \"2s\"\nmax_age_jitter = \"0s\"\n[roles.mayor]\nagent = \"claude\"\n";

/// The sessions of the guide.
const GUIDE: &str = "[[session]]\nrole = \"mayor\"\n[[session]]\nrole = \"deacon\"\n\
     [[session]]\nrole = \"witness\"\nrig = \"shop\"\n[[session]]\nrole = \"refinery\"\nrig = \"shop\"\n\
     [[session]]\nrole = \"crew\"\nrig = \"shop\"\nname = \"uitester\"\n\
     [[session]]\nrole = \"crew\"\nrig = \"shop\"\nname = \"watcher\"\n";

/// As tmux lists them.
const NAMES: [&str; 6] = [
    "gt-shop-crew-uitester",
    "gt-shop-crew-watcher",
    "gt-shop-refinery",
    "gt-shop-witness",
    "hq-deacon",
    "hq-mayor",
];

/// A town's root with its gt and its agents.
pub(crate) fn gastown(manifest: &str) -> Yard {
    let yard = Yard::new("").named_socket("gastown");
    for folder in ["root/mayor", "root/faults", "root/shop/crew"] {
        fs::create_dir_all(yard.at(folder)).unwrap();
    }
    yard.write("root/mayor/rigs.json", "{\"rigs\":{\"shop\":{}}}");
    yard.shim("gt", GT);
    yard.shim("claude", AGENT);
    yard.shim("kimigas", AGENT);
    declare(&yard, manifest);
    yard
}

/// Declares these sessions, and more of the tables before them.
pub(crate) fn declare(yard: &Yard, manifest: &str) {
    yard.declare(&format!(
        "root = \"{}/root\"\n{QUICK}{manifest}",
        yard.dir()
    ));
}

/// What gt was asked, without what it was told of its caller.
pub(crate) fn calls(yard: &Yard) -> Vec<String> {
    yard.read("root/calls")
        .lines()
        .map(|line| line.split(" [").next().unwrap().to_owned())
        .collect()
}

/// All that runs below the pane of a session.
fn below(yard: &Yard, session: &str) -> Vec<ProcId> {
    let found = || {
        tree::tree(yard.pid(session))
            .into_iter()
            .map(|member| member.id)
            .collect::<Vec<_>>()
    };
    yard.until("the agent's children", || found().len() >= 2);
    found()
}

/// gt, called by hand in the root.
fn gt(yard: &Yard, args: &[&str]) -> Said {
    let mut command = yard.command("gt");
    command
        .args(args)
        .current_dir(yard.at("root"))
        .env("GT_TMUX_SOCKET", "gastown");
    yard.running(command).end()
}

#[track_caller]
fn assert_gone(processes: &[ProcId]) {
    let left: Vec<_> = processes
        .iter()
        .filter(|process| process::may_live(**process))
        .collect();
    assert!(left.is_empty(), "they live on: {left:?}");
}

#[test]
fn the_guides_town_boots_in_its_order_and_none_is_dead() {
    let yard = gastown(GUIDE);
    yard.gtctl(&["diff"])
        .exits(2)
        .says("$ gt witness start shop --agent=kimigas");
    let mut command = yard.gtctl_command(&["apply"]);
    // Whoever calls gtctl is nobody whom gt should take for the caller.
    for name in ["TMUX", "CLAUDECODE", "GT_ROLE", "GT_SESSION", "BD_ACTOR"] {
        command.env(name, "me");
    }
    yard.running(command).end().exits(0).says("6 started");
    assert_eq!(yard.sessions(), NAMES);

    let told = yard.read("root/calls");
    assert!(told.lines().all(|line| line.ends_with("[]")), "{told}");
    let mut first = calls(&yard);
    let (mut second, mut third) = (first.split_off(2), vec![]);
    third.extend(second.split_off(2));
    for wave in [&mut first, &mut second, &mut third] {
        wave.sort();
    }
    assert_eq!(
        first,
        [
            "refinery start shop --agent=kimigas",
            "witness start shop --agent=kimigas"
        ]
    );
    assert_eq!(
        second,
        ["deacon start --agent=kimigas", "mayor start --agent=claude"]
    );
    assert_eq!(
        third,
        [
            "crew start shop uitester --agent=kimigas",
            "crew start shop watcher --agent=kimigas"
        ]
    );
    let events = yard.gtctl(&["events"]).out;
    let place = |what: &str| {
        events
            .find(what)
            .unwrap_or_else(|| panic!("no {what:?} in {events}"))
    };
    for wave in [
        ["gt-shop-witness", "gt-shop-refinery"],
        ["hq-mayor", "hq-deacon"],
    ] {
        let next = if wave[0] == "hq-mayor" {
            "gt-shop-crew-watcher"
        } else {
            "hq-mayor"
        };
        for name in wave {
            assert!(
                place(&format!("{name} started")) < place(&format!("{next} start runs")),
                "{events}"
            );
        }
    }

    // As the guide verifies it.
    let script = "for s in $(tmux -L gastown list-sessions -F '#{session_name}'); do\n\
         dead=$(tmux -L gastown list-panes -t \"$s\" -F '#{pane_dead}' 2>/dev/null | head -1)\n\
         echo \"$s dead=$dead\"\ndone";
    let mut bash = yard.command("bash");
    bash.args(["-c", script]);
    let said = yard.running(bash).end().exits(0).out;
    assert_eq!(said, NAMES.map(|name| format!("{name} dead=0\n")).concat());
    yard.gtctl(&["verify"])
        .exits(0)
        .says("6 sessions, none dead");

    yard.gtctl(&["apply"]).exits(0).says("as declared");
    assert_eq!(calls(&yard).len(), 6, "nothing is asked twice");
    assert!(
        yard.format("hq-mayor", "#{@gtctl_label}")
            .ends_with("origin=launcher")
    );
    yard.gtctl(&["explain", "hq-mayor", "--all"])
        .exits(0)
        .says("[\"gt\", \"mayor\", \"start\", \"--agent=claude\"]");
    let page = yard.gtctl(&["status", "-o", "json"]).exits(0).json();
    assert!(
        page["sessions"]
            .as_array()
            .unwrap()
            .iter()
            .all(|session| session["restarts"] == 0),
        "{page}"
    );

    // gt leaves nothing of an agent that ends, not even its session.
    let (mayor, deacon) = (yard.pid("hq-mayor"), yard.pid("hq-deacon"));
    yard.kill(mayor);
    yard.until("tmux to see it", || {
        !yard.sessions().contains(&"hq-mayor".to_owned())
    });
    yard.gtctl(&["reconcile"]).exits(0).says("started");
    assert_ne!(yard.pid("hq-mayor"), mayor);
    assert_eq!(yard.pid("hq-deacon"), deacon);
}

#[test]
fn what_gt_has_started_is_adopted_as_it_is() {
    let yard = gastown(GUIDE);
    for args in [
        "witness start shop",
        "refinery start shop",
        "mayor start",
        "crew start shop watcher",
    ] {
        let agent = if args == "mayor start" {
            "--agent=claude"
        } else {
            "--agent=kimigas"
        };
        let args: Vec<&str> = args.split(' ').chain([agent]).collect();
        gt(&yard, &args).exits(0);
    }
    let known = [
        "gt-shop-witness",
        "gt-shop-refinery",
        "hq-mayor",
        "gt-shop-crew-watcher",
    ];
    let pids = known.map(|name| yard.pid(name));
    let said = yard.gtctl(&["diff"]).exits(2);
    assert_eq!(said.out.matches("= adopt").count(), 4, "{}", said.out);
    yard.gtctl(&["apply"])
        .exits(0)
        .says("4 adopted")
        .says("2 started");
    assert_eq!(known.map(|name| yard.pid(name)), pids);
    assert!(
        yard.format("hq-mayor", "#{@gtctl_label}")
            .ends_with("origin=launcher")
    );
    assert_eq!(calls(&yard).len(), 6);
    yard.gtctl(&["diff"]).exits(0);
}

#[test]
fn an_old_witness_is_restarted_and_leaves_no_orphan() {
    let old = "max_age = \"3s\"\ndrain = \"0s\"\nhandoff_gap = \"0s\"\n";
    let witness = "[[session]]\nrole = \"witness\"\nrig = \"shop\"\n";
    let yard = gastown(&format!("{witness}{old}[[session]]\nrole = \"mayor\"\n"));
    yard.gtctl(&["apply"]).exits(0);
    let (former, mayor) = (below(&yard, "gt-shop-witness"), yard.pid("hq-mayor"));
    let watch = yard.start(&["reconcile", "--watch"]);
    yard.fresh("gt-shop-witness", Some(former[0]));
    assert_gone(&former);
    watch.signal(Signal::TERM);
    watch.end().exits(0);
    let calls = calls(&yard);
    assert_eq!(
        calls[2..4],
        ["witness stop shop", "witness start shop --agent=kimigas"],
        "{calls:?}"
    );
    assert_eq!(yard.pid("hq-mayor"), mayor);
}

#[test]
fn restarts_and_stops_by_hand_go_through_gt_and_touch_nobody_else() {
    // A crew member with the name of its rig: `gt crew stop shop` would end them all.
    let yard = gastown(&format!(
        "{GUIDE}[[session]]\nrole = \"crew\"\nrig = \"shop\"\nname = \"shop\"\n"
    ));
    yard.gtctl(&["apply"]).exits(0);
    let others = [
        "gt-shop-crew-uitester",
        "gt-shop-crew-watcher",
        "gt-shop-witness",
        "hq-deacon",
    ];
    let pids = others.map(|name| yard.pid(name));
    fs::remove_file(yard.at("root/calls")).unwrap();

    let refinery = below(&yard, "gt-shop-refinery");
    yard.gtctl(&["restart", "gt-shop-refinery"])
        .exits(0)
        .says("restarted");
    assert_gone(&refinery);
    let mayor = below(&yard, "hq-mayor");
    yard.gtctl(&["restart", "hq-mayor"])
        .exits(0)
        .says("gt mayor restart --agent=claude")
        .says("restarted");
    assert_gone(&mayor);
    let crew = below(&yard, "gt-shop-crew-shop");
    yard.gtctl(&["stop", "gt-shop-crew-shop"])
        .exits(0)
        .says("stopped");
    assert_gone(&crew);
    assert!(!yard.sessions().contains(&"gt-shop-crew-shop".to_owned()));
    yard.gtctl(&["status"]).exits(0).says("stopped by hand");
    yard.gtctl(&["start", "gt-shop-crew-shop"])
        .exits(0)
        .says("started");
    let want = [
        "refinery stop shop",
        "refinery start shop --agent=kimigas",
        "mayor restart --agent=claude",
        "crew stop shop/shop",
        "crew start shop shop --agent=kimigas",
    ];
    assert_eq!(calls(&yard), want);
    assert_eq!(others.map(|name| yard.pid(name)), pids);
}

#[test]
fn texts_are_handed_to_gt_which_delivers_them() {
    let chore = "[[chore]]\nkind = \"nudge\"\nname = \"cycle\"\nsession = \"hq-mayor\"\nevery = \"1h\"\ntext = \"Go on.\"\n";
    let yard = gastown(&format!("[[session]]\nrole = \"mayor\"\n{chore}"));
    yard.gtctl(&["nudge", "hq-mayor", "hello"])
        .exits(3)
        .says("it does not exist");
    yard.gtctl(&["apply"]).exits(0);
    yard.gtctl(&["nudge", "hq-mayor", "--", "--hello; there"])
        .exits(0)
        .says("handed to gt");
    yard.gtctl(&["chore", "run", "cycle"]).exits(0);
    assert_eq!(
        yard.read("root/nudges"),
        "mayor|queue|--hello; there\nmayor|queue|Go on.\n"
    );
    yard.write("root/faults/nudge", "the queue is full");
    yard.gtctl(&["nudge", "hq-mayor", "again"])
        .exits(1)
        .says("exit status 1: Error: the queue is full");
    yard.gtctl(&["events"]).exits(0).says("handed to gt");
}

#[test]
fn a_role_with_commands_of_its_own_needs_no_gt() {
    let yard = Yard::new("").named_socket("gastown");
    let start = "exec tmux -L gastown new-session -d -s \\\"$1\\\" 'exec sleep 900'";
    let role =
        format!("[roles.box]\nstart = [\"sh\", \"-c\", \"{start}\", \"sh\", \"{{session}}\"]\n");
    let session = "[[session]]\nrole = \"box\"\nsession = \"one\"\ncommand = [\"sleep\"]\n";
    yard.declare(&format!(
        "[defaults]\nready_after = \"100ms\"\nstop_grace = \"1s\"\n{role}{session}"
    ));
    yard.gtctl(&["apply"]).exits(0).says("started");
    let one = yard.pid("one");
    yard.gtctl(&["restart", "one"]).exits(0).says("restarted");
    assert!(!process::may_live(one));
    let one = yard.pid("one");
    yard.gtctl(&["stop", "one"]).exits(0).says("stopped");
    assert!(!process::may_live(one));
    assert_eq!(yard.sessions(), [] as [&str; 0]);
}
