//! Advice about limits that never apply.

use super::tests::{example, given, place};

/// Code, line, column and text of every advice.
fn limit_advice(text: &str) -> Vec<String> {
    let given = given(&format!("[town]\nname = \"a\"\n{text}"));
    let advice = given.load().expect("loads").advice;
    advice
        .list
        .iter()
        .map(|f| format!("{} {}", f.code, place(&advice, &f.origin)))
        .collect()
}

#[test]
fn limits_that_can_never_apply_are_advised_of_at_their_place() {
    let all = "[[session]]\nsession = \"x\"\nready_after = \"2h\"\nmax_age = \"1h\"\nbackoff = { first = \"10m\", max = \"5m\", burst = 50, window = \"1m\" }\n";
    let want = [
        "never-applies 5:15 \"2h\"",
        "never-applies 7:21 \"10m\"",
        "never-applies 7:48 50",
    ];
    assert_eq!(limit_advice(all), want);
    let shared = "[defaults]\nbackoff = { max = \"1s\" }\n[[session]]\nsession = \"x\"\n[[session]]\nsession = \"y\"\n";
    assert_eq!(
        limit_advice(shared),
        ["never-applies 4:19 \"1s\""],
        "once, though two sessions share it"
    );
    let window = "[[session]]\nsession = \"x\"\nbackoff.window = \"1m\"\n";
    assert_eq!(
        limit_advice(window),
        ["never-applies 5:18 \"1m\""],
        "against the usual burst"
    );
}

#[test]
fn limits_on_tokens_that_no_client_tells_are_advised_of_once_for_each_agent() {
    let session = |name: &str, agent: &str| {
        format!("[[session]]\nsession = \"{name}\"\nagent = \"{agent}\"\n")
    };
    let cases = [
        ("claude", "max_tokens = \"2M\"\nmax_context = \"160k\"\n", 0),
        ("claude", "max_context = \"80%\"\n", 1),
        (
            "codex",
            "max_context = \"80%\"\n[agents.codex]\nhooks = \"on\"\n",
            0,
        ),
        ("codex", "max_context = \"80%\"\n", 1),
        ("gemini", "max_tokens = 5000\nmax_context = \"80%\"\n", 2),
    ];
    for (agent, limits, advices) in cases {
        let text = format!(
            "[defaults]\n{limits}{}{}",
            session("x", agent),
            session("y", agent)
        );
        assert_eq!(limit_advice(&text).len(), advices, "{agent} {limits}");
    }
    let shell =
        "[defaults]\nmax_tokens = \"2M\"\n[[session]]\nsession = \"x\"\ncommand = [\"sh\"]\n";
    assert_eq!(limit_advice(shell), Vec::<String>::new());
}

#[test]
fn limits_that_can_apply_are_not_advised_of() {
    let just = "backoff = { first = \"5m\", max = \"5m\", burst = 5, window = \"15m\" }\n";
    let session = "[[session]]\nsession = \"x\"\nready_after = \"1h\"\n";
    assert_eq!(
        limit_advice(&format!("{session}max_age = \"1h\"\n{just}")),
        Vec::<String>::new()
    );
    assert_eq!(
        limit_advice(&format!("{session}max_age = \"off\"\n")),
        Vec::<String>::new()
    );
    for name in ["quickstart", "low-budget", "high-throughput"] {
        let advice = given(&example(name)).load().expect(name).advice;
        assert!(
            advice
                .list
                .iter()
                .all(|fault| fault.code != "never-applies"),
            "{name}: {advice:?}"
        );
    }
}
