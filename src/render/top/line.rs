//! What is typed after `:`.

use super::state::CommandWords;
use crate::model::SessionName;

/// What a typed line asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CommandLine {
    /// Nothing was typed.
    Nothing,
    /// End the screen.
    Quit,
    /// Attach to this session.
    Attach(String),
    /// A verb that ends sessions: to be confirmed.
    Confirmed(CommandWords),
    /// Another verb that acts.
    Acting(CommandWords),
    /// A verb that only prints.
    Printing(CommandWords),
    /// It cannot be done here, for this reason.
    Refused(String),
}

/// How a verb is treated here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Treatment {
    /// Its plan is shown, and it is asked whether to go on.
    Confirm,
    /// It is carried out.
    Act,
    /// Its output is shown.
    Print,
}

/// What follows a verb.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Names {
    /// Sessions; without any, those selected on the screen.
    Selected,
    /// One session; without any, the selected one.
    One,
    /// One session, before what follows; with one word only, the selected one.
    Before,
    /// Nothing of this kind.
    Free,
}

/// The verbs that can be typed here.
const VERBS: [(&str, Treatment, Names); 18] = [
    ("stop", Treatment::Confirm, Names::Selected),
    ("restart", Treatment::Confirm, Names::Selected),
    ("expire", Treatment::Confirm, Names::Free),
    ("apply", Treatment::Confirm, Names::Free),
    ("start", Treatment::Act, Names::Selected),
    ("reset", Treatment::Act, Names::Selected),
    ("adopt", Treatment::Act, Names::One),
    ("nudge", Treatment::Act, Names::Free),
    ("answer", Treatment::Act, Names::Before),
    ("pause", Treatment::Act, Names::Free),
    ("resume", Treatment::Act, Names::Free),
    ("chore", Treatment::Act, Names::Free),
    ("explain", Treatment::Print, Names::One),
    ("logs", Treatment::Print, Names::One),
    ("events", Treatment::Print, Names::Selected),
    ("diff", Treatment::Print, Names::Free),
    ("verify", Treatment::Print, Names::Free),
    ("doctor", Treatment::Print, Names::Free),
];

/// Flags after which a verb does not end, or prints what a terminal would obey.
const REFUSED_FLAGS: [&str; 6] = ["--watch", "--follow", "-F", "-f", "--raw", "--out"];

/// Reads a typed line. `selected` are the sessions meant where none is named.
#[must_use]
pub fn read_line(line: &str, selected: &[SessionName]) -> CommandLine {
    let mut words: CommandWords = line.split_whitespace().map(str::to_owned).collect();
    let Some(verb) = words.first().cloned() else {
        return CommandLine::Nothing;
    };
    match verb.as_str() {
        "q" | "quit" | "exit" => return CommandLine::Quit,
        "attach" => return attach(&words, selected),
        _ => {}
    }
    let Some((_, treatment, names)) = VERBS.iter().find(|(name, ..)| *name == verb) else {
        let known: Vec<&str> = VERBS.iter().map(|(name, ..)| *name).collect();
        return CommandLine::Refused(format!(
            "`{verb}` cannot be typed here; these can: attach, {}, quit",
            known.join(", ")
        ));
    };
    let is_text = verb == "nudge";
    let refused = words
        .iter()
        .skip(1)
        .find(|word| !is_text && REFUSED_FLAGS.contains(&word.as_str()));
    if let Some(flag) = refused {
        return CommandLine::Refused(format!(
            "`{flag}` cannot be used here: type the command in a shell"
        ));
    }
    if is_text && words.len() < 3 {
        return CommandLine::Refused("type `nudge SESSION TEXT`".to_owned());
    }
    add_names(&mut words, *names, selected);
    match treatment {
        Treatment::Confirm => CommandLine::Confirmed(words),
        Treatment::Act => CommandLine::Acting(words),
        Treatment::Print => CommandLine::Printing(words),
    }
}

/// Adds the sessions that are meant, where none is named.
fn add_names(words: &mut CommandWords, names: Names, selected: &[SessionName]) {
    let given = words.iter().skip(1).filter(|word| !word.starts_with('-'));
    let given = given.count();
    let mut selected = selected.iter().map(SessionName::to_string);
    match names {
        Names::Selected if given == 0 => words.extend(selected),
        Names::One if given == 0 => words.extend(selected.next()),
        Names::Before if given < 2 => {
            if let Some(session) = selected.next() {
                words.insert(1, session);
            }
        }
        Names::Selected | Names::One | Names::Before | Names::Free => {}
    }
}

fn attach(words: &[String], selected: &[SessionName]) -> CommandLine {
    let named = words.get(1).cloned();
    let session = named.or_else(|| selected.first().map(SessionName::to_string));
    session.map_or_else(
        || CommandLine::Refused("type `attach SESSION`".to_owned()),
        CommandLine::Attach,
    )
}
