//! What a session runs with and what is declared, side by side.

use super::sanitise;
use super::words::shell;
use crate::model::{Change, RanWith, Reason};

/// One line for each field whose old value is known. None where the reason is not a drift.
pub(super) fn lines(reason: &Reason) -> Vec<String> {
    let Reason::Drifted { fields: _, changes } = reason else {
        return Vec::new();
    };
    changes.iter().map(line).collect()
}

fn line(change: &Change) -> String {
    let path = |path: &Option<String>| {
        path.as_ref()
            .map_or_else(|| "none".to_owned(), |path| clean(path))
    };
    match change {
        Change::Command { old, new } => format!("command: {} → {}", shell(old), shell(new)),
        Change::Dir { old, new } => format!("dir: {} → {}", clean(old), clean(new)),
        Change::EnvFile { old, new } => format!("env_file: {} → {}", path(old), path(new)),
        Change::Env {
            added,
            removed,
            changed,
        } => {
            let names = |(word, names): (&str, &Vec<String>)| {
                let names: Vec<String> = names.iter().map(|name| clean(name)).collect();
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
}
