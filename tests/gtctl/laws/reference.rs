//! Generates the reference pages of the book from what ships: the schema, the built-in tables and
//! the help of the verbs. `GTCTL_BLESS=1` writes them.

use super::documents::root;
use super::help;
use crate::harness::pages_are;
use gtctl::manifest::schema;
use serde_json::Value;
use std::fmt::Write;
use std::fs;

/// Printed at the top of each page.
const GENERATED: &str = "<!-- Generated: `GTCTL_BLESS=1 cargo test --locked --test gtctl laws::reference` writes this page. -->\n";

/// The tables of a manifest: title, definition in the schema, and what the title alone does not say.
const TABLES: [(&str, &str, &str); 21] = [
    ("`[town]`", "town", ""),
    (
        "`[[session]]`",
        "SessionTable",
        "One table for each session, or for several with `count`, `names` or `rigs`. `[defaults]` and `[roles.NAME]` take the same fields but \
         these three: a role overrides `[defaults]`, a session overrides its role.",
    ),
    (
        "`[defaults]`",
        "DefaultsTable",
        "Takes the fields of `[[session]]` but `count`, `names` and `rigs`.",
    ),
    (
        "`[roles.NAME]`",
        "RoleTable",
        "Takes the fields of `[defaults]` but `role`, and the fields of this table. They say how a \
         launcher other than tmux starts and stops the sessions of the role.",
    ),
    (
        "`after`",
        "AfterTable",
        "An entry of `after` is a session's name or such a table.",
    ),
    (
        "`env_file`",
        "EnvFileTable",
        "`env_file` is a path, such a table, or a list of these.",
    ),
    ("`backoff`", "BackoffTable", "A table within a session."),
    (
        "`completion`",
        "CompletionTable",
        "A table within a session. A marker is a text that a line of output contains, or \
         `{ json = { field = value } }`: the fields of a line of JSON.",
    ),
    (
        "`ready`",
        "ReadyTable",
        "A table within a session: one of `log`, `command` and `port`.",
    ),
    ("`logs`", "LogsTable", "A table within a session."),
    ("`[agents.NAME]`", "AgentTable", ""),
    ("`[[agents.NAME.answer]]`", "AnswerTable", ""),
    ("`[hosts.NAME]`", "HostTable", ""),
    (
        "`host` of a session",
        "HostLabel",
        "`host` is the name of a host, `any`, or such a table.",
    ),
    ("`[store]`", "StoreTable", ""),
    ("`[limits]`", "LimitsTable", ""),
    ("`[controller]`", "ControllerTable", ""),
    ("`[notify]`", "NotifyTable", ""),
    ("`[[policy]]`", "PolicyTable", ""),
    (
        "`completion` of a policy",
        "CoveredCompletionTable",
        "A table within a policy.",
    ),
    ("`[[chore]]`", "ChoreTable", ""),
];

/// Definitions that are a form of text, and the name of that form.
const FORMS: [(&str, &str); 12] = [
    ("Duration", "duration"),
    ("PositiveDuration", "duration above 0"),
    ("Limit", "duration or `off`"),
    ("MemoryLimit", "size or `off`"),
    ("TokenLimit", "number of tokens or `off`"),
    ("ContextLimit", "percentage, number of tokens or `off`"),
    ("Size", "size"),
    ("Share", "share"),
    ("Cost", "cost"),
    ("Starts", "number or `auto`"),
    ("Unavailable", "number or percentage"),
    ("Marker", "marker"),
];

const HEAD: &str = "\
# The manifest

Every field of `town.toml`. `gtctl schema` prints the same as a JSON schema, and editors that know \
`#:schema` complete and check it.

- A *duration* is a text such as `\"90s\"`, `\"5m\"`, `\"1h 30m\"` or `\"40d\"`.
- A *size* is a number of bytes such as `\"10MiB\"` or `\"2GiB\"`.
- A *share* is a number from 0 to 1, or a percentage such as `\"25%\"`.
- A *template* is a text in which gtctl replaces `{town}`, `{rig}`, `{prefix}`, `{name}`, `{role}`, \
`{agent}` and `{session}`. Text for a shell, such as `${HOME}`, stays as it is. `{{word}}` gives `{word}`.
";

fn definition<'a>(schema: &'a Value, name: &str) -> &'a Value {
    if name == "town" {
        return &schema["properties"]["town"];
    }
    let definition = &schema["definitions"][name];
    assert!(definition.is_object(), "the schema has no {name}");
    definition
}

/// The name of the definition that a value of the schema refers to.
fn referred(value: &Value) -> Option<&str> {
    let reference = value["$ref"].as_str();
    let reference = reference.or_else(|| value["allOf"][0]["$ref"].as_str());
    reference?.strip_prefix("#/definitions/")
}

/// What a field takes, in a word or two.
fn kind(schema: &Value, value: &Value) -> String {
    if let Some(name) = referred(value) {
        let form = FORMS.iter().find(|(known, _)| *known == name);
        return form.map_or_else(
            || kind_of_definition(schema, name),
            |(_, form)| (*form).to_owned(),
        );
    }
    match value["type"].as_str() {
        Some("string") => "text".to_owned(),
        Some("integer") => "number".to_owned(),
        Some("boolean") => "`true`, `false`".to_owned(),
        Some("array") => format!("list of {}", plural(&kind(schema, &value["items"]))),
        Some("object") => "table of texts".to_owned(),
        _ if value["oneOf"].is_array() => words(value).join(", "),
        other => panic!("no words for {other:?}: {value}"),
    }
}

fn kind_of_definition(schema: &Value, name: &str) -> String {
    let definition = definition(schema, name);
    if definition["oneOf"].is_array() {
        return words(definition).join(", ");
    }
    match name {
        "After" => "session or table".to_owned(),
        "EnvFiles" => "text, table or list".to_owned(),
        "HostValue" => "text or table".to_owned(),
        _ => "table".to_owned(),
    }
}

fn plural(kind: &str) -> String {
    match kind {
        "text" => "texts".to_owned(),
        "marker" => "markers".to_owned(),
        "session or table" => "sessions or tables".to_owned(),
        words => format!("words: {words}"),
    }
}

/// The words that an enum allows.
fn words(definition: &Value) -> Vec<String> {
    let variants = definition["oneOf"].as_array().unwrap().iter();
    variants
        .map(|variant| format!("`{}`", variant["const"].as_str().unwrap()))
        .collect()
}

/// What each word of an enum means.
fn meanings(schema: &Value, value: &Value) -> String {
    let of_items = referred(&value["items"]);
    let name = referred(value).or(of_items);
    let definition = name.map_or(value, |name| definition(schema, name));
    let Some(variants) = definition["oneOf"].as_array() else {
        return String::new();
    };
    let mut text = String::new();
    for variant in variants {
        let word = variant["const"].as_str().unwrap();
        let meaning = variant["description"].as_str().unwrap();
        write!(text, "<br>`{word}`: {meaning}").unwrap();
    }
    text
}

/// A text as a cell of a table.
fn cell(text: &str) -> String {
    text.replace("\n\n", "<br>")
        .replace('\n', " ")
        .replace('|', "\\|")
}

fn row(schema: &Value, name: &str, value: &Value, is_required: bool) -> String {
    let description = value["description"].as_str().unwrap();
    let required = if is_required { " Required." } else { "" };
    let meanings = meanings(schema, value);
    let kind = cell(&kind(schema, value));
    let meaning = cell(&format!("{description}{required}{meanings}"));
    format!("| `{name}` | {kind} | {meaning} |\n")
}

/// The fields of a table that stand in no table before it.
fn rows(schema: &Value, table: &str) -> Vec<String> {
    let definition_of_table = definition(schema, table);
    let required = definition_of_table["required"].as_array();
    let is_required = |name: &str| required.is_some_and(|all| all.iter().any(|one| one == name));
    let session = &definition(schema, "SessionTable")["properties"];
    let fields = definition_of_table["properties"].as_object().unwrap();
    fields
        .iter()
        .filter(|(name, _)| table != "RoleTable" || session[name.as_str()].is_null())
        .map(|(name, value)| row(schema, name, value, is_required(name)))
        .collect()
}

fn manifest_page() -> String {
    let schema = schema();
    let mut page = format!("{GENERATED}\n{HEAD}");
    for (title, table, note) in TABLES {
        write!(page, "\n## {title}\n\n").unwrap();
        if title == "`[defaults]`" {
            writeln!(page, "{note}").unwrap();
            continue;
        }
        if let Some(description) = definition(&schema, table)["description"].as_str() {
            writeln!(page, "{description}\n").unwrap();
        }
        if !note.is_empty() {
            writeln!(page, "{note}\n").unwrap();
        }
        page.push_str("| field | takes | meaning |\n|---|---|---|\n");
        page.extend(rows(&schema, table));
    }
    page
}

/// The text of a built-in table.
fn built_in(name: &str) -> String {
    fs::read_to_string(root().join(format!("src/manifest/builtin/{name}.toml"))).unwrap()
}

/// The names of the files in a folder of built-in tables, without `.toml`.
fn names_in(folder: &str) -> Vec<String> {
    let entries = fs::read_dir(root().join("src/manifest/builtin").join(folder)).unwrap();
    let name = |path: std::path::PathBuf| path.file_stem().unwrap().to_str().unwrap().to_owned();
    let mut names: Vec<String> = entries.map(|entry| name(entry.unwrap().path())).collect();
    names.sort();
    names
}

/// A list of texts of an agent as one line to read: `claude --resume {id}`.
fn argv(agent: &toml::Value, field: &str) -> String {
    let words = agent.get(field).and_then(toml::Value::as_array);
    let words = words.map(|words| words.iter().filter_map(toml::Value::as_str));
    let line = words.map(|words| words.collect::<Vec<_>>().join(" "));
    line.map_or_else(|| "–".to_owned(), |line| format!("`{line}`"))
}

fn agents_table() -> String {
    let head =
        "| agent | command | resumes by | signed in, if this succeeds |\n|---|---|---|---|\n";
    let mut table = head.to_owned();
    for name in names_in("agents") {
        let file: toml::Value = toml::from_str(&built_in(&format!("agents/{name}"))).unwrap();
        let agent = &file["agents"][&name];
        let [command, resume, probe] = ["command", "resume", "probe"].map(|f| argv(agent, f));
        writeln!(table, "| `{name}` | {command} | {resume} | {probe} |").unwrap();
    }
    table
}

const BUILT_IN_HEAD: &str = "\
# Built-in values

What holds where `town.toml` says nothing. `gtctl explain SESSION` shows the value of each setting of a session, and which \
layer it comes from.

## Agents

The commands of claude, codex, gemini, kimi and kimigas let the agent act without asking. See [Which command runs](../concepts/agents.md#which-command-runs).
";

fn built_in_page() -> String {
    let mut page = format!("{GENERATED}\n{BUILT_IN_HEAD}\n{}", agents_table());
    let mut section = |title: &str, name: &str| {
        let text = built_in(name);
        write!(page, "\n{title}\n\n```toml\n{}```\n", text.trim_start()).unwrap();
    };
    section("## Defaults", "base");
    for profile in ["standard", "high-throughput", "low-budget"] {
        section(
            &format!("## Profile `{profile}`"),
            &format!("profile-{profile}"),
        );
    }
    for role in names_in("roles") {
        section(&format!("## Role `{role}`"), &format!("roles/{role}"));
    }
    page
}

const VERBS_HEAD: &str = "\
# Verbs

The help of every verb. `gtctl help VERB` prints the same, and `gtctl man VERB` as a manual page. [Options of every \
verb](#options-of-every-verb) stand at the end.

## Exit status

| status | meaning |
|---|---|
| 0 | done; the town is as declared |
| 1 | failed |
| 2 | changes are pending (`diff`), not all is well (`verify`), or not in time (`wait`) |
| 3 | something waits or failed (`apply`), or the text was not delivered (`nudge`) or the question not answered (`answer`) |
| 4 | another controller controls the town |
| 64 | wrong usage |
";

/// The heading of the options that every verb takes, in its help.
const COMMON: &str = "\nOptions of every verb:\n";

/// Two options that every verb takes, too.
const HELP_AND_VERSION: &str = "\
  -h, --help
          Print help (see a summary with '-h')

  -V, --version
          Print version";

fn verbs_page() -> String {
    let mut page = format!("{GENERATED}\n{VERBS_HEAD}");
    for verb in help::verbs() {
        block(&mut page, &format!("## {verb}"), own(&help::of(&[&verb])));
        for part in help::parts(&verb) {
            let text = help::of(&[&verb, &part]);
            block(&mut page, &format!("### {verb} {part}"), own(&text));
        }
    }
    let whole = help::of(&[]);
    let common = whole.split(COMMON).nth(1).unwrap();
    let common = common.split("\nExamples:\n").next().unwrap();
    block(&mut page, "## Options of every verb", common);
    page
}

fn block(page: &mut String, title: &str, text: &str) {
    write!(page, "\n{title}\n\n```text\n{}\n```\n", text.trim_end()).unwrap();
}

/// The part of a verb's help that is not the same for every verb.
fn own(help: &str) -> &str {
    let own = help.split(COMMON).next().unwrap().trim_end();
    let own = own.strip_suffix(HELP_AND_VERSION).unwrap_or(own);
    let own = own.trim_end();
    own.strip_suffix("\nOptions:").unwrap_or(own).trim_end()
}

#[test]
fn reference_pages_are_those_generated() {
    let at = |name: &str| root().join("docs/reference").join(name);
    pages_are([
        (at("manifest.md"), manifest_page()),
        (at("built-in.md"), built_in_page()),
        (at("verbs.md"), verbs_page()),
    ]);
}

#[test]
fn every_table_of_the_schema_is_on_the_page() {
    let schema = schema();
    let tables = schema["definitions"].as_object().unwrap().iter();
    let tables = tables.filter(|(_, definition)| definition["properties"].is_object());
    for (name, _) in tables {
        let is_listed = TABLES.iter().any(|(_, table, _)| table == name);
        assert!(is_listed, "{name} is not in TABLES");
    }
}
