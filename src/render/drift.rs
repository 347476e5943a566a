//! What a session runs with and what is declared, side by side.

use super::sanitise;
use super::words::shell;
use crate::model::SortedMap;
use crate::model::{Change, RanWith, Reason};

/// One line for each field whose old value is known, with the place of the new one. Of a field whose
/// old value is not known, the place alone. None where the reason is not a drift.
pub(super) fn lines(reason: &Reason) -> Vec<String> {
    let Reason::Drifted {
        fields: _,
        changes,
        origins,
    } = reason
    else {
        return Vec::new();
    };
    let places = origins
        .iter()
        .filter(|_| changes.is_empty())
        .map(|(field, place)| format!("{}: declared at {}", clean(field), clean(place)));
    let known = changes.iter().map(|change| line(change, origins));
    known.chain(places).collect()
}

fn line(change: &Change, origins: &SortedMap<String, String>) -> String {
    let path = |path: &Option<String>| {
        path.as_ref()
            .map_or_else(|| "none".to_owned(), |path| clean(path))
    };
    let at = |field: &str| match origins.get(field) {
        Some(place) => format!(" ({})", clean(place)),
        None => String::new(),
    };
    match change {
        Change::Command { old, new } => {
            format!("command: {} → {}{}", shell(old), shell(new), at("command"))
        }
        Change::Dir { old, new } => format!("dir: {} → {}{}", clean(old), clean(new), at("dir")),
        Change::EnvFile { old, new } => {
            format!("env_file: {} → {}{}", path(old), path(new), at("env_file"))
        }
        Change::Env {
            added,
            removed,
            changed,
        } => {
            let names = |(word, names): (&str, &Vec<String>)| {
                let names: Vec<String> = names
                    .iter()
                    .map(|name| format!("{}{}", clean(name), at(&format!("env.{name}"))))
                    .collect();
                (!names.is_empty()).then(|| format!("{word} {}", names.join(", ")))
            };
            let parts = [
                ("new", added),
                ("gone", removed),
                ("other value of", changed),
            ];
            format!(
                "env: {}",
                parts
                    .into_iter()
                    .filter_map(names)
                    .collect::<Vec<_>>()
                    .join("; ")
            )
        }
    }
}

fn clean(text: &str) -> String {
    sanitise::line(text, RanWith::MAX_TEXT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_and_new_stand_side_by_side() {
        let words = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
        let changes = vec![
            Change::Command {
                old: words("sleep 1"),
                new: words("sleep 2\u{1b}[31m"),
            },
            Change::Dir {
                old: "/a".into(),
                new: "/b".into(),
            },
            Change::Env {
                added: words("A B"),
                removed: vec![],
                changed: words("C"),
            },
            Change::EnvFile {
                old: None,
                new: Some("/x/env".into()),
            },
        ];
        let shown = lines(&Reason::Drifted {
            fields: vec![],
            changes,
            origins: SortedMap::new(),
        });
        let expected = [
            "command: sleep 1 → sleep 2",
            "dir: /a → /b",
            "env: new A, B; other value of C",
            "env_file: none → /x/env",
        ];
        assert_eq!(shown, expected);
        assert_eq!(lines(&Reason::Orphaned), [] as [&str; 0]);
    }

    #[test]
    fn the_place_of_the_new_value_is_named() {
        let places = [
            ("command", "[roles.crew] town.toml:7"),
            ("env.A", "town.toml:9\u{1b}[31m"),
        ];
        let origins = SortedMap::from(places.map(|(field, at)| (field.to_owned(), at.to_owned())));
        let drift = |changes| Reason::Drifted {
            fields: vec!["command", "env"],
            changes,
            origins: origins.clone(),
        };
        let changes = vec![
            Change::Command {
                old: vec!["a".into()],
                new: vec!["b".into()],
            },
            Change::Env {
                added: vec!["A".into(), "B".into()],
                removed: vec!["C".into()],
                changed: vec![],
            },
        ];
        let expected = [
            "command: a → b ([roles.crew] town.toml:7)",
            "env: new A (town.toml:9), B; gone C",
        ];
        assert_eq!(lines(&drift(changes)), expected);
        // Where it is not known what it was started with.
        let expected = [
            "command: declared at [roles.crew] town.toml:7",
            "env.A: declared at town.toml:9",
        ];
        assert_eq!(lines(&drift(vec![])), expected);
    }
}
