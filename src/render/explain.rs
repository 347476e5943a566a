//! Why one session is as it is.

use super::columns::{Line, cell, lay_out, wrap};
use super::json::{
    ExplainPage, RuleLine, SaysLine, SettingLine, VERSION, WantLine, screen_line, time, why_of,
    why_of_hold,
};
use super::next::{WhyNext, why_and_next};
use super::status::role as role_of;
use super::view::{LastExit, Row};
use super::words;
use super::{Paper, Role, sanitise};
use crate::manifest::Explained;
use crate::model::{Content, Held, Moment, Period, ScreenState, SessionName, Source};
use crate::plan::{Opinion, Says};
use serde_json::Value;

/// How wide the column of values grows where nothing says how wide the page is; longer ones push
/// their origin aside.
const VALUES: usize = 40;
/// However narrow the page, values have so many columns.
const NARROW: usize = 24;
/// Where the rules' names are followed by what they say.
const SAYS: usize = 14;

/// So many columns of the name of a client's event are shown.
const EVENT: usize = 40;
/// The longest line of a screen, in columns.
const EVIDENCE: usize = 100;
/// The longest name of a role or a rig, in characters.
const NAME: usize = 64;
/// The longest text for programs, in characters.
const LONGEST: usize = 64 << 10;

/// All there is to say of one session.
#[derive(Debug, Clone, Copy)]
pub struct Explanation<'a> {
    /// Which.
    pub session: &'a SessionName,
    /// What it is now; none where the plan does not have it.
    pub row: Option<&'a Row<'a>>,
    /// What each rule says, in order; empty when nothing is known.
    pub opinions: &'a [Opinion],
    /// What is known of its agent's screen; none when nothing lives there.
    pub content: Option<&'a Content>,
    /// What holds back what they come to, where something beside them does.
    pub held: Option<&'a Held>,
    /// Its settings in force.
    pub settings: &'a [Explained],
    /// Its last events as JSON, oldest first.
    pub events: &'a [Value],
}

/// How much of an explanation is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Extent {
    /// The verdict, what comes next, and what differs from the defaults.
    #[default]
    Verdict,
    /// Every rule and every setting, too: `--all`.
    All,
}

/// For people.
#[must_use]
pub fn page(explanation: &Explanation<'_>, extent: Extent, paper: &Paper) -> String {
    let mut parts = vec![title(explanation, paper), verdict(explanation, paper)];
    if extent == Extent::All {
        parts.push(rules(explanation, paper));
    }
    parts.push(settings(explanation, extent, paper));
    if !explanation.events.is_empty() {
        parts.push(last_events(explanation, paper));
    }
    if extent == Extent::Verdict {
        let more = format!(
            "`gtctl explain {} --all` shows every rule and setting",
            explanation.session
        );
        parts.push(format!("{}\n", paper.colour.paint(Role::Quiet, &more)));
    }
    parts.retain(|part| !part.is_empty());
    parts.join("\n")
}

/// The name, and what it is: `crew-1  dead for 4m, role crew, rig shop`.
fn title(explanation: &Explanation<'_>, paper: &Paper) -> String {
    let name = paper
        .colour
        .paint(Role::Strong, explanation.session.as_str());
    let Some(row) = explanation.row else {
        return format!("{name}  not in the plan\n");
    };
    let phase = words::phase_word(row.phase);
    let since = row
        .since
        .map_or_else(String::new, |since| format!(" for {}", seconds(since)));
    let role = row.role.map(|role| format!(", role {}", short(role)));
    let rig = row.rig.map(|rig| format!(", rig {}", short(rig)));
    let phase = paper.colour.paint(role_of(row.phase), phase);
    let (role, rig) = (role.unwrap_or_default(), rig.unwrap_or_default());
    format!("{name}  {phase}{since}{role}{rig}\n")
}

/// Why it is so, what comes next, by which rule, and what tells.
fn verdict(explanation: &Explanation<'_>, paper: &Paper) -> String {
    let mut entries: Vec<(&str, Role, String)> = Vec::new();
    let why = if let Some(row) = explanation.row {
        let WhyNext { why, next } = why_and_next(row, paper);
        entries.push(("why", Role::Strong, or(why.clone(), "as declared")));
        entries.push(("next", Role::Strong, or(next, "nothing to do")));
        why
    } else {
        let unknown = "its state is unknown".to_owned();
        entries.push(("why", Role::Strong, unknown.clone()));
        unknown
    };
    let deciding = explanation
        .opinions
        .iter()
        .find_map(|opinion| Some((opinion.rule, opinion.says.as_ref()?)));
    if let Some((rule, says)) = deciding {
        entries.push(("rule", Role::Plain, deciding_rule(rule, says, &why)));
    }
    if let Some(held) = explanation.held {
        let text = words::hold(&held.hold, held.until, &paper.clock);
        if !text.ends_with(&why) {
            entries.push(("waiting", Role::Change, text));
        }
    }
    entries.extend(
        explanation
            .content
            .map(|content| ("screen", Role::Plain, shows(content, paper))),
    );
    entries.extend(
        explanation
            .row
            .and_then(|row| run(row, paper))
            .map(|run| ("run", Role::Plain, run)),
    );
    let line = |(word, role, text): (&str, Role, String)| {
        let word = cell(word).role(Role::Quiet);
        Line::Row(vec![word, cell(text).role(role).flowing()])
    };
    let lines: Vec<Line> = entries.into_iter().map(line).collect();
    lay_out(&lines, "  ", paper)
}

/// The rule that decides, with its reason unless that was just said.
fn deciding_rule(rule: &str, says: &Says, why: &str) -> String {
    let name = rule_name(rule);
    let reason = match says {
        Says::Keep(phase) => return format!("{name}: nothing to do, {}", words::phase(*phase)),
        Says::Want(_, reason) | Says::Hold(_, reason, _, _) => words::reason(reason),
    };
    if why.contains(&reason) {
        name.to_owned()
    } else {
        format!("{name}: {reason}")
    }
}

/// The process, since when, and how often it was started or has crashed.
fn run(row: &Row<'_>, paper: &Paper) -> Option<String> {
    let mut parts = Vec::new();
    if let (Some(pid), Some(started)) = (row.pid, row.started) {
        let at = paper.clock.time(started);
        let age = row
            .age
            .map_or_else(String::new, |age| format!(" ({} ago)", seconds(age)));
        parts.push(format!("process {pid}, started {at}{age}"));
    }
    if let Some(LastExit { death, at }) = row.last_exit {
        let when = at.filter(|_| row.pid.is_some());
        let when = when.map_or_else(String::new, |at| format!(" at {}", paper.clock.time(at)));
        parts.push(format!("last run: {death}{when}"));
    }
    if row.restarts > 0 {
        let restarts = usize::try_from(row.restarts).unwrap_or(usize::MAX);
        parts.push(words::count(restarts, "restart"));
    }
    if row.crashes > 1 {
        parts.push(format!("{} crashes in a row", row.crashes));
    }
    if let Some(used) = row.run_tokens {
        let limit = row.token_limits.max_tokens;
        let of = limit.map_or_else(String::new, |limit| format!(" of {}", words::tokens(limit)));
        parts.push(format!("{}{of} tokens", words::tokens(used)));
    }
    (!parts.is_empty()).then(|| parts.join(", "))
}

fn rules(explanation: &Explanation<'_>, paper: &Paper) -> String {
    let mut out = heading("rules, in order; the first that applies decides", paper);
    let opinions = explanation.opinions;
    if opinions.is_empty() {
        out.push_str("  its state could not be determined\n");
    }
    let deciding = opinions.iter().position(|opinion| opinion.says.is_some());
    for (at, opinion) in opinions.iter().enumerate() {
        let decides = deciding == Some(at);
        let mark = if decides { ">" } else { " " };
        let says = opinion
            .says
            .as_ref()
            .map_or_else(|| "-".to_owned(), |says| say(says, paper));
        let role = if decides { Role::Strong } else { Role::Quiet };
        let room = paper
            .width
            .map_or(usize::MAX, |wide| wide.saturating_sub(SAYS));
        for (nth, row) in wrap(&says, room).iter().enumerate() {
            let before = if nth == 0 {
                format!("{mark} {:<10}  ", rule_name(opinion.rule))
            } else {
                " ".repeat(SAYS)
            };
            out.extend([&paper.colour.paint(role, &format!("{before}{row}")), "\n"]);
        }
    }
    out
}

fn settings(explanation: &Explanation<'_>, extent: Extent, paper: &Paper) -> String {
    match extent {
        Extent::All => heading("settings", paper) + &table(explanation.settings, paper),
        Extent::Verdict => {
            let differs: Vec<Explained> = explanation
                .settings
                .iter()
                .filter(|setting| !setting.is_default)
                .cloned()
                .collect();
            if differs.is_empty() {
                return String::new();
            }
            heading("settings that differ from the defaults", paper) + &table(&differs, paper)
        }
    }
}

fn last_events(explanation: &Explanation<'_>, paper: &Paper) -> String {
    let mut out = heading("last events", paper);
    for line in super::events::lines(explanation.events, paper) {
        out.extend(["  ", &line, "\n"]);
    }
    out
}

fn heading(text: &str, paper: &Paper) -> String {
    format!("{}\n", paper.colour.paint(Role::Strong, text))
}

fn or(text: String, other: &str) -> String {
    if text.is_empty() {
        other.to_owned()
    } else {
        text
    }
}

fn short(text: &str) -> String {
    sanitise::line(text, NAME)
}

/// A period without its milliseconds.
fn seconds(period: Period) -> String {
    words::brief(Period::from_secs(period.millis() / 1000))
}

/// What its screen says, what told it, and what says otherwise.
fn shows(content: &Content, paper: &Paper) -> String {
    let state = content.state.code().replace('-', " ");
    let since = words::brief(paper.clock.now.since(&content.state_since));
    let evidence = match sanitise::line(&content.evidence, EVIDENCE) {
        line if line.is_empty() => String::new(),
        line => format!(": {line}"),
    };
    let source = source(content, paper);
    let agreed = if content.is_agreed() {
        ""
    } else {
        "; another check must agree"
    };
    format!("{state} for {since}{evidence} ({source}{agreed})")
}

/// What told the state, and what the others say: `hook UserPromptSubmit 12s ago; screen agrees`.
fn source(content: &Content, paper: &Paper) -> String {
    let now = paper.clock.now;
    let word = |state: ScreenState| state.code().replace('-', " ");
    let reported = content.reported.as_ref().map(|reported| {
        let event = sanitise::line(&reported.event, EVENT);
        let age = words::brief(now.since(&reported.at));
        format!("{} {event} {age} ago", reported.by.word())
    });
    let other = |against: Option<ScreenState>, other: &str| match against {
        Some(against) => format!("; {other} says {}", word(against)),
        None => String::new(),
    };
    match content.told.by {
        Source::Hook | Source::Registry => {
            let said = reported.unwrap_or_else(|| content.told.by.word().to_owned());
            let screen = content.by_screen.as_ref().map(|shown| shown.state);
            match (content.told.against, screen) {
                (Some(against), _) => format!("{said}; screen says {}", word(against)),
                (None, Some(ScreenState::Unclear)) => format!("{said}; screen is unclear"),
                (None, _) => format!("{said}; screen agrees"),
            }
        }
        Source::Title => format!("from its title{}", other(content.told.against, "screen")),
        Source::Text => match reported {
            Some(said) if content.told.against.is_some() => {
                format!("from its screen{}", other(content.told.against, &said))
            }
            Some(said) => format!("from its screen; {said} agrees"),
            None => format!("from its screen{}", other(content.told.against, "title")),
        },
    }
}

/// A rule's name for people. JSON keeps `calm` for the answer where no rule applies.
fn rule_name(rule: &str) -> &str {
    if rule == "calm" { "otherwise" } else { rule }
}

fn say(says: &Says, paper: &Paper) -> String {
    match says {
        Says::Keep(phase) => format!("nothing to do: {}", words::phase(*phase)),
        Says::Want(verb, reason) => format!("{}: {}", words::verb(*verb), words::reason(reason)),
        Says::Hold(verb, reason, hold, until) => {
            let hold = words::hold(hold, *until, &paper.clock);
            format!(
                "{}: {}; waiting: {hold}",
                words::verb(*verb),
                words::reason(reason)
            )
        }
    }
}

/// Every value whole: where the page ends it goes on below itself, and the origins stay aligned.
fn table(settings: &[Explained], paper: &Paper) -> String {
    let widest = |of: fn(&Explained) -> &str| {
        settings
            .iter()
            .map(|s| sanitise::width(of(s)))
            .max()
            .unwrap_or(0)
    };
    let (field, value, origin) = (
        widest(|s| &s.field),
        widest(|s| &s.value),
        widest(|s| &s.origin),
    );
    let before = 2 + field + 3;
    let room = paper
        .width
        .map(|wide| wide.saturating_sub(before + 2 + origin).max(NARROW));
    let value = value.min(room.unwrap_or(VALUES));
    let row = |setting: &Explained| {
        let Explained {
            field: name,
            value: text,
            origin,
            is_default: _,
        } = setting;
        let lines = wrap(text, room.unwrap_or(usize::MAX));
        let first = lines.first().map_or("", String::as_str);
        let pad = value.saturating_sub(sanitise::width(first));
        let origin = paper.colour.paint(Role::Quiet, origin);
        let further = lines
            .iter()
            .skip(1)
            .map(|line| format!("{:before$}{line}\n", ""));
        format!("  {name:<field$} = {first}{:pad$}  {origin}\n", "") + &further.collect::<String>()
    };
    settings.iter().map(row).collect()
}

/// For programs.
#[must_use]
pub fn json(explanation: &Explanation<'_>, now: Moment) -> Value {
    let Explanation {
        session,
        row,
        opinions,
        content,
        held,
        settings,
        events,
    } = explanation;
    let rules = opinions.iter().map(|opinion| RuleLine {
        rule: opinion.rule.to_owned(),
        says: opinion.says.as_ref().map(|says| says_line(says, now)),
    });
    let settings = settings.iter().map(|setting| SettingLine {
        field: setting.field.clone(),
        value: setting.value.clone(),
        origin: setting.origin.clone(),
        default: setting.is_default,
    });
    let page = ExplainPage {
        version: VERSION,
        kind: "explain".to_owned(),
        session: session.to_string(),
        phase: row.map(|row| row.phase.word().to_owned()),
        role: row.and_then(|row| row.role).map(str::to_owned),
        rig: row.and_then(|row| row.rig).map(str::to_owned),
        rules: rules.collect(),
        screen: content.map(|content| screen_line(content, now)),
        held: held.map(|held| why_of_hold(&held.hold)),
        settings: settings.collect(),
        events: events.to_vec(),
    };
    sanitise::json(serde_json::to_value(page).unwrap_or_default(), LONGEST)
}

fn says_line(says: &Says, now: Moment) -> SaysLine {
    match says {
        Says::Keep(phase) => SaysLine::Keep {
            keep: phase.word().to_owned(),
        },
        Says::Want(verb, reason) => SaysLine::Want(Box::new(WantLine {
            verb: verb.word().to_owned(),
            reason: why_of(reason),
            hold: None,
            until: None,
            until_ms: None,
        })),
        Says::Hold(verb, reason, hold, until) => SaysLine::Want(Box::new(WantLine {
            verb: verb.word().to_owned(),
            reason: why_of(reason),
            hold: Some(why_of_hold(hold)),
            until: until.map(|at| time(at, now)),
            until_ms: until.map(|at| now.until(&at).millis()),
        })),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::{Clock, Colour, Detail};

    fn drawn(value: &str, width: Option<usize>) -> String {
        let setting = |field: &str, value: &str| Explained {
            field: field.to_owned(),
            value: value.to_owned(),
            origin: "town.toml:7".to_owned(),
            is_default: false,
        };
        let clock = Clock {
            now: Moment {
                wall: 0,
                awake: 0,
                boot: 0,
            },
            offset_seconds: 0,
        };
        let paper = Paper {
            clock,
            width,
            colour: Colour::Off,
            detail: Detail::Short,
        };
        table(
            &[setting("max_age", "\"1h\""), setting("command", value)],
            &paper,
        )
    }

    #[test]
    fn a_long_value_is_shown_whole_below_itself() {
        let value = "[\"claude\", \"--model\", \"opus\", \"/a/very/long/path/without/any/blank\"]";
        let expected = "  max_age = \"1h\"                          town.toml:7\n\
                        \x20 command = [\"claude\", \"--model\",         town.toml:7\n\
                        \x20           \"opus\",\n\
                        \x20           \"/a/very/long/path/without/a\n\
                        \x20           ny/blank\"]\n";
        assert_eq!(drawn(value, Some(53)), expected);
        let whole = drawn(value, None);
        assert!(
            whole.lines().count() == 2 && whole.contains(value),
            "{whole}"
        );
    }
}
