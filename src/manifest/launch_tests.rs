//! Sessions that commands start and stop.

use super::tests::given;
use crate::model::Commands;

/// `start`, `stop`, `restart` and `nudge` of a session, each as one line.
fn commands(town: &str, session: &str) -> Option<[String; 4]> {
    let town = given(town).load().expect("loads").town;
    let Commands {
        start,
        stop,
        restart,
        nudge,
        ..
    } = town.sessions[session].commands()?.clone();
    Some([start, stop, restart, nudge].map(|argv| argv.join(" ")))
}

#[test]
fn gt_is_told_an_agent_where_one_is_named_and_it_takes_one() {
    let head = "[town]\nname = \"a\"\nroot = \"/gt\"\n[defaults]\nlauncher = \"gt\"\n";
    let crew = "[[session]]\nrole = \"crew\"\nrig = \"shop\"\nname = \"max\"\n";
    let plain = commands(&format!("{head}{crew}"), "gt-shop-crew-max").expect("by gt");
    let nudge = "gt nudge shop/crew/max --mode=queue --";
    assert_eq!(
        plain,
        [
            "gt crew start shop max",
            "gt crew stop shop/max",
            "gt crew restart shop/max",
            nudge
        ]
    );
    // A restart command that does not take the agent is not used.
    let named = commands(
        &format!("{head}{crew}agent = \"kimi\"\n"),
        "gt-shop-crew-max",
    )
    .expect("by gt");
    assert_eq!(
        named,
        [
            "gt crew start shop max --agent=kimi",
            "gt crew stop shop/max",
            "",
            nudge
        ]
    );
    let mayor = commands(
        &format!("{head}[[session]]\nrole = \"mayor\"\nagent = \"kimi\"\n"),
        "hq-mayor",
    );
    assert_eq!(mayor.expect("by gt")[2], "gt mayor restart --agent=kimi");
    let polecat = commands(
        &format!(
            "{head}{}agent = \"kimi\"\n",
            crew.replace("crew", "polecat")
        ),
        "gt-shop-max",
    );
    assert_eq!(
        polecat.expect("by gt")[0],
        "gt session start shop/max",
        "which knows no --agent"
    );
    // gt chooses the agent, so its process may be that of any agent.
    let town = given(&format!("{head}{crew}")).load().expect("loads").town;
    let process_names = &town.sessions["gt-shop-crew-max"].agent.process_names;
    for name in ["claude", "kimi", "codex"] {
        let is_among = process_names.iter().any(|candidate| candidate == name);
        assert!(is_among, "{process_names:?}");
    }
}

#[test]
fn a_role_is_launched_by_commands_of_its_own_unless_somebody_says_otherwise() {
    let head =
        "[town]\nname = \"a\"\n[roles.box]\nstart = [\"up\", \"{session}\"]\nagent = \"claude\"\n";
    let session = "[[session]]\nrole = \"box\"\nsession = \"b\"\n";
    let own = commands(&format!("{head}{session}"), "b").expect("by its own");
    assert_eq!(own, ["up b", "", "", ""]);
    assert_eq!(
        commands(&format!("{head}{session}launcher = \"tmux\"\n"), "b"),
        None
    );
    assert_eq!(
        commands(&format!("{head}{}", session.replace("box", "custom")), "b"),
        None
    );
    // A `launcher` in the defaults does not apply to roles without a `start`.
    let custom = format!(
        "{head}[defaults]\nlauncher = \"gt\"\n{}",
        session.replace("box", "custom")
    );
    assert_eq!(commands(&custom, "b"), None);
}

#[test]
fn what_gt_cannot_start_is_a_fault() {
    let town = "[town]\nname = \"a\"\n";
    let codes = |text: &str| {
        let faults = given(&format!("{town}{text}")).load().expect_err("faulty");
        faults
            .list
            .iter()
            .map(|fault| fault.code)
            .collect::<Vec<_>>()
    };
    let custom = "[[session]]\nsession = \"b\"\nlauncher = \"gt\"\n";
    assert_eq!(codes(custom), ["no-start"]);
    let two = "[defaults]\nlauncher = \"gt\"\n[[session]]\nrole = \"mayor\"\n[[session]]\nrole = \"deacon\"\n";
    assert_eq!(codes(two), ["no-root"], "once for all of them");
    let empty = "[roles.box]\nstart = []\n[[session]]\nrole = \"box\"\nsession = \"b\"\n";
    assert_eq!(codes(empty), ["empty-command"]);
    let advised =
        "root = \"/gt\"\n[[session]]\nrole = \"mayor\"\nlauncher = \"gt\"\nenv = { A = \"1\" }\n";
    let advice = given(&format!("{town}{advised}"))
        .load()
        .expect("loads")
        .advice;
    assert_eq!(
        advice
            .list
            .iter()
            .map(|fault| fault.code)
            .collect::<Vec<_>>(),
        ["unused"]
    );
}
