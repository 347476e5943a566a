//! Checks the manifests and the commands that the documents show.
//!
//! A `toml` block whose first line is [`WHOLE`] is a whole manifest: it must load. Every other
//! `toml` block is a part of one: it must fit the schema. A `sh` block may only use verbs and flags
//! that gtctl has.

use super::documents::{documents, root};
use super::help;
use crate::cases::HOLDS;
use gtctl::manifest::{Loaded, Sources, load, schema};
use gtctl::model::SortedMap;
use std::fs;
use std::path::Path;

/// The first line of a block that is a whole manifest.
const WHOLE: &str = "# town.toml";
const RIGS: &str = r#"{"rigs":{"shop":{"beads":{"prefix":"sh"}},"api":{}}}"#;

/// A code block of a document.
struct Block {
    /// The document and the line of the fence.
    place: String,
    language: String,
    text: String,
}

fn blocks() -> Vec<Block> {
    let mut blocks = Vec::new();
    for document in documents() {
        let text = fs::read_to_string(&document).unwrap();
        let name = document.strip_prefix(root()).unwrap().display();
        let mut open: Option<Block> = None;
        for (index, line) in text.lines().enumerate() {
            let fence = line.strip_prefix("```");
            match (&mut open, fence) {
                (None, Some(language)) => {
                    open = Some(Block {
                        place: format!("{name}:{}", index + 1),
                        language: language.to_owned(),
                        text: String::new(),
                    });
                }
                (Some(block), None) => {
                    block.text.push_str(line);
                    block.text.push('\n');
                }
                (Some(_), Some(_)) => blocks.extend(open.take()),
                (None, None) => {}
            }
        }
        assert!(open.is_none(), "{name} has a block without an end");
    }
    blocks
}

fn read(text: &str) -> Result<Loaded, String> {
    let sources = Sources {
        town_path: Path::new("town.toml"),
        town_text: text,
        user: None,
        variables: &[],
        flags: &[],
        home: Some(Path::new("/home/me")),
        base_dir: Path::new("/towns"),
        include: &gtctl::manifest::no_files,
        machine: gtctl::manifest::Machine::default(),
        read: &|path| {
            let is_rigs = path.ends_with("mayor/rigs.json");
            let is_text = path.extension().is_some_and(|extension| extension == "md");
            let text = if is_rigs { RIGS } else { "Do your work." };
            (is_rigs || is_text).then(|| text.to_owned())
        },
    };
    load(&sources).map_err(|faults| format!("{:?}", faults.list))
}

/// What is wrong with a part of a manifest, or with a whole one.
fn misfits(text: &str) -> Vec<String> {
    let mut table: toml::Table = match toml::from_str(text) {
        Ok(table) => table,
        Err(fault) => return vec![fault.to_string()],
    };
    let town = toml::toml! { name = "x" };
    let given = table.entry("town").or_insert(town.into());
    let given = given.as_table_mut().unwrap();
    given.entry("name").or_insert("x".into());
    let value = serde_json::to_value(table).unwrap();
    let validator = jsonschema::validator_for(&schema()).unwrap();
    let faults = validator.iter_errors(&value);
    faults
        .map(|fault| format!("{}: {fault}", fault.instance_path))
        .collect()
}

#[test]
fn manifests_in_the_documents_are_right() {
    let (mut wrong, mut whole) = (Vec::new(), 0);
    for block in blocks().iter().filter(|block| block.language == "toml") {
        let misfits = misfits(&block.text);
        wrong.extend(misfits.iter().map(|why| format!("{}: {why}", block.place)));
        if block.text.lines().next() != Some(WHOLE) {
            continue;
        }
        whole += 1;
        match read(&block.text) {
            Err(faults) => wrong.push(format!("{}: {faults}", block.place)),
            Ok(loaded) => {
                let advice = loaded.advice.list.iter();
                wrong.extend(advice.map(|advice| format!("{}: {advice:?}", block.place)));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(whole >= 10, "only {whole} whole manifests were found");
}

/// The words after each `gtctl` of a line of a shell, up to the end of that command.
fn commands(line: &str) -> Vec<Vec<&str>> {
    if line.starts_with('#') {
        return Vec::new();
    }
    let line = line.split(" #").next().unwrap_or_default();
    // `cargo test --test gtctl` names a test.
    let line = line.split("--test gtctl").next().unwrap_or_default();
    let is_end = |word: &&str| ["&&", "||", "|", ";", "&", ">", ">>", "<"].contains(word);
    let words: Vec<&str> = line.split_whitespace().collect();
    let starts = words
        .iter()
        .enumerate()
        .filter(|(_, word)| **word == "gtctl");
    let command = |at: usize| {
        let rest = words[at + 1..].iter().copied();
        rest.take_while(|word| !is_end(word)).collect()
    };
    starts.map(|(at, _)| command(at)).collect()
}

/// Flags before the verb that take a value.
const WITH_VALUE: [&str; 4] = ["-f", "--file", "--socket", "--state-dir"];

/// What is wrong with the words after `gtctl`.
fn unknown(words: &[&str], helps: &SortedMap<String, String>) -> Option<String> {
    let mut rest = words.iter().copied();
    let verb = loop {
        match rest.next()? {
            flag if WITH_VALUE.contains(&flag) => rest.next(),
            flag if flag.starts_with('-') => Some(flag),
            verb => break verb,
        };
    };
    let bare = verb.trim_end_matches([';', ')']);
    if ["VERB", "help", "hook"].contains(&bare) {
        return None;
    }
    let Some(help) = helps.get(bare) else {
        return Some(format!("there is no verb `{bare}`"));
    };
    let long = rest.filter(|word| word.starts_with("--") && word.len() > 2);
    let flags = long.map(|word| word.split(['=', ';', ')']).next().unwrap_or_default());
    let missing = flags.filter(|flag| !help.contains(&format!(" {flag}")));
    let missing: Vec<&str> = missing.collect();
    (!missing.is_empty()).then(|| format!("`{bare}` has no {}", missing.join(", ")))
}

/// The help of each verb, with that of the verbs below it.
fn helps() -> SortedMap<String, String> {
    let whole = |verb: String| {
        let parts = help::parts(&verb).into_iter();
        let of_parts: String = parts.map(|part| help::of(&[&verb, &part])).collect();
        let text = help::of(&[&verb]) + &of_parts;
        (verb, text)
    };
    help::verbs().into_iter().map(whole).collect()
}

#[test]
fn commands_in_the_documents_exist() {
    let helps = helps();
    let (mut wrong, mut count) = (Vec::new(), 0);
    for block in blocks().iter().filter(|block| block.language == "sh") {
        for line in block.text.lines() {
            let commands = commands(line);
            count += commands.len();
            let unknown = commands.iter().filter_map(|words| unknown(words, &helps));
            wrong.extend(unknown.map(|why| format!("{}: {why}: {line}", block.place)));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(count >= 50, "only {count} commands were found");
}

#[test]
fn every_hold_is_explained() {
    let page = fs::read_to_string(root().join("docs/troubleshooting.md")).unwrap();
    for code in HOLDS {
        let is_there = page.contains(&format!("| `{code}` |"));
        assert!(
            is_there,
            "docs/troubleshooting.md does not explain `{code}`"
        );
    }
}

#[test]
fn what_is_wrong_in_a_document_would_be_seen() {
    let helps = helps();
    assert_eq!(
        commands("x && gtctl diff --prune | less # gtctl no"),
        [["diff", "--prune"]]
    );
    assert!(commands("cargo test --test gtctl laws::").is_empty());
    assert!(commands("# what gtctl does").is_empty());
    assert_eq!(unknown(&["-f", "a.toml", "diff", "--prune"], &helps), None);
    assert!(unknown(&["dif"], &helps).is_some());
    assert!(unknown(&["diff", "--frob"], &helps).is_some());
    assert!(misfits("[[session]]\nsession = 'a'\nrole = 'crew'\n").is_empty());
    assert!(!misfits("[[session]]\ncolour = 'a'\n").is_empty());
    assert!(!misfits("[[session").is_empty());
    assert!(read("[town]\nname = 'a'\n[[session]]\nrole = 'nobody'\n").is_err());
}
