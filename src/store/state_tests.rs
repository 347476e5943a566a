//! The state file against everything that can happen to it.

use super::super::WrittenIntent;
use super::super::full_memory::{every_form, full_memory};
use super::super::scratch::{NOW, Scratch};
use super::*;
use crate::model;
use crate::model::{History, Memory, Moment, Told, Verb};
use serde_json::{Value, json};

/// The state file of [`every_form`].
const WRITTEN: &str = include_str!("../../tests/states/version-2.json");

/// The same as gtctl wrote it in version 1 of the format.
const WRITTEN_FORMER: &str = include_str!("../../tests/states/version-1.json");

#[test]
fn the_written_form_stays_as_it_is() {
    let scratch = Scratch::new("form");
    let mut dir = opened(&scratch);
    dir.save(&every_form()).unwrap();
    let written = fs::read_to_string(scratch.path().join(MAIN)).unwrap();
    if std::env::var_os("GTCTL_BLESS").is_some() {
        fs::write(
            concat!(env!("CARGO_MANIFEST_DIR"), "/tests/states/version-2.json"),
            &written,
        )
        .unwrap();
    }
    assert_eq!(written, WRITTEN);
    for text in [WRITTEN, WRITTEN_FORMER] {
        fs::write(scratch.path().join(MAIN), text).unwrap();
        assert_eq!(
            dir.load(NOW).unwrap(),
            LoadedState {
                memory: every_form(),
                notices: vec![]
            }
        );
    }
    dir.save(&every_form()).unwrap();
    let saved = fs::read_to_string(scratch.path().join(MAIN)).unwrap();
    assert_eq!(saved, WRITTEN, "a former state is written anew");
}

/// The names and fields of a state file that 0.1.0 wrote, and some that nobody ever did.
const FORMER: &str = r#"{"settling":1,"unknown":[{}],"sessions":{"a":{"generation":7,"unknown":1,
"run":{"generation":7,"started":"5:6:7","unknown":{}},"draining":"5:6:7","agentless":1,
"finished":{"fingerprint":"00000001:00000002:00000003","death":{"exit":1},"at":"5:6:7"},
"content":{"generation":7,"digest":1,"since":"5:6:7","activity":5,"state":"busy",
"state_since":"5:6:7","looks":9},"marks":null,"roused":{"generation":7,"at":"5:6:7"},
"errand":{"verb":"rouse","generation":7,"begun":"5:6:7","by":null}},"b":{"finished":
{"fingerprint":"00000001:00000002:00000003","death":null,"at":"5:6:7"},
"run":{"generation":8,"started":"5:6:7"},"conversation_refused":7,
"typed":[{"generation":7,"text":"old"},{"generation":8,"text":"new","left":true}],
"footprint":{"generation":7,"at":"5:6:7","bytes":1,"before":1}},
"c":{"nudged":"5:6:7","content":{"generation":7,"digest":1,"since":"5:6:7","activity":5,
"state":"busy","state_since":"5:6:7","looks":9}}}}"#;

#[test]
fn what_a_former_gtctl_wrote_is_read() {
    let memory = encoding::decode(1, FORMER).unwrap();
    let at = Moment {
        wall: 5,
        awake: 6,
        boot: 7,
    };
    let history = &memory.sessions["a"];
    assert_eq!((memory.settling, memory.town), (1, None));
    assert!(!history.finished.unwrap().well);
    assert!(memory.sessions["b"].finished.unwrap().well);
    let run = history.run.as_ref().unwrap();
    assert_eq!(run.escape_sent, Some(at));
    assert_eq!((run.draining, run.agentless), (Some(at), 1));
    let job = history.launcher_job.unwrap();
    assert_eq!((job.verb, job.begun), (Verb::SendEscape, at));
    let content = history.content().unwrap();
    assert_eq!(
        (content.looks, content.turn, content.told),
        (model::Content::AGREEING, 0, Told::default())
    );
    let later = memory.sessions["b"].run.as_ref().unwrap();
    assert_eq!(later.left_texts(), ["new"]);
    assert_eq!(
        (later.footprint, later.conversation_refused),
        (None, false),
        "they are of the run before"
    );
    assert_eq!(memory.sessions["c"], History::default());
}

#[test]
fn a_former_intent_adds_to_a_former_state() {
    let scratch = Scratch::new("former-intent");
    let mut dir = opened(&scratch);
    let write = |name: &str, payload: &str| {
        let digest = checksum(1, payload);
        let text =
            format!("{{\"version\":1,\"checksum\":\"{digest:016x}\",\"memory\":{payload}}}\n");
        fs::write(scratch.path().join(name), text).unwrap();
        digest
    };
    let run = r#""run":{"generation":7,"started":"5:6:7"}"#;
    let state = write(
        MAIN,
        &format!(r#"{{"settling":1,"sessions":{{"a":{{{run}}},"b":{{"restarts":2}}}}}}"#),
    );
    let adds = format!(r#"{{"sessions":{{"a":{{{run},"draining":"5:6:7"}}}}}}"#);
    let intent = format!(r#"{{"state":"{state:016x}","adds":{adds}}}"#);
    write("gtctl.intent.json", &intent);
    let memory = dir.load(NOW).unwrap().memory;
    assert_eq!((memory.settling, memory.sessions["b"].restarts), (0, 2));
    let draining = |memory: &Memory| memory.sessions["a"].run.as_ref().unwrap().draining;
    assert!(draining(&memory).is_some());
    let mut later = memory.clone();
    later.sessions.get_mut("a").unwrap().restarts = 3;
    assert_eq!(
        dir.intend(&later, &memory).unwrap(),
        WrittenIntent::Beside,
        "an intent of today stands beside a former state"
    );
    assert_eq!(dir.view().load(NOW).unwrap().memory, later);
    dir.save(&later).unwrap();
    assert_eq!(dir.view().load(NOW).unwrap().memory, later);
}

/// The places of all values in a JSON text, as pointers.
fn places(value: &Value, at: &str, found: &mut Vec<String>) {
    found.push(at.to_owned());
    match value {
        Value::Object(map) => map
            .iter()
            .for_each(|(key, inner)| places(inner, &format!("{at}/{key}"), found)),
        Value::Array(list) => list
            .iter()
            .enumerate()
            .for_each(|(nth, inner)| places(inner, &format!("{at}/{nth}"), found)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// The first list or text in a memory that is longer than any bound allows.
fn unbounded(value: &Value, at: &str) -> Option<String> {
    let recent = ["/starts", "/replaced", "/server_losses"].contains(&at);
    let most = if recent {
        Memory::MAX_RECENT
    } else {
        Memory::MAX_DEPARTURES
    };
    let too_long = || at.to_owned();
    match value {
        Value::Object(map) => map
            .iter()
            .find_map(|(key, inner)| unbounded(inner, &format!("{at}/{key}"))),
        Value::Array(list) if list.len() > most => Some(too_long()),
        Value::Array(list) => list.iter().find_map(|inner| unbounded(inner, at)),
        Value::String(text) => (text.len() > model::NudgeText::MAX).then(too_long),
        Value::Null | Value::Bool(_) | Value::Number(_) => None,
    }
}

/// Every value of a state file is replaced by every kind of value, and made far too long.
#[test]
fn any_value_in_any_place_is_refused_or_read_within_the_bounds() {
    check_hostile_values(2, &serde_json::to_value(full_memory(2)).unwrap());
}

#[test]
fn any_value_in_any_place_of_version_1_is_refused_or_read_within_the_bounds() {
    let payload = unframe(WRITTEN_FORMER.as_bytes()).unwrap().payload;
    let mut former: Value = serde_json::from_str(payload).unwrap();
    let kept = "gt-shop-crew-0";
    former["sessions"]
        .as_object_mut()
        .unwrap()
        .retain(|name, _| name == kept);
    check_hostile_values(1, &former);
}

fn check_hostile_values(version: u32, whole: &Value) {
    let mut all = Vec::new();
    places(whole, "", &mut all);
    let others = [
        json!(null),
        json!(true),
        json!(-1),
        json!(u64::MAX),
        json!(1e300),
        json!(""),
        json!("é".repeat(20_000)),
        json!([]),
        json!({}),
    ];
    let mut read = 0;
    for place in all {
        let own = whole.pointer(&place).unwrap();
        let longer = own
            .as_array()
            .and_then(|list| list.first())
            .map(|first| json!(vec![first; 70_000]));
        for other in others.iter().cloned().chain(longer) {
            let mut hostile = whole.clone();
            *hostile.pointer_mut(&place).unwrap() = other;
            let Ok(memory) = encoding::decode(version, &hostile.to_string()) else {
                continue;
            };
            read += 1;
            let kept = serde_json::to_value(&memory).unwrap();
            assert_eq!(unbounded(&kept, ""), None, "version {version}: {place}");
        }
    }
    assert!(read > 100, "version {version}: {read}");
}

#[test]
fn more_sessions_than_are_remembered_take_no_room() {
    let many: Vec<String> = (0..Memory::MAX_SESSIONS + 10)
        .map(|n| format!("\"s{n}\":{{}}"))
        .collect();
    let text = format!("{{\"sessions\":{{{}}},\"settling\":3}}", many.join(","));
    for version in [1, 2] {
        let memory = encoding::decode(version, &text).unwrap();
        assert_eq!(memory.sessions.len(), Memory::MAX_SESSIONS);
        assert_eq!(memory.settling, 3, "what comes after them is read");
    }
}

fn opened(scratch: &Scratch) -> StateDir {
    StateDir::open(scratch.path()).unwrap()
}

#[test]
fn everything_comes_back() {
    let scratch = Scratch::new("back");
    let mut dir = opened(&scratch);
    for memory in [Memory::default(), full_memory(5)] {
        dir.save(&memory).unwrap();
        assert_eq!(
            dir.view().load(NOW).unwrap(),
            LoadedState {
                memory,
                notices: vec![]
            }
        );
    }
}

#[test]
fn an_equal_save_writes_nothing_unless_the_file_went_away() {
    let scratch = Scratch::new("equal");
    let mut dir = opened(&scratch);
    let memory = full_memory(3);
    assert_eq!(dir.save(&memory).unwrap(), Saved::Written);
    assert_eq!(dir.save(&memory).unwrap(), Saved::Same);
    assert!(!dir.changed_elsewhere());
    let mut again = opened(&scratch);
    again.load(NOW).unwrap();
    assert_eq!(again.save(&memory).unwrap(), Saved::Same);
    fs::remove_file(scratch.path().join(MAIN)).unwrap();
    assert!(dir.changed_elsewhere());
    assert_eq!(dir.save(&memory).unwrap(), Saved::Written);
    assert_eq!(dir.view().load(NOW).unwrap().memory, memory);
}

#[test]
fn files_are_owner_only() {
    use std::os::unix::fs::PermissionsExt;
    let scratch = Scratch::new("private");
    let mut dir = opened(&scratch);
    dir.save(&full_memory(1)).unwrap();
    dir.save(&full_memory(2)).unwrap();
    for entry in fs::read_dir(scratch.path()).unwrap() {
        let entry = entry.unwrap();
        assert_eq!(
            entry.metadata().unwrap().permissions().mode() & 0o777,
            0o600,
            "{:?}",
            entry.path()
        );
    }
    let mut names: Vec<_> = fs::read_dir(scratch.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    names.sort();
    assert_eq!(
        names,
        [
            "controller.lock",
            "gtctl.json",
            "gtctl.prev.json",
            "turn.lock"
        ]
    );
}

/// Older copy, newer copy, and the bytes of the newer one.
fn two_saves(scratch: &Scratch) -> (Memory, Memory, Vec<u8>) {
    let mut dir = opened(scratch);
    let (old, new) = (
        Memory {
            settling: 9,
            ..full_memory(1)
        },
        full_memory(1),
    );
    dir.save(&old).unwrap();
    dir.save(&new).unwrap();
    (old, new, fs::read(scratch.path().join(MAIN)).unwrap())
}

#[test]
fn any_truncation_and_any_flipped_byte_falls_back_with_a_notice() {
    let scratch = Scratch::new("flip");
    let (old, new, bytes) = two_saves(&scratch);
    let main = scratch.path().join(MAIN);
    let view = View::of(scratch.path());
    let stamp = Stamp::of(&main).unwrap();
    let check = |at: usize, damaged: &[u8], what: &str| {
        assert!(
            matches!(parse(damaged, stamp), Content::Broken(_)),
            "{what}"
        );
        // Through the disk only now and then: each time costs a flush.
        if !at.is_multiple_of(61) {
            return;
        }
        fs::write(&main, damaged).unwrap();
        let loaded = view.load(NOW).unwrap_or_else(|e| panic!("{what}: {e}"));
        assert_eq!(loaded.memory, old, "{what}");
        assert_eq!(loaded.notices.len(), 1, "{what}");
    };
    for length in 0..bytes.len() {
        check(length, &bytes[..length], &format!("cut at {length}"));
    }
    for at in 0..bytes.len() {
        let mut damaged = bytes.clone();
        damaged[at] ^= [0x01, 0x80][at % 2];
        check(at, &damaged, &format!("byte {at} flipped"));
    }
    fs::write(&main, &bytes).unwrap();
    assert_eq!(view.load(NOW).unwrap().memory, new);
}

#[test]
fn every_thing_in_its_place_is_survived_and_saved_over() {
    let garbage: [&[u8]; 4] = [
        b"",
        b"\0\xff\xfe",
        b"{}",
        b"{\"version\":1,\"checksum\":\"0\",\"memory\":{}}\n",
    ];
    for (n, bytes) in garbage.iter().enumerate() {
        let scratch = Scratch::new("garbage");
        for name in [MAIN, PREVIOUS] {
            fs::write(scratch.path().join(name), bytes).unwrap();
        }
        let mut dir = opened(&scratch);
        let loaded = dir.load(NOW).unwrap();
        assert_eq!(
            (loaded.memory, loaded.notices.len()),
            (Memory::default(), 1),
            "{n}"
        );
        dir.save(&full_memory(1)).unwrap();
        assert_eq!(fs::read(scratch.path().join(BROKEN)).unwrap(), *bytes);
        assert_eq!(
            dir.load(NOW).unwrap(),
            LoadedState {
                memory: full_memory(1),
                notices: vec![]
            }
        );
    }
}

#[test]
fn directories_links_and_pipes_are_survived() {
    let scratch = Scratch::new("odd");
    let main = scratch.path().join(MAIN);
    for name in [MAIN, PREVIOUS, BROKEN] {
        fs::create_dir(scratch.path().join(name)).unwrap();
    }
    let mut dir = opened(&scratch);
    assert_eq!(dir.load(NOW).unwrap().notices.len(), 1);
    dir.save(&full_memory(1)).unwrap();
    dir.save(&full_memory(2)).unwrap();
    assert_eq!(dir.view().load(NOW).unwrap().memory, full_memory(2));
    fs::remove_file(&main).unwrap();
    std::os::unix::fs::symlink("gtctl.json", &main).unwrap();
    assert_eq!(dir.load(NOW).unwrap().memory, full_memory(1));
    fs::remove_file(&main).unwrap();
    nix::unistd::mkfifo(&main, nix::sys::stat::Mode::S_IRWXU).unwrap();
    assert_eq!(
        dir.load(NOW).unwrap().memory,
        full_memory(1),
        "and does not wait for a writer"
    );
}

#[test]
fn a_newer_form_is_neither_read_nor_overwritten() {
    let scratch = Scratch::new("newer");
    let main = scratch.path().join(MAIN);
    let payload = "{\"towns\":[]}";
    let text = format!(
        "{{\"version\":3,\"checksum\":\"{:016x}\",\"memory\":{payload}}}\n",
        checksum(3, payload)
    );
    fs::write(&main, &text).unwrap();
    let mut dir = opened(&scratch);
    assert!(matches!(
        dir.load(NOW),
        Err(StoreFault::Newer { version: 3, .. })
    ));
    assert!(matches!(
        dir.save(&Memory::default()),
        Err(StoreFault::Newer { .. })
    ));
    assert_eq!(fs::read_to_string(&main).unwrap(), text);
}

#[test]
fn a_crash_between_any_two_steps_of_a_save_leaves_a_whole_state() {
    let scratch = Scratch::new("steps");
    let (old, new, _) = two_saves(&scratch);
    let p = |name: &str| scratch.path().join(name);
    let view = View::of(scratch.path());
    let mut dir = opened(&scratch);
    fs::write(p("gtctl.json.tmp"), "half").unwrap();
    assert_eq!(view.load(NOW).unwrap().memory, new);
    fs::hard_link(p(MAIN), p("gtctl.prev.json.tmp")).unwrap();
    assert_eq!(view.load(NOW).unwrap().memory, new);
    fs::rename(p("gtctl.prev.json.tmp"), p(PREVIOUS)).unwrap();
    assert_eq!(view.load(NOW).unwrap().memory, new);
    dir.load(NOW).unwrap();
    dir.save(&old).unwrap();
    assert_eq!(
        view.load(NOW).unwrap(),
        LoadedState {
            memory: old,
            notices: vec![]
        }
    );
    assert!(!p("gtctl.prev.json.tmp").exists() && !p("gtctl.json.tmp").exists());
}

#[test]
fn a_missing_directory_is_an_empty_memory_and_stays_missing() {
    let scratch = Scratch::new("absent");
    let path = scratch.path().join("none");
    assert_eq!(View::of(&path).load(NOW).unwrap(), LoadedState::default());
    assert!(!path.exists());
}

#[test]
fn a_directory_that_cannot_be_written_keeps_what_it_held() {
    let scratch = Scratch::new("lost");
    let mut dir = opened(&scratch);
    dir.save(&full_memory(1)).unwrap();
    let elsewhere = scratch.path().with_extension("elsewhere");
    fs::rename(scratch.path(), &elsewhere).unwrap();
    let fault = dir.save(&full_memory(2)).unwrap_err();
    fs::rename(&elsewhere, scratch.path()).unwrap();
    assert!(matches!(fault, StoreFault::Io { .. }) && !fault.help().is_empty());
    assert_eq!(dir.view().load(NOW).unwrap().memory, full_memory(1));
}

#[test]
fn five_thousand_sessions_fit() {
    let scratch = Scratch::new("many");
    let mut dir = opened(&scratch);
    let memory = full_memory(5000);
    dir.save(&memory).unwrap();
    assert_eq!(dir.load(NOW).unwrap().memory, memory);
}

/// A directory with a saved memory of some sessions, and that memory with one of them changed.
fn about_to(scratch: &Scratch) -> (StateDir, Memory, Memory) {
    let mut dir = opened(scratch);
    let saved = full_memory(40);
    dir.save(&saved).unwrap();
    let mut memory = Memory {
        settling: 7,
        ..saved.clone()
    };
    memory.sessions.values_mut().next().unwrap().restarts += 1;
    (dir, saved, memory)
}

#[test]
fn an_intent_adds_to_the_state_it_was_written_beside_and_to_no_other() {
    let scratch = Scratch::new("intent");
    let (mut dir, saved, memory) = about_to(&scratch);
    let load = || View::of(scratch.path()).load(NOW).unwrap();
    let before = fs::read(scratch.path().join(MAIN)).unwrap();
    assert_eq!(dir.intend(&memory, &saved).unwrap(), WrittenIntent::Beside);
    assert_eq!(
        load(),
        LoadedState {
            memory: memory.clone(),
            notices: vec![]
        }
    );
    assert_eq!(fs::read(scratch.path().join(MAIN)).unwrap(), before);
    let intent = dir.view().intent_file();
    let bytes = fs::read(&intent).unwrap();
    assert!(
        bytes.len() * 10 < before.len(),
        "{} of {} bytes",
        bytes.len(),
        before.len()
    );
    assert!(!dir.changed_elsewhere());
    dir.save(&Memory {
        paused: false,
        ..memory.clone()
    })
    .unwrap();
    assert!(!intent.exists() && !dir.changed_elsewhere());
    let now = load().memory;
    assert!(!now.paused);
    fs::write(&intent, &bytes).unwrap();
    assert_eq!(load().memory, now, "it goes with another state");
    assert!(dir.changed_elsewhere());
    assert_eq!(
        dir.intend(&memory, &now).unwrap(),
        WrittenIntent::Saved,
        "nobody knows what there is now"
    );
    assert_eq!(load().memory, memory);
    let forgotten = Memory {
        sessions: saved.sessions.clone().into_iter().skip(1).collect(),
        ..memory.clone()
    };
    assert_eq!(
        dir.intend(&forgotten, &memory).unwrap(),
        WrittenIntent::Saved,
        "an intent adds and takes nothing away"
    );
    assert_eq!(load().memory, forgotten);
}

#[test]
fn an_intent_that_is_taken_back_leaves_nothing() {
    let scratch = Scratch::new("back-again");
    let (mut dir, saved, memory) = about_to(&scratch);
    dir.intend(&memory, &saved).unwrap();
    assert_eq!(dir.save(&saved).unwrap(), Saved::Same);
    assert_eq!(dir.load(NOW).unwrap().memory, saved);
    assert!(!dir.view().intent_file().exists());
}

#[test]
fn an_intent_of_any_bytes_is_none_and_a_newer_one_is_refused() {
    let scratch = Scratch::new("no-intent");
    let (mut dir, saved, memory) = about_to(&scratch);
    dir.intend(&memory, &saved).unwrap();
    let intent = dir.view().intent_file();
    let bytes = fs::read(&intent).unwrap();
    for at in (0..bytes.len()).step_by(7) {
        let mut damaged = bytes.clone();
        damaged[at] ^= 0x01;
        for damaged in [&damaged[..], &bytes[..at]] {
            fs::write(&intent, damaged).unwrap();
            assert_eq!(
                dir.view().load(NOW).unwrap(),
                LoadedState {
                    memory: saved.clone(),
                    notices: vec![]
                },
                "at {at}"
            );
        }
    }
    dir.load(NOW).unwrap();
    dir.save(&memory).unwrap();
    assert!(!intent.exists());
    fs::create_dir(&intent).unwrap();
    assert_eq!(dir.load(NOW).unwrap().memory, memory);
    fs::remove_dir(&intent).unwrap();
    let text = format!(
        "{{\"version\":3,\"checksum\":\"{:016x}\",\"memory\":{{}}}}\n",
        checksum(3, "{}")
    );
    fs::write(&intent, text).unwrap();
    assert!(matches!(
        dir.load(NOW),
        Err(StoreFault::Newer { version: 3, .. })
    ));
}

#[test]
fn what_is_invisible_is_written_so_that_it_can_be_seen() {
    let scratch = Scratch::new("visible");
    let mut dir = StateDir::open(scratch.path()).unwrap();
    let mut memory = full_memory(1);
    memory
        .auth_deaths
        .insert("a\u{202e}\u{7f}\u{200b}é".to_owned(), vec![NOW]);
    dir.save(&memory).unwrap();
    let text = fs::read_to_string(dir.main_file()).unwrap();
    assert!(text.contains(r"a\u202e\u007f\u200bé"), "{text}");
    assert_eq!(dir.load(NOW).unwrap().memory, memory);
}

#[test]
fn a_directory_in_the_place_of_any_file_keeps_nothing_from_being_written() {
    for name in [
        MAIN,
        PREVIOUS,
        "gtctl.json.tmp",
        "gtctl.prev.json.tmp",
        "gtctl.json.broken",
        "gtctl.intent.json",
    ] {
        let scratch = Scratch::new("directory");
        let mut dir = StateDir::open(scratch.path()).unwrap();
        dir.save(&full_memory(1)).unwrap();
        dir.save(&full_memory(2)).unwrap();
        let path = scratch.path().join(name);
        let _ = fs::remove_file(&path);
        fs::create_dir_all(path.join("kept")).unwrap();
        dir.load(NOW).unwrap();
        for sessions in [3, 4] {
            dir.save(&full_memory(sessions))
                .unwrap_or_else(|fault| panic!("{name}: {fault}"));
            assert_eq!(
                dir.load(NOW).unwrap().memory,
                full_memory(sessions),
                "{name}"
            );
        }
        let entries = fs::read_dir(scratch.path())
            .unwrap()
            .map(|entry| entry.unwrap().path());
        assert!(
            entries.filter(|entry| entry.join("kept").is_dir()).count() == 1,
            "{name}"
        );
    }
}
