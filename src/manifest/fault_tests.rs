//! What is refused, where each fault points, and what its help says.

use super::tests::{example, given, place};
use super::*;

/// The codes of a manifest's faults.
fn codes(text: &str) -> Vec<&'static str> {
    let faults = given(text).load().err();
    let list = faults.map(|faults| faults.list).unwrap_or_default();
    list.iter().map(|fault| fault.code).collect()
}

#[test]
fn a_readiness_probe_asks_one_thing_that_can_be_asked() {
    let town = |ready: &str| {
        format!("[town]\nname = \"a\"\n[[session]]\nsession = \"x\"\nready = {ready}\n")
    };
    for faulty in [
        "{}",
        "{ every = '1s' }",
        "{ log = ' ' }",
        "{ command = [] }",
        "{ command = [''] }",
        "{ port = 0 }",
        "{ port = 1, log = 'a' }",
        "{ log = 'a', command = ['b'] }",
        "{ port = 1, every = '199ms' }",
    ] {
        assert_eq!(codes(&town(faulty)), ["bad-ready"], "{faulty}");
    }
    assert_eq!(codes(&town("{ http = 'x' }")), ["bad-ready", "unknown-key"]);
    for good in [
        "{ log = 'a' }",
        "{ command = ['b', '{session}'], every = '200ms' }",
        "{ port = 65535 }",
    ] {
        assert!(codes(&town(good)).is_empty(), "{good}");
    }
    assert!(!codes(&town("{ port = 65536 }")).is_empty());
}

#[test]
fn answers_are_checked() {
    let town = |answers: &str| {
        format!(
            "[town]\nname = \"a\"\n[agents.claude]\nanswer = [{answers}]\n[[session]]\nsession = \"x\"\n"
        )
    };
    for (answers, code) in [
        ("{ when = '', choose = 'b' }", "empty-answer"),
        ("{ when = 'a' }", "empty-answer"),
        ("{ when = 'a', choose = ' ' }", "empty-answer"),
        (
            "{ when = 'a', choose = 'b' }, { when = 'a', choose = 'c' }",
            "duplicate-answer",
        ),
    ] {
        let found = codes(&town(answers));
        assert_eq!(found, [code], "{answers}");
    }
    assert!(codes(&town("{ when = 'a', choose = 'b' }")).is_empty());
    let many: Vec<String> = (0..33)
        .map(|n| format!("{{ when = 'a{n}', choose = 'b' }}"))
        .collect();
    assert_eq!(codes(&town(&many.join(", "))), ["too-many"]);
}

#[test]
fn twelve_faults_are_told_at_once_each_at_its_place() {
    let text = "\
[town]
name = \"acme\"
root = \"~/gt\"
colour = 1

[defaults]
max_age = \"5M\"
idle_limit = \"0s\"
restart = \"sometimes\"

[[session]]
role = \"wittness\"
rig = \"shop\"

[[session]]
role = \"witness\"
rig = \"shopp\"

[[session]]
session = \"a\"
command = []

[[session]]
session = \"b\"
agent = \"cluade\"

[[session]]
session = \"c\"
command = [\"sh\", 1]

[[session]]
session = \"d\"
command = [\"sh\", \"{rigg}\"]
after = [\"dd\"]

[[session]]
session = \"e:1\"
command = [\"sh\"]

[[session]]
session = \"d\"
command = [\"sh\"]
";
    let want = [
        "unknown-key 4:1 colour",
        "bad-duration 7:11 \"5M\"",
        "zero-limit 8:14 \"0s\"",
        "unknown-word 9:11 \"sometimes\"",
        "unknown-role 12:8 \"wittness\"",
        "unknown-rig 17:7 \"shopp\"",
        "empty-command 21:11 []",
        "unknown-agent 25:9 \"cluade\"",
        "wrong-type 29:18 1",
        "unknown-template 33:19 {rigg}",
        "unknown-session 34:10 \"dd\"",
        "bad-name 37:11 \"e:1\"",
        "duplicate-session 41:11 \"d\"",
    ];
    let faults = given(text).faults();
    assert_eq!(faults, want, "{faults:#?}");
}

#[test]
fn helps_say_what_was_meant() {
    let text = "[town]\nname = \"a\"\nroot = \"~/gt\"\n[defaults]\nmax_agee = \"1h\"\n[[session]]\nrole = \"wittness\"\n[[session]]\nrole = \"crew\"\nrig = \"shp\"\nname = \"x\"";
    let faults = given(text).load().expect_err("faulty");
    let helps: Vec<_> = faults
        .list
        .iter()
        .filter_map(|f| f.help.as_deref())
        .collect();
    assert_eq!(
        helps,
        [
            "did you mean `max_age`?",
            "did you mean `witness`?",
            "did you mean `shop`?"
        ]
    );
}

#[test]
fn whatever_the_bytes_it_ends_and_shows_no_control_characters() {
    let nasty = format!(
        "[town]\nname = \"\\u001b[2J{}\"\n\"\\u001bkey\" = 1\n",
        "x".repeat(10_000)
    );
    let faults = given(&nasty).load().expect_err("faulty");
    assert_eq!(faults.list.len(), 2);
    for fault in &faults.list {
        assert!(
            !fault.message.contains('\u{1b}') && fault.message.len() < 400,
            "{}",
            fault.message
        );
    }
    for text in [
        "",
        "[",
        "[[session]]",
        "session = 1",
        "[session]\na = 1",
        "roles = 3",
        "[roles]\nx = 1",
        "town = []",
    ] {
        given(text).load().expect_err(text);
    }
    let huge = format!("#{}\n", "x".repeat(1 << 20));
    assert_eq!(
        given(&huge).load().expect_err("large").list[0].code,
        "too-large"
    );
}

#[test]
fn a_half_written_manifest_never_ends_the_program() {
    for file in ["quickstart", "gastown", "polecats"] {
        let text = example(file);
        for end in (0..text.len()).step_by(11) {
            if let Some(half) = text.get(..end) {
                drop(given(half).load());
            }
        }
    }
}

#[test]
fn faults_of_variables_and_flags_name_them() {
    let mut given = given("[town]\nname = \"a\"\n")
        .variable("GTCTL_DEFAULTS_MAX_AGE", "5M")
        .variable("GTCTL_DEFAULTS_MAX_AGEE", "5m")
        .variable("GTCTL_DEFALTS_WAVE", "5")
        .variable("GTCTL_LIMITS_CONCURRENT_STARTS", "many")
        .variable("GTCTL_STATE_DIR", "/x")
        .variable("GTCTL_CRASHES", "2")
        .variable("GTCTL_BUILD_ID", "2")
        .variable("PATH", "/x");
    given.flags = vec![Flag {
        flag: "--set".into(),
        path: "town.nmae".into(),
        value: "b".into(),
    }];
    let want = [
        "unknown-variable GTCTL_DEFALTS_WAVE",
        "bad-duration GTCTL_DEFAULTS_MAX_AGE",
        "unknown-variable GTCTL_DEFAULTS_MAX_AGEE",
        "wrong-type GTCTL_LIMITS_CONCURRENT_STARTS",
        "unknown-key --set",
    ];
    assert_eq!(given.faults(), want);
}

#[test]
fn what_this_version_cannot_do_is_refused_and_what_it_ignores_is_told() {
    let text = "[town]\nname = \"a\"\nsocket = \"gastown\"\n[defaults]\non_idle = \"nudge\"\nlogs = { files = 2 }\n[roles.mine]\nlauncher = \"gt\"\nstart = [\"x\"]\n[[chore]]\nkind = \"upstream\"\nrepo = \"a/b\"\n[controller]\nmetrics = \"x\"\n";
    let faults = given(text).load().expect_err("faulty");
    let list: Vec<String> = faults
        .list
        .iter()
        .map(|f| format!("{} {}", f.code, place(&faults, &f.origin)))
        .collect();
    let want = ["no-root 3:10 \"gastown\"", "bad-metrics 14:11 \"x\""];
    assert_eq!(list, want);
}
