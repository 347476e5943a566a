//! Agents of the manifest: their phrases, and the agent that each is like.

use super::tests::given;

#[test]
fn phrases_are_added_to_the_built_in_ones_and_taken_out_by_name() {
    let session = "[[session]]\nsession = \"s\"\nagent = \"claude\"\ndir = \"/towns\"\n";
    let plain = format!("[town]\nname = \"t\"\n{session}");
    let built_in = given(&plain).load().expect("a town").town.sessions["s"]
        .agent
        .clone();
    let mut changed = given(&format!(
        "{plain}[agents.claude]\nauth = [\"Session expired\", \"!Not logged in\"]\nquit = [\"C-d\"]\nfix = \"log in\"\n"
    ));
    changed.user =
        Some("[agents.claude]\nauth = [\"Who are you?\", \"Session expired\"]\n".to_owned());
    let agent = changed.load().expect("a town").town.sessions["s"]
        .agent
        .clone();
    let mut expected: Vec<String> = built_in
        .auth
        .iter()
        .filter(|phrase| *phrase != "Not logged in")
        .cloned()
        .collect();
    expected.extend(["Who are you?".to_owned(), "Session expired".to_owned()]);
    assert_eq!(agent.auth, expected);
    assert_eq!(agent.limit, built_in.limit);
    assert_eq!(agent.quit, ["C-d"]);
    assert_eq!(agent.fix.as_deref(), Some("log in"));
}

#[test]
fn a_phrase_without_text_is_a_fault() {
    let text = "[town]\nname = \"t\"\n[agents.mine]\ncommand = [\"mine\"]\nbusy = [\"* *\"]\n";
    let faults = given(text).load().expect_err("faults");
    assert!(
        faults.list.iter().any(|fault| fault.code == "empty-phrase"),
        "{faults:?}"
    );
}

#[test]
fn an_agent_takes_the_tables_of_the_one_it_is_like() {
    let text = "[town]\nname = \"a\"\n\
        [agents.claude]\nbusy = [\"own busy\"]\n\
        [agents.opus]\ncommand = [\"env\", \"A=b\", \"/opt/claude\", \"--model\", \"opus\"]\nbusy = [\"more\"]\n\
        ready = [\"!❯\"]\nsubmit = [\"C-d\"]\n\
        [agents.wrapped]\nlike = \"opus\"\ncommand = [\"wrap\"]\n\
        [agents.other]\ncommand = [\"other\"]\n\
        [[session]]\nsession = \"x\"\nagent = \"opus\"\n[[session]]\nsession = \"y\"\nagent = \"wrapped\"\n\
        [[session]]\nsession = \"z\"\nagent = \"claude\"\n[[session]]\nsession = \"w\"\nagent = \"other\"\n";
    let loaded = given(text).load().expect("loads");
    let town = &loaded.town;
    let agent = |name: &str| town.sessions[name].agent.clone();
    let (opus, wrapped, claude) = (agent("x"), agent("y"), agent("z"));
    assert_eq!(
        (
            opus.like.as_deref(),
            wrapped.like.as_deref(),
            claude.like.as_deref()
        ),
        (Some("claude"), Some("opus"), None)
    );
    assert_eq!(opus.busy, [&claude.busy[..], &["more".to_owned()]].concat());
    assert!(claude.busy.contains(&"own busy".to_owned()) && claude.ready.contains(&"❯".to_owned()));
    assert!(
        !opus.ready.contains(&"❯".to_owned())
            && !opus.ready.iter().any(|phrase| phrase.starts_with('!'))
    );
    assert_eq!(
        (&opus.quit, &opus.probe, &opus.auth),
        (&claude.quit, &claude.probe, &claude.auth)
    );
    assert_eq!(opus.submit, ["C-d"]);
    assert_eq!(opus.process_names, claude.process_names);
    assert_eq!(
        wrapped.process_names,
        [&claude.process_names[..], &["wrap".to_owned()]].concat()
    );
    assert_eq!((&agent("w").like, agent("w").busy.len()), (&None, 0));
    let explained = loaded.origins.explain(&town.sessions["x"]);
    let like = explained
        .iter()
        .find(|field| field.field == "agent.like")
        .expect("it is explained");
    assert_eq!(
        (like.value.as_str(), like.origin.as_str()),
        ("\"claude\"", "found from its command")
    );
}

#[test]
fn an_agent_like_an_unknown_one_or_like_itself_is_a_fault() {
    let text = "[town]\nname = \"a\"\n[agents.a]\nlike = \"cluade\"\n[agents.b]\nlike = \"c\"\n[agents.c]\nlike = \"b\"\n[[session]]\nsession = \"x\"\ncommand = [\"sh\"]\n";
    let faults = given(text).load().expect_err("faulty");
    let mut codes: Vec<&str> = faults.list.iter().map(|fault| fault.code).collect();
    codes.sort_unstable();
    assert_eq!(codes, ["agent-cycle", "agent-cycle", "unknown-agent"]);
    let unknown = faults
        .list
        .iter()
        .find(|fault| fault.code == "unknown-agent")
        .expect("one");
    assert!(
        format!("{unknown:?}").contains("did you mean `claude`"),
        "{unknown:?}"
    );
}
