//! `after`: what a session waits for, and what can never be waited for.

use super::tests::given;
use crate::model::{Milestone, Period};

#[test]
fn cycles_name_each_edge_and_waves_are_kept() {
    let session = |n: &str, rest: &str| {
        format!("[[session]]\nsession = \"{n}\"\ncommand = [\"sh\"]\n{rest}\n")
    };
    let text = [
        "[town]\nname = \"t\"\n".to_owned(),
        session("a", "after = [\"b\"]"),
        session("b", "after = [\"c\"]"),
        session("c", "after = [\"a\"]"),
        session("self", "after = [\"self\"]"),
        session("early", "after = [\"late\"]"),
        session("late", "wave = 9"),
    ]
    .concat();
    let faults = given(&text).load().expect_err("faulty");
    let codes: Vec<_> = faults
        .list
        .iter()
        .map(|f| (f.code, f.related.len()))
        .collect();
    assert_eq!(codes, [("cycle", 2), ("cycle", 0), ("later-wave", 0)]);
    assert_eq!(
        faults.list[0].message,
        "sessions wait for each other: a → b → c → a"
    );
    assert_eq!(faults.list[0].related[1].label, "`c` waits for `a`");
}

#[test]
fn what_can_never_be_waited_for_is_a_fault_at_its_place() {
    let text = "[town]
name = \"t\"
[defaults]
command = [\"sh\"]

[[session]]
session = \"db\"

[[session]]
session = \"app\"
after = [
  { session = \"dbb\" },
  { session = \"db\", when = \"completed\" },
]

[[session]]
session = \"other\"
after = [{ session = \"db\", within = \"0s\" }]

[[session]]
session = \"third\"
after = [{ session = \"db\", wihtin = \"2m\" }]

[[session]]
session = \"fourth\"
after = [{ when = \"ready\" }]

[[session]]
session = \"fifth\"
after = [\"db\", { session = \"db\", when = \"started\" }]

[[session]]
session = \"sixth\"
after = [{ session = \"db\", when = \"redy\" }]

[[session]]
session = \"seventh\"
after = [7]
";
    let faults = given(text).faults();
    let want = [
        "unknown-session 12:15 \"dbb\"",
        "never-completes 13:28 \"completed\"",
        "zero-limit 18:37 \"0s\"",
        "unknown-key 22:28 wihtin",
        "wrong-value 26:10 { when = \"ready\" }",
        "duplicate-session 30:28 \"db\"",
        "unknown-word 34:35 \"redy\"",
        "wrong-type 38:10 7",
    ];
    assert_eq!(faults, want, "{faults:#?}");
}

#[test]
fn a_plain_name_waits_for_a_service_to_be_ready_and_for_a_task_to_complete() {
    let text = "[town]
name = \"t\"
[defaults]
command = [\"sh\"]
[[session]]
session = \"db\"
[[session]]
session = \"migrate\"
restart = \"on-failure\"
[[session]]
session = \"app\"
after = [\"db\", \"migrate\"]
[[session]]
session = \"other\"
after = [{ session = \"db\", when = \"started\", within = \"2m\" }, { session = \"migrate\", when = \"ready\" }]
";
    let town = given(text).load().expect("loads").town;
    let awaited = |session: &str| -> Vec<(String, Milestone, Option<Period>)> {
        let after = town.sessions[session].after.iter();
        after
            .map(|(name, awaited)| (name.to_string(), awaited.milestone, awaited.within))
            .collect()
    };
    let (db, migrate) = ("db".to_owned(), "migrate".to_owned());
    let plain = [
        (db.clone(), Milestone::Ready, None),
        (migrate.clone(), Milestone::Completed, None),
    ];
    assert_eq!(awaited("app"), plain);
    let within = Some(Period::from_mins(2));
    assert_eq!(
        awaited("other"),
        [
            (db, Milestone::Started, within),
            (migrate, Milestone::Ready, None)
        ]
    );
}
