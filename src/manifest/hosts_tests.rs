//! Hosts: which one this machine is, where every session runs, and each fault.

use super::tests::given;
use crate::model::HostName;

const HOSTS: &str = "[town]\nname = \"acme\"\n[hosts.a]\nssh = \"me@a\"\n[hosts.b]\nssh = \"b\"\n\
    gtctl = \"~/bin/gtctl\"\ntown = \"/srv/town.toml\"\n";

fn session(name: &str, rest: &str) -> String {
    format!("[[session]]\nsession = \"{name}\"\ncommand = [\"x\"]\n{rest}\n")
}

fn town_of(rest: &str) -> String {
    format!("{HOSTS}{rest}")
}

fn names<'t>(names: impl Iterator<Item = &'t crate::model::SessionName>) -> Vec<&'t str> {
    names.map(crate::model::SessionName::as_str).collect()
}

#[test]
fn a_machine_is_the_host_that_it_is_said_to_be_or_that_has_its_name() {
    let text = town_of(&session("x", "host = \"a\""));
    let cases = [
        (None, "", None),
        (None, "laptop", None),
        (None, "A.example.org", Some("a")),
        (Some("b"), "a", Some("b")),
    ];
    for (asked, hostname, here) in cases {
        let mut given = given(&text);
        given.asked = asked;
        given.hostname = hostname;
        let town = given.load().unwrap().town;
        let found = town.hosts.here.as_ref().map(HostName::as_str);
        assert_eq!(found, here, "{asked:?} {hostname}");
        assert_eq!(town.hosts.is_onlooker(), here.is_none());
    }
}

#[test]
fn a_session_of_another_host_is_no_session_of_this_one() {
    let text = town_of(&format!(
        "[defaults]\nhost = \"a\"\n[roles.far]\nhost = \"b\"\n{}{}{}",
        session("x", ""),
        session("y", "role = \"far\""),
        session("z", "role = \"far\"\nhost = \"a\""),
    ));
    let mut given = given(&text);
    given.hostname = "a";
    let town = given.load().unwrap().town;
    assert_eq!(names(town.sessions.keys()), ["x", "z"]);
    assert_eq!(names(town.hosts.elsewhere.keys()), ["y"]);
    assert_eq!(town.hosts.host_of("y").map(HostName::as_str), Some("b"));
    let b = &town.hosts.all[&HostName::new("b").unwrap()];
    assert_eq!(
        (b.gtctl.as_str(), b.town.as_str()),
        ("./bin/gtctl", "/srv/town.toml")
    );
    let a = &town.hosts.all[&HostName::new("a").unwrap()];
    assert_eq!(
        (a.gtctl.as_str(), a.town.as_str()),
        ("gtctl", "gtctl/acme/town.toml")
    );
}

#[test]
fn a_chore_runs_on_one_host() {
    let chores = "[[chore]]\nkind = \"nudge\"\nsession = \"y\"\ntext = \"go\"\n\
        [[chore]]\nname = \"there\"\nkind = \"command\"\ncommand = [\"x\"]\nevery = \"1h\"\nhost = \"b\"\n\
        [[chore]]\nname = \"here\"\nkind = \"command\"\ncommand = [\"x\"]\nevery = \"1h\"\n";
    let text = town_of(&format!(
        "[defaults]\nhost = \"a\"\n{}{chores}",
        session("y", "host = \"b\"")
    ));
    for (hostname, expected) in [("a", vec!["here"]), ("b", vec!["nudge-y", "there"])] {
        let mut given = given(&text);
        given.hostname = hostname;
        let town = given.load().unwrap().town;
        let found: Vec<&str> = town
            .chores
            .iter()
            .map(|chore| chore.name.as_str())
            .collect();
        assert_eq!(found, expected);
    }
}

#[test]
fn an_onlooker_covers_no_session_by_a_policy() {
    let text = town_of("[[policy]]\nmatch = \"t-*\"\nmax_age = \"1h\"\n");
    assert!(given(&text).load().unwrap().town.policies.is_empty());
    let mut given = given(&text);
    given.hostname = "a";
    assert_eq!(given.load().unwrap().town.policies.len(), 1);
}

#[test]
fn each_fault_says_where_it_is() {
    let x = |rest: &str| town_of(&session("x", rest));
    let cases = [
        (x(""), "missing-field 9:1 [[session]]"),
        (x("host = \"c\""), "unknown-host 12:8 \"c\""),
        (
            given_without_hosts("host = \"a\""),
            "unknown-host 6:8 \"a\"",
        ),
        (
            town_of("[hosts.c]\nssh = \"-oProxyCommand=x\"\n"),
            "bad-destination 10:7 \"-oProxyCommand=x\"",
        ),
        (town_of("[hosts.\"c.d\"]\n"), "bad-name 9:1 [hosts.\"c.d\"]"),
        (
            town_of("[hosts.c]\ntown = \"town.toml\"\n"),
            "bad-path 10:8 \"town.toml\"",
        ),
        (
            town_of("[hosts.c]\ngtctl = \"bin/gtctl\"\n"),
            "bad-path 10:9 \"bin/gtctl\"",
        ),
        (
            town_of("[[chore]]\nkind = \"upstream\"\nrepo = \"a/b\"\n"),
            "missing-field 9:1 [[chore]]",
        ),
        (
            town_of(&format!(
                "{}{}",
                session("x", "host = \"a\""),
                session("y", "host = \"b\"\nafter = [\"x\"]")
            )),
            "after-elsewhere 17:9 [\"x\"]",
        ),
    ];
    for (text, fault) in cases {
        assert_eq!(given(&text).faults(), [fault], "{text}");
    }
    let mut asked = given(&x("host = \"a\""));
    asked.asked = Some("aa");
    assert_eq!(asked.faults(), ["unknown-host GTCTL_HOST"]);
    let mut alike = given("[town]\nname = \"acme\"\n[hosts.BOX]\n[hosts.Box]\n");
    alike.hostname = "box";
    assert_eq!(alike.faults(), ["ambiguous-host 4:1 [hosts.Box]"]);
}

fn given_without_hosts(rest: &str) -> String {
    format!("[town]\nname = \"acme\"\n{}", session("x", rest))
}
