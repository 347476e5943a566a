//! Turns the tables `[[chore]]` into [`Chore`] values. The profile says how often each kind runs.

use super::fault::{Fault, shown};
use super::layer::Part;
use super::reading::{Reading, path};
use super::session::Named;
use super::wire::ChoreTable;
use super::wire::times::{CronText, ZoneName};
use super::wire::words::{self, Kind, Profile};
use crate::model::SortedMap;
use crate::model::{
    Accept, Chore, ChoreKind, ChoreTimes, Hosts, NudgeText, Period, SessionName, Timetable,
};
use std::num::NonZeroU32;
use std::path::Path as FsPath;

/// Whether `text` can be the name of an owner or a repository, and so part of an address.
fn is_repo_part(text: &str) -> bool {
    !text.is_empty()
        && !text.starts_with('.')
        && text
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "._-".contains(c))
}

type Sessions<'n, 'a> = &'n SortedMap<SessionName, Named<'a>>;

/// The chores that this host runs. Their commands run in `dir`.
pub(crate) fn resolve(
    reading: &mut Reading<'_>,
    named: Sessions<'_, '_>,
    dir: &FsPath,
    hosts: &Hosts,
) -> Vec<Chore> {
    let manifest = reading.manifest;
    let profile = manifest
        .town
        .as_ref()
        .and_then(|t| t.profile)
        .unwrap_or(Profile::Standard);
    let mut index_of: SortedMap<String, usize> = SortedMap::new();
    let mut chores = Vec::new();
    for (index, table) in manifest.chore.iter().flatten().enumerate() {
        let Some(chore) = reading.chore(index, table, profile, named, dir) else {
            continue;
        };
        if let Some(first) = index_of.insert(chore.name.clone(), index) {
            let fault = duplicate(reading, &chore.name, first, index);
            reading.faults.push(fault);
        }
        if reading.runs_chore(hosts, index, table, &chore) {
            chores.push(chore);
        }
    }
    chores
}

fn duplicate(reading: &Reading<'_>, name: &str, first: usize, second: usize) -> Fault {
    let message = format!("two chores are called `{}`", shown(name));
    let first_place = reading.layers.origin(&place(first, "name"), Part::Value);
    reading
        .at(&place(second, "name"), "duplicate-chore", message)
        .label("the second")
        .help("give each its own `name`")
        .relate(first_place, "the first")
}

fn place(index: usize, field: &str) -> Vec<String> {
    path(["chore", &index.to_string(), field])
}

/// How often a chore of a kind runs under a profile. `None` for never.
fn cadence(profile: Profile, kind: Kind) -> Option<Period> {
    let (mins, hours) = (Period::from_mins, Period::from_hours);
    let [standard, high_throughput, low_budget] = match kind {
        Kind::Upstream => [Some(mins(20)), Some(mins(10)), Some(hours(1))],
        Kind::Nudge => [Some(hours(1)), Some(mins(30)), None],
        Kind::Analysis => [Some(mins(40)), Some(mins(10)), Some(hours(3))],
        Kind::Command => [None, None, None],
    };
    match profile {
        Profile::Standard => standard,
        Profile::HighThroughput => high_throughput,
        Profile::LowBudget => low_budget,
    }
}

/// A kind's word, and the fields that only some kinds have and this one uses.
fn fields(kind: Kind) -> (&'static str, &'static [&'static str]) {
    match kind {
        Kind::Upstream => ("upstream", &["repo", "host"]),
        Kind::Nudge => ("nudge", &["session", "text", "as_command"]),
        Kind::Analysis => ("analysis", &["command", "propose", "accept", "host"]),
        Kind::Command => ("command", &["command", "host"]),
    }
}

impl Reading<'_> {
    /// One chore. `None` if it is switched off or faulty.
    fn chore(
        &mut self,
        index: usize,
        table: &ChoreTable,
        profile: Profile,
        named: Sessions<'_, '_>,
        dir: &FsPath,
    ) -> Option<Chore> {
        let here = path(["chore", &index.to_string()]);
        let Some(kind) = table.kind else {
            let fault = self.lacks(&here, "kind", "a chore needs a `kind`");
            self.faults.extend(fault.map(|f| {
                f.help("add kind = \"upstream\", \"nudge\", \"analysis\" or \"command\"")
            }));
            return None;
        };
        let (kind_name, _) = fields(kind);
        self.check_fields(index, table, kind);
        let work = self.work(index, table, kind, named)?;
        let times = self.times(index, table, profile, kind);
        let is_timed = table.every.is_some() || table.at.is_some();
        if times.is_none() && !is_timed && kind == Kind::Command {
            let message = "a chore of kind `command` needs an `every` or an `at`";
            let fault = self
                .lacks(&here, "every", message)
                .filter(|_| !self.is_cut(&place(index, "at")));
            self.faults
                .extend(fault.map(|f| f.help("add every = \"1h\", or at = \"0 9 * * 1-5\"")));
            return None;
        }
        let default_name = match &work {
            ChoreKind::Nudge { session, .. } => format!("{kind_name}-{session}"),
            ChoreKind::Upstream { .. } | ChoreKind::Analysis { .. } | ChoreKind::Command { .. } => {
                kind_name.to_owned()
            }
        };
        let name = self.name(index, table, default_name)?;
        times.map(|times| Chore {
            name,
            kind: work,
            times,
            timeout: table
                .timeout
                .map_or(Period::from_mins(5), |period| period.0),
            keep: table.keep.map_or(50, NonZeroU32::get),
            dir: dir.to_path_buf(),
        })
    }

    /// When it runs. `None` for never.
    fn times(
        &mut self,
        index: usize,
        table: &ChoreTable,
        profile: Profile,
        kind: Kind,
    ) -> Option<ChoreTimes> {
        let Some(CronText(times)) = &table.at else {
            if table.timezone.is_some() {
                let message = "`timezone` has no effect without `at`";
                let fault = self.at(&place(index, "timezone"), "idle-field", message);
                self.faults
                    .push(fault.help("remove it, or write `at` in place of `every`"));
            }
            let every = match table.every {
                Some(limit) => limit.period(),
                None => cadence(profile, kind),
            };
            return every.map(ChoreTimes::Every);
        };
        if table.every.is_some() {
            let message = "a chore has an `every` or an `at`, not both";
            let fault = self.at(&place(index, "every"), "idle-field", message);
            self.faults.push(fault.help("remove one of them"));
        }
        let usual = self
            .manifest
            .defaults
            .as_ref()
            .and_then(|defaults| defaults.timezone.as_ref());
        let named = table.timezone.as_ref().or(usual).map(|ZoneName(zone)| zone);
        let zone = named.or(self.sources.machine.zone).cloned();
        Some(ChoreTimes::At(Box::new(Timetable {
            times: times.clone(),
            zone: zone.unwrap_or_default(),
        })))
    }

    /// The chore's name. It must be fit for a folder, because its logs have one of that name.
    fn name(&mut self, index: usize, table: &ChoreTable, default: String) -> Option<String> {
        let Some(name) = &table.name else {
            return Some(default);
        };
        if SessionName::new(name).is_ok() {
            return Some(name.clone());
        }
        let message = format!("`{}` is not a valid chore name", shown(name));
        let fault = self.at(&place(index, "name"), "bad-name", message);
        self.faults.push(fault.help(
            "use letters, digits, `_` and `-`, beginning with a letter or a digit, at most 64",
        ));
        None
    }

    /// Notes a fault for each given field that this kind does not use.
    fn check_fields(&mut self, index: usize, table: &ChoreTable, kind: Kind) {
        let (word, used) = fields(kind);
        let fields = [
            ("repo", table.repo.is_some()),
            ("host", table.host.is_some()),
            ("session", table.session.is_some()),
            ("text", table.text.is_some()),
            ("as_command", table.as_command.is_some()),
            ("command", table.command.is_some()),
            ("propose", table.propose.is_some()),
            ("accept", table.accept.is_some()),
        ];
        for (field, is_given) in fields {
            if !is_given || used.contains(&field) {
                continue;
            }
            let message = format!("a chore of kind `{word}` does not use `{field}`");
            let fault = self.at(&place(index, field), "idle-field", message);
            self.faults
                .push(fault.help("remove it, or change the `kind`"));
        }
    }

    /// What the chore does, with the fields of its kind.
    fn work(
        &mut self,
        index: usize,
        table: &ChoreTable,
        kind: Kind,
        named: Sessions<'_, '_>,
    ) -> Option<ChoreKind> {
        match kind {
            Kind::Upstream => Some(ChoreKind::Upstream {
                repo: self.repo(index, table)?,
            }),
            Kind::Nudge => self.nudge(index, table, named),
            Kind::Analysis => Some(ChoreKind::Analysis {
                command: self.argv(index, table)?,
                propose: self.propose(index, table),
            }),
            Kind::Command => Some(ChoreKind::Command {
                command: self.argv(index, table)?,
            }),
        }
    }

    fn repo(&mut self, index: usize, table: &ChoreTable) -> Option<String> {
        let example = "repo = \"steveyegge/gastown\"";
        let repo = self.needed(index, "repo", table.repo.as_deref(), example)?;
        let is_owner_and_name = repo
            .split_once('/')
            .is_some_and(|(owner, name)| is_repo_part(owner) && is_repo_part(name));
        if is_owner_and_name {
            return Some(repo.to_owned());
        }
        let message = format!("`{}` is not owner/name", shown(repo));
        let fault = self.at(&place(index, "repo"), "bad-repo", message);
        self.faults.push(fault.help(format!("write {example}")));
        None
    }

    fn nudge(
        &mut self,
        index: usize,
        table: &ChoreTable,
        named: Sessions<'_, '_>,
    ) -> Option<ChoreKind> {
        let example = "session = \"hq-mayor\"";
        let session = self.needed(index, "session", table.session.as_deref(), example);
        let example = "text = \"Run your cycle.\"";
        let text = self.needed(index, "text", table.text.as_deref(), example);
        let session = self.nudged_session(index, session?, named)?;
        let text = self.nudge_text(index, text?)?;
        let is_command = table.as_command.unwrap_or_default();
        Some(ChoreKind::Nudge {
            session,
            text: if is_command { text.as_command() } else { text },
        })
    }

    /// What happens with proposals. `None` if the analysis may make none.
    fn propose(&mut self, index: usize, table: &ChoreTable) -> Option<Accept> {
        if table.propose.unwrap_or_default() {
            return Some(table.accept.map(words::Accept::meaning).unwrap_or_default());
        }
        if table.accept.is_some() {
            let message = "`accept` has no effect without `propose`";
            let fault = self.at(&place(index, "accept"), "idle-field", message);
            self.faults
                .push(fault.help("remove it, or add propose = true"));
        }
        None
    }

    /// The text of a field that this kind needs. Notes a fault if it is absent or empty.
    fn needed<'t>(
        &mut self,
        index: usize,
        field: &str,
        text: Option<&'t str>,
        example: &str,
    ) -> Option<&'t str> {
        if text.is_some_and(|text| !text.is_empty()) {
            return text;
        }
        let fault = self.lacks(
            &path(["chore", &index.to_string()]),
            field,
            format!("this chore needs a `{field}`"),
        );
        self.faults
            .extend(fault.map(|f| f.help(format!("add {example}"))));
        None
    }

    fn argv(&mut self, index: usize, table: &ChoreTable) -> Option<Vec<String>> {
        let program = table
            .command
            .as_ref()
            .and_then(|argv| argv.first())
            .map(String::as_str);
        self.needed(
            index,
            "command",
            program,
            "command = [\"kimigas\", \"--print\"]",
        )?;
        table.command.clone()
    }

    fn nudge_text(&mut self, index: usize, text: &str) -> Option<NudgeText> {
        match NudgeText::new(text) {
            Ok(text) => Some(text),
            Err(error) => {
                let fault = self.at(&place(index, "text"), "bad-text", error.to_string());
                self.faults.push(fault.help(error.help()));
                None
            }
        }
    }

    fn nudged_session(
        &mut self,
        index: usize,
        session: &str,
        named: Sessions<'_, '_>,
    ) -> Option<SessionName> {
        if let Some((name, _)) = named.get_key_value(session) {
            return Some(name.clone());
        }
        let fault: Fault = self
            .at(
                &place(index, "session"),
                "unknown-session",
                format!("no session is called `{}`", shown(session)),
            )
            .label("no such session")
            .did_you_mean(session, named.keys().map(SessionName::as_str), || {
                "write the full name of a declared session, such as gt-shop-witness".to_owned()
            });
        self.faults.push(fault);
        None
    }
}
