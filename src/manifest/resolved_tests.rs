//! The manifest as it is in force is a manifest of the same town.

use super::tests::{example, given};
use super::{Loaded, ResolvedTable};
use crate::model::{Desired, Town};

/// The tables as the text of a manifest, without origins and variables.
fn text(tables: &[ResolvedTable]) -> String {
    let table = |table: &ResolvedTable| {
        let fields = table.fields.iter().filter(|field| field.field != "env");
        let lines = fields.map(|field| format!("{} = {}\n", field.field, field.value));
        format!("{}\n{}", table.header, lines.collect::<String>())
    };
    tables.iter().map(table).collect()
}

/// The town without the variables of its sessions, which are not shown.
fn without_env(mut town: Town) -> Town {
    for session in town.sessions.values_mut() {
        *session = Desired {
            env: crate::model::SortedMap::new(),
            ..session.clone()
        };
    }
    town
}

#[test]
fn every_example_read_again_is_the_same_town() {
    for name in [
        "quickstart",
        "gastown",
        "polecats",
        "high-throughput",
        "low-budget",
        "hundreds",
    ] {
        let Loaded { town, origins, .. } = given(&example(name)).load().expect(name);
        let resolved = text(&origins.tables(&town));
        let again = given(&resolved).load();
        let again = again.unwrap_or_else(|faults| panic!("{name}: {:#?}\n{resolved}", faults.list));
        let (town, again) = (without_env(town), without_env(again.town));
        for (session, desired) in &town.sessions {
            assert_eq!(&again.sessions[session], desired, "{name}: {resolved}");
        }
        assert_eq!(again, town, "{name}");
    }
}

#[test]
fn templates_and_groups_are_filled_in() {
    let written = "[town]
name = \"t\"
[[session]]
session = \"w\"
name = \"cat\"
count = 2
handoff = \"{name}: write it down\"
command = [\"run\", \"{{n}}\", \"{n}\", \"a\\u001bb\"]
env = { TOKEN = \"hush\" }
env_file = [\"/a/{name}.env\", { path = \"/b\", optional = true }]
enabled = false
[[session]]
session = \"x\"
after = [{ session = \"w-*\", when = \"started\", within = \"2m\" }]
";
    let Loaded { town, origins, .. } = given(written).load().expect("valid");
    let table = origins.session_table(&town.sessions["w-2"]);
    let of = |field: &str| {
        let line = table.fields.iter().find(|line| line.field == field);
        line.map_or(String::new(), |line| {
            format!("{} {}", line.value, line.origin)
        })
    };
    assert_eq!(
        of("command"),
        "[\"run\", \"{{n}}\", \"2\", \"a\\U0000001Bb\"] town.toml:8"
    );
    assert_eq!(of("handoff"), "\"cat-2: write it down\" town.toml:7");
    assert_eq!(of("name"), "\"cat-2\" town.toml:6");
    assert_eq!(of("enabled"), "false town.toml:11");
    assert_eq!(of("env"), "{ TOKEN = … } town.toml:9");
    assert_eq!(
        of("env_file"),
        "[\"/a/cat-2.env\", { path = \"/b\", optional = true }] town.toml:10"
    );
    assert_eq!((of("agent"), of("count")), (String::new(), String::new()));
    let after = origins.session_table(&town.sessions["x"]);
    let after = after.fields.iter().find(|line| line.field == "after");
    assert_eq!(
        after.map(|line| line.value.as_str()),
        Some(
            "[{ session = \"w-1\", when = \"started\", within = \"2m\" }, \
             { session = \"w-2\", when = \"started\", within = \"2m\" }]"
        )
    );
    let resolved = text(&origins.tables(&town));
    assert!(!resolved.contains("hush"));
    let again = given(&resolved).load().expect("valid").town;
    assert_eq!(without_env(again), without_env(town));
}
