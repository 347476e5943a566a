use super::*;
use crate::model::{
    Activity, AgentReport, Generation, Moment, ProcId, Reported, ReportingClient, Source,
};

const START: Moment = Moment {
    wall: 1_700_000_000_000,
    awake: 1_000_000,
    boot: 7,
};

fn at(ms: u64) -> Moment {
    START.plus(crate::model::Period::from_millis(ms))
}

fn report(ms: u64, json: &str) -> Option<AgentReport> {
    let hooked = read(ReportingClient::Claude, json.as_bytes())?;
    let ancestors = vec![ProcId { pid: 4, start: 5 }];
    Some(hooked.reported(ReportingClient::Claude, Generation(1), at(ms), ancestors))
}

fn event(ms: u64, name: &str) -> AgentReport {
    report(ms, &format!(r#"{{"hook_event_name":"{name}"}}"#)).unwrap()
}

fn activity(reports: &[AgentReport]) -> Option<Activity> {
    latest(reports).map(|reported| reported.activity)
}

/// What real clients have sent, and what it means.
#[test]
fn each_recorded_event_has_its_meaning() {
    let table = include_str!("../../tests/reports/events.jsonl");
    let mut count = 0;
    for line in table.lines().filter(|line| !line.starts_with('#')) {
        let row: serde_json::Value = serde_json::from_str(line).unwrap();
        let client: ReportingClient = row["client"].as_str().unwrap().parse().unwrap();
        let hooked = read(client, row["event"].to_string().as_bytes());
        let means = hooked.as_ref().map(|hooked| hooked.activity.code());
        assert_eq!(means, row["means"].as_str(), "{line}");
        if let Some(text) = row["text"].as_str() {
            assert_eq!(hooked.unwrap().text, text, "{line}");
        }
        count += 1;
    }
    assert!(count >= 30, "{count} rows");
}

#[test]
fn what_is_no_event_says_nothing() {
    for json in [
        "",
        "{",
        "[]",
        "null",
        r#"{"hook_event_name": 3}"#,
        r#"{"hook_event_name": "Unheard"}"#,
        r#"{"session_id": "x"}"#,
    ] {
        assert_eq!(report(0, json), None, "{json}");
    }
}

#[test]
fn an_id_that_a_client_would_take_for_a_flag_is_dropped() {
    let json = r#"{"hook_event_name": "Stop", "session_id": "--resume"}"#;
    assert_eq!(report(0, json).unwrap().conversation, None);
    let json = r#"{"hook_event_name": "Stop", "session_id": "a-b_1"}"#;
    let conversation = report(0, json).unwrap().conversation.unwrap();
    assert_eq!(conversation.as_str(), "a-b_1");
}

#[test]
fn the_latest_word_counts() {
    let turn = [event(0, "SessionStart"), event(100, "UserPromptSubmit")];
    assert_eq!(activity(&turn), Some(Activity::Working));
    assert_eq!(activity(&turn[..1]), Some(Activity::Ready));
    assert_eq!(activity(&[]), None);
}

#[test]
fn a_tools_report_that_comes_late_ends_neither_a_pause_nor_a_question() {
    let late = [event(0, "Stop"), event(20, "PostToolUse")];
    assert_eq!(activity(&late), Some(Activity::Idle));
    let asked = [event(0, "PermissionRequest"), event(5, "PreToolUse")];
    assert_eq!(activity(&asked), Some(Activity::Asks));
    let answered = [event(0, "PermissionRequest"), event(3000, "PostToolUse")];
    assert_eq!(activity(&answered), Some(Activity::Working));
    // A new turn begins whenever somebody says something.
    let next = [event(0, "Stop"), event(20, "UserPromptSubmit")];
    assert_eq!(activity(&next), Some(Activity::Working));
}

#[test]
fn a_report_of_long_before_does_not_count_after_a_later_one() {
    let disordered = [event(5000, "Stop"), event(0, "UserPromptSubmit")];
    assert_eq!(activity(&disordered), Some(Activity::Idle));
}

#[test]
fn a_notice_of_idleness_clears_no_failure() {
    let failed = r#"{"hook_event_name":"StopFailure","error":"rate_limit"}"#;
    let notice = r#"{"hook_event_name":"Notification","notification_type":"idle_prompt"}"#;
    let reports: Vec<AgentReport> = [(0, failed), (60_000, notice)]
        .iter()
        .filter_map(|(ms, json)| report(*ms, json))
        .collect();
    assert_eq!(activity(&reports), Some(Activity::Limit));
}

fn reported(activity: Activity, by: Source, ms: u64) -> Reported {
    Reported {
        activity,
        by,
        event: "x".to_owned(),
        at: at(ms),
        conversation: None,
        text: by.word().to_owned(),
        transcript: None,
        resets: None,
        has_begun_turn: false,
        usage: None,
    }
}

#[test]
fn a_registry_decides_unless_a_hook_knows_more_of_the_same_moment() {
    let decides = |hook: (Activity, u64), registry: (Activity, u64)| {
        let hook = reported(hook.0, Source::Hook, hook.1);
        let registry = reported(registry.0, Source::Registry, registry.1);
        let both = together(Some(hook), Some(registry)).unwrap();
        (both.by, both.activity)
    };
    let by_registry = |activity| (Source::Registry, activity);
    let by_hook = |activity| (Source::Hook, activity);
    // Escape: no hook tells of it.
    assert_eq!(
        decides((Activity::Working, 0), (Activity::Idle, 4000)),
        by_registry(Activity::Idle)
    );
    // A failure: the registry calls it idle.
    assert_eq!(
        decides((Activity::Limit, 4000), (Activity::Idle, 4050)),
        by_hook(Activity::Limit)
    );
    // It was left behind: the agent has worked since.
    assert_eq!(
        decides((Activity::Limit, 0), (Activity::Idle, 9000)),
        by_registry(Activity::Idle)
    );
    assert_eq!(
        decides((Activity::Limit, 0), (Activity::Working, 100)),
        by_registry(Activity::Working)
    );
    // The client asks in a menu of its own what to do about a limit.
    assert_eq!(
        decides((Activity::Limit, 4000), (Activity::Asks, 4300)),
        by_hook(Activity::Limit)
    );
    // A question: the hook says which.
    assert_eq!(
        decides((Activity::Asks, 4000), (Activity::Asks, 4050)),
        by_hook(Activity::Asks)
    );
    assert_eq!(
        decides((Activity::Asks, 0), (Activity::Asks, 9000)),
        by_registry(Activity::Asks)
    );
}

#[test]
fn an_entry_of_the_registry_is_read() {
    let json = br#"{"pid":10405,"sessionId":"1111-2222","procStart":"57699","status":"waiting",
        "waitingFor":"permission prompt","updatedAt":5,"statusUpdatedAt":1699999999000}"#;
    let entry = registry_entry(json).unwrap();
    let process = ProcId {
        pid: 10405,
        start: 57699,
    };
    assert_eq!(entry.process, process);
    assert_eq!(entry.activity, Activity::Asks);
    let reported = entry.reported(START).unwrap();
    assert_eq!(START.since(&reported.at).millis(), 1000);
    assert_eq!(reported.text, "permission prompt");
    for broken in [&b""[..], b"{}", br#"{"pid":1,"procStart":"x"}"#] {
        assert_eq!(registry_entry(broken), None);
    }
}
