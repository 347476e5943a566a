//! Chores: how often each kind runs, and which fields it takes.

use super::tests::given;
use crate::model::{ChoreTimes, Period};

#[test]
fn chores_follow_the_profile_and_take_only_their_own_fields() {
    let text = "[town]\nname = \"a\"\nprofile = \"low-budget\"\n[[session]]\nsession = \"x\"\n[[chore]]\nkind = \"upstream\"\nrepo = \"a/b\"\n[[chore]]\nkind = \"nudge\"\nsession = \"x\"\ntext = \"go\"\n[[chore]]\nkind = \"analysis\"\ncommand = [\"k\"]\nevery = \"off\"\n";
    let chores = given(text).load().expect("loads").town.chores;
    assert_eq!(
        chores
            .iter()
            .map(|c| (c.name.as_str(), c.times.clone()))
            .collect::<Vec<_>>(),
        [("upstream", ChoreTimes::Every(Period::from_hours(1)))]
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

#[test]
fn set_times_have_a_zone_and_stand_in_place_of_every() {
    let chore = "[[chore]]\nkind = \"command\"\ncommand = [\"k\"]\n";
    let zone = |lines: &str| {
        let text = format!("[town]\nname = \"a\"\n{chore}{lines}");
        let chores = given(&text).load().expect("loads").town.chores;
        match &chores[0].times {
            ChoreTimes::At(timetable) => timetable.zone.name.clone(),
            ChoreTimes::Every(every) => panic!("every {every}"),
        }
    };
    let at = "at = \"0 9 * * 1-5\"\n";
    assert_eq!(zone(at), "UTC", "the zone of the machine of the tests");
    let defaults = "[defaults]\ntimezone = \"Europe/Berlin\"\n";
    assert_eq!(zone(&format!("{at}{defaults}")), "Europe/Berlin");
    let own = "timezone = \"Asia/Tokyo\"\n";
    assert_eq!(zone(&format!("{at}{own}{defaults}")), "Asia/Tokyo");
    for (lines, fault) in [
        ("at = \"0 9 * *\"", "bad-times 6:6 \"0 9 * *\""),
        ("at = \"0 0 31 2 *\"", "bad-times 6:6 \"0 0 31 2 *\""),
        (
            "at = \"0 9 * * *\"\nevery = \"1h\"",
            "idle-field 7:9 \"1h\"",
        ),
        (
            "every = \"1h\"\ntimezone = \"UTC\"",
            "idle-field 7:12 \"UTC\"",
        ),
        (
            "at = \"0 9 * * *\"\ntimezone = \"Mars\"",
            "unknown-timezone 7:12 \"Mars\"",
        ),
    ] {
        let text = format!("[town]\nname = \"a\"\n{chore}{lines}\n");
        assert_eq!(given(&text).faults(), [fault], "{lines}");
    }
}
