//! Chores: how often each kind runs, and which fields it takes.

use super::tests::given;
use crate::model::Period;

#[test]
fn chores_follow_the_profile_and_take_only_their_own_fields() {
    let text = "[town]\nname = \"a\"\nprofile = \"low-budget\"\n[[session]]\nsession = \"x\"\n[[chore]]\nkind = \"upstream\"\nrepo = \"a/b\"\n[[chore]]\nkind = \"nudge\"\nsession = \"x\"\ntext = \"go\"\n[[chore]]\nkind = \"analysis\"\ncommand = [\"k\"]\nevery = \"off\"\n";
    let chores = given(text).load().expect("loads").town.chores;
    assert_eq!(
        chores
            .iter()
            .map(|c| (c.name.as_str(), c.every))
            .collect::<Vec<_>>(),
        [("upstream", Period::from_hours(1))]
    );
    let text = "[town]\nname = \"a\"\n[[session]]\nsession = \"x\"\n[[chore]]\nkind = \"nudge\"\nsession = \"y\"\ntext = \"go\"\n[[chore]]\nkind = \"command\"\ncommand = [\"k\"]\nevery = \"1h\"\nrepo = \"a/b\"\n[[chore]]\nevery = \"1h\"\n";
    let want = [
        "unknown-session 7:11 \"y\"",
        "idle-field 13:8 \"a/b\"",
        "missing-field 14:1 [[chore]]",
    ];
    assert_eq!(given(text).faults(), want);
    let text = "[town]\nname = \"a\"\n[[chore]]\nkind = \"analysis\"\nname = \"../x\"\ncommand = [\"k\"]\naccept = \"auto\"\n";
    assert_eq!(
        given(text).faults(),
        ["bad-name 5:8 \"../x\"", "idle-field 7:10 \"auto\""]
    );
}
