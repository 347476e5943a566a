use super::*;

fn schedule(hours: &str, zone: &str) -> Schedule {
    Schedule {
        hours: hours.parse().unwrap(),
        zone: Zone::named(zone).unwrap(),
    }
}

/// A time such as `2026-03-29T02:30+02:00`, in ms.
fn ms(text: &str) -> i64 {
    text.parse::<Timestamp>().unwrap().as_millisecond()
}

/// Whether it is on at a time, and when that changes, in the schedule's zone.
fn says(schedule: &Schedule, at: &str) -> (bool, String) {
    let ScheduleState { is_on, changes } = schedule.at(ms(at));
    let local = |at: i64| {
        let at = Timestamp::from_millisecond(at).unwrap();
        let local = at.to_zoned(schedule.zone.rules.clone());
        local.strftime("%a %d %H:%M%:z").to_string()
    };
    (is_on, changes.map_or_else(|| "never".to_owned(), local))
}

#[test]
fn a_working_week() {
    let week = schedule("Mon-Fri 08:00-12:00, 13:00-18:00", "Europe/Berlin");
    // 2026-11-27 is a Friday.
    for (at, is_on, changes) in [
        ("2026-11-27T07:59:59.999+01:00", false, "Fri 27 08:00+01:00"),
        ("2026-11-27T08:00+01:00", true, "Fri 27 12:00+01:00"),
        ("2026-11-27T12:00+01:00", false, "Fri 27 13:00+01:00"),
        ("2026-11-27T17:59+01:00", true, "Fri 27 18:00+01:00"),
        ("2026-11-27T18:00+01:00", false, "Mon 30 08:00+01:00"),
        ("2026-11-29T12:00+01:00", false, "Mon 30 08:00+01:00"),
    ] {
        assert_eq!(says(&week, at), (is_on, changes.to_owned()), "{at}");
    }
    assert_eq!(week.label(ms("2026-11-30T08:00+01:00")), "Mon 08:00");
}

#[test]
fn nights_belong_to_the_day_on_which_they_begin() {
    let night = schedule("Fri 22:00-06:00", "UTC");
    assert_eq!(
        says(&night, "2026-11-28T05:59Z"),
        (true, "Sat 28 06:00+00:00".to_owned())
    );
    assert_eq!(
        says(&night, "2026-11-28T22:30Z"),
        (false, "Fri 04 22:00+00:00".to_owned())
    );
    let nights = schedule("22:00-06:00", "UTC");
    assert!(nights.at(ms("2026-11-28T03:00Z")).is_on);
    assert!(!nights.at(ms("2026-11-28T12:00Z")).is_on);
}

#[test]
fn ranges_that_touch_are_one_and_a_whole_week_has_no_end() {
    let two = schedule("Mon 08:00-24:00, Tue 00:00-10:00", "UTC");
    assert_eq!(
        says(&two, "2026-11-30T23:00Z"),
        (true, "Tue 01 10:00+00:00".to_owned())
    );
    for whole in [
        "00:00-24:00",
        "Mon-Sun 00:00-12:00, 12:00-24:00",
        "06:00-18:00, 18:00-06:00",
    ] {
        let whole = schedule(whole, "Europe/Berlin");
        assert_eq!(
            says(&whole, "2026-11-30T23:00Z"),
            (true, "never".to_owned())
        );
    }
    let days = schedule("Mon, Wed, Fri 08:00-09:00", "UTC");
    assert_eq!(
        says(&days, "2026-11-30T09:00Z"),
        (false, "Wed 02 08:00+00:00".to_owned())
    );
    let weekend = schedule("Sat-Mon 10:00-11:00", "UTC");
    assert_eq!(
        says(&weekend, "2026-11-30T11:00Z"),
        (false, "Sat 05 10:00+00:00".to_owned())
    );
}

#[test]
fn in_spring_a_skipped_time_is_later() {
    // In Berlin, on 2026-03-29 at 02:00 the clock goes to 03:00.
    let early = schedule("02:30-08:00", "Europe/Berlin");
    assert_eq!(
        says(&early, "2026-03-29T01:59+01:00"),
        (false, "Sun 29 03:30+02:00".to_owned())
    );
    assert_eq!(
        says(&early, "2026-03-29T03:30+02:00"),
        (true, "Sun 29 08:00+02:00".to_owned())
    );
    let until = schedule("Sat 22:00-02:30", "Europe/Berlin");
    assert_eq!(
        says(&until, "2026-03-29T01:30+01:00"),
        (true, "Sun 29 03:30+02:00".to_owned())
    );
    // The working day is an hour shorter by the clock, and no time is lost.
    let day = schedule("08:00-18:00", "Europe/Berlin");
    assert_eq!(
        says(&day, "2026-03-29T07:59+02:00"),
        (false, "Sun 29 08:00+02:00".to_owned())
    );
}

#[test]
fn in_autumn_the_first_of_two_equal_times_counts() {
    // In Berlin, on 2026-10-25 at 03:00 the clock goes back to 02:00.
    let early = schedule("02:30-08:00", "Europe/Berlin");
    assert_eq!(
        says(&early, "2026-10-25T02:29+02:00"),
        (false, "Sun 25 02:30+02:00".to_owned())
    );
    assert_eq!(
        says(&early, "2026-10-25T02:30+01:00"),
        (true, "Sun 25 08:00+01:00".to_owned())
    );
    let until = schedule("Sat 22:00-02:30", "Europe/Berlin");
    assert_eq!(
        says(&until, "2026-10-25T02:29+02:00"),
        (true, "Sun 25 02:30+02:00".to_owned())
    );
    assert!(!until.at(ms("2026-10-25T02:29+01:00")).is_on);
}

#[test]
fn the_state_changes_at_the_change_and_not_before() {
    let all = [
        schedule("Mon-Fri 08:00-12:00, 13:00-18:00", "Europe/Berlin"),
        schedule("22:00-06:00", "America/New_York"),
        schedule("Sun 01:00-03:00, Wed 12:00-13:00", "Europe/Berlin"),
    ];
    for schedule in all {
        let mut at = ms("2026-01-01T00:00Z");
        let end = ms("2027-01-01T00:00Z");
        while at < end {
            let state = schedule.at(at);
            let change = state.changes.unwrap();
            assert!(change > at);
            let before = schedule.at(change - 1);
            assert_eq!(before, state, "{}", schedule.label(at));
            assert_eq!(schedule.at(change).is_on, !state.is_on);
            at = change;
        }
    }
}

#[test]
fn a_time_without_a_calendar_is_within_every_schedule() {
    let week = schedule("Mon 08:00-09:00", "UTC");
    for wall in [i64::MIN, i64::MAX] {
        let always = ScheduleState {
            is_on: true,
            changes: None,
        };
        assert_eq!(week.at(wall), always);
    }
}

#[test]
fn what_says_no_hours_is_refused() {
    let refused = |text: &str| text.parse::<WeekHours>().unwrap_err().to_string();
    for (text, why) in [
        ("", "`` is neither days nor a range of times"),
        ("Mon-Fri", "it ends with days, without a range of times"),
        ("Mon-Fri 8-18", "`8` is no time of the day"),
        ("Mo 08:00-18:00", "`Mo` is no day of the week"),
        ("Mon 08:00", "`08:00` is neither days nor a range of times"),
        ("08:00-25:00", "`25:00` is no time of the day"),
        ("08:60-09:00", "`08:60` is no time of the day"),
        ("24:00-08:00", "`24:00` is no time of the day"),
        (
            "08:00-08:00",
            "`08:00-08:00` is empty: it ends when it begins",
        ),
        (
            "Mon Tue 08:00-09:00",
            "`Mon Tue 08:00-09:00` is neither days nor a range of times",
        ),
    ] {
        assert_eq!(refused(text), why, "{text}");
    }
    let many = vec!["08:00-09:00"; 33].join(",");
    assert_eq!(refused(&many), "more than 32 ranges");
}
