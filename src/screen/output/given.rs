//! Recognises texts that the agent was given, where a client shows them.
//!
//! Such texts are what was typed into the session and what is in its command line. A client shows
//! them wrapped, indented, in a box or behind a mark. So only letters and digits are compared.
//!
//! ```text
//!  given:   Repair the login. As the last line write DONE and stop.
//!  output:  │ As the last line write    │
//!           │ DONE and stop.            │     shown: the letters around DONE agree
//!  output:  DONE                              stated by the agent
//! ```

use super::stated::{end_of, start_of};

/// How many bytes of letters must agree before a marker, over several lines.
const ENOUGH: usize = 24;
/// How many must agree before a marker in its own line. A line with so much of a given text speaks
/// about it.
const ENOUGH_IN_LINE: usize = 12;
/// How many must agree after a marker, if other letters stand before it in its line.
const ENOUGH_AFTER: usize = 6;
/// How much of the output before a line is compared, in bytes.
const BACK: usize = 1 << 10;

/// The texts that the agent was given. Each run of blanks is one space.
#[derive(Debug, Default)]
pub(super) struct Given(Vec<String>);

/// A marker in the output.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place<'a> {
    /// The rows before the line.
    pub(super) rows: &'a [u8],
    /// The line with the marker.
    pub(super) line: &'a str,
    /// Where the marker begins in the line.
    pub(super) at: usize,
    /// The marker.
    pub(super) marker: &'a str,
}

impl Place<'_> {
    fn before(&self) -> &str {
        self.line.get(..self.at).unwrap_or_default()
    }

    fn after(&self) -> &str {
        self.line
            .get(self.at + self.marker.len()..)
            .unwrap_or_default()
    }
}
impl Given {
    pub(super) fn new(texts: &[String]) -> Self {
        let squeezed_texts = texts.iter().map(|text| squeezed(text));
        Self(squeezed_texts.filter(|text| !text.is_empty()).collect())
    }

    /// Whether one of the texts contains the whole line. This is only for JSON, whose lines are
    /// long.
    pub(super) fn has_line(&self, line: &str) -> bool {
        let line = squeezed(line);
        !line.is_empty() && self.0.iter().any(|text| text.contains(&line))
    }

    /// Whether the output shows a given text at this place.
    pub(super) fn shows(&self, place: Place<'_>) -> bool {
        if self.0.is_empty() {
            return false;
        }
        let marker = squeezed(place.marker);
        let is_whole_text = |text: &String| *text == marker && squeezed(place.line) == marker;
        self.0.iter().any(is_whole_text)
            || self
                .surroundings(&marker)
                .any(|surroundings| surroundings.are_at(place))
    }

    /// The letters that must follow this place if the output shows a given text there. One entry
    /// for each text with the marker.
    pub(super) fn expected_after(&self, place: Place<'_>) -> Vec<String> {
        let marker = squeezed(place.marker);
        self.surroundings(&marker)
            .filter_map(|surroundings| surroundings.expected_after(place))
            .collect()
    }

    /// The surroundings of each occurrence of the marker in the texts.
    fn surroundings<'a>(&'a self, marker: &'a str) -> impl Iterator<Item = Surroundings> + 'a {
        let in_text = move |text: &'a String| {
            text.match_indices(marker).map(|(at, _)| {
                let before = text.get(..at).unwrap_or_default();
                let after = text.get(at + marker.len()..).unwrap_or_default();
                Surroundings {
                    before: letters(end_of(before, BACK)),
                    after: letters(start_of(after, BACK)),
                }
            })
        };
        self.0
            .iter()
            .filter(move |_| !marker.is_empty())
            .flat_map(in_text)
    }
}

/// The letters around a marker in a given text.
struct Surroundings {
    before: String,
    after: String,
}

impl Surroundings {
    /// Whether the output has the same letters around this place.
    fn are_at(&self, place: Place<'_>) -> bool {
        let in_line = letters(place.before());
        let near_rows = place
            .rows
            .get(place.rows.len().saturating_sub(BACK)..)
            .unwrap_or_default();
        let output = letters(&String::from_utf8_lossy(near_rows)) + &in_line;
        let agreed = common_end(&self.before, &output);
        let is_all_of_text = agreed > 0 && agreed == self.before.len();
        let is_all_of_line = !in_line.is_empty() && agreed >= in_line.len();
        let is_part_of_line = agreed >= ENOUGH_IN_LINE && agreed <= in_line.len();
        is_all_of_text
            || is_all_of_line
            || is_part_of_line
            || agreed >= ENOUGH
            || self.goes_on_in(place, &in_line)
    }

    /// Whether the line goes on after the marker as the text does.
    fn goes_on_in(&self, place: Place<'_>, in_line: &str) -> bool {
        let rest_of_line = letters(place.after());
        let agreed = common_start(&self.after, &rest_of_line);
        let is_all = agreed == rest_of_line.len() || agreed == self.after.len();
        agreed > 0 && is_all && (in_line.is_empty() || agreed >= ENOUGH_AFTER)
    }

    /// The letters that the next rows begin with if they go on with the text. `None` if the marker
    /// is not alone in its line, or if too few letters follow it.
    fn expected_after(&self, place: Place<'_>) -> Option<String> {
        let is_alone = letters(place.before()).is_empty() && letters(place.after()).is_empty();
        let expected = start_of(&self.after, ENOUGH);
        (is_alone && expected.len() >= ENOUGH_AFTER).then(|| expected.to_owned())
    }
}

/// The letters and digits of a text. An escaped line end or tab (`\\n`, `\\t`) is no letter.
pub(super) fn letters(text: &str) -> String {
    let mut letters = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        if c == '\\' {
            let next = chars.next();
            letters.extend(next.filter(|c| c.is_alphanumeric() && !matches!(c, 'n' | 'r' | 't')));
        } else if c.is_alphanumeric() {
            letters.push(c);
        }
    }
    letters
}
/// How many bytes at the end of both texts are the same, in whole characters.
fn common_end(a: &str, b: &str) -> usize {
    common_bytes(a.chars().rev(), b.chars().rev())
}

/// How many bytes at the start of both texts are the same, in whole characters.
fn common_start(a: &str, b: &str) -> usize {
    common_bytes(a.chars(), b.chars())
}

fn common_bytes(a: impl Iterator<Item = char>, b: impl Iterator<Item = char>) -> usize {
    a.zip(b)
        .take_while(|(a, b)| a == b)
        .map(|(c, _)| c.len_utf8())
        .sum()
}

/// The text with each run of blanks as one space.
fn squeezed(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    const MARKER: &str = "Agent completed successfully";

    fn shows(texts: &[&str], rows: &str, line: &str) -> bool {
        let texts: Vec<String> = texts.iter().map(|text| (*text).to_owned()).collect();
        let at = line.find(MARKER).unwrap();
        Given::new(&texts).shows(Place {
            rows: rows.as_bytes(),
            line,
            at,
            marker: MARKER,
        })
    }

    #[test]
    fn a_given_text_is_recognised_in_pieces() {
        let both = [&*format!("Do it.  {MARKER} is the\nlast line"), MARKER];
        assert!(shows(&both, "", "Do it. Agent completed successfully"));
        assert!(shows(&both, "", MARKER), "a whole text");
        let longer = [&*format!("say {MARKER} at the end")];
        assert!(!shows(&longer, "", MARKER), "what was asked for");
        assert!(shows(&longer, "", &format!("say {MARKER}")));
        assert!(
            shows(
                &longer,
                "",
                &format!("you: say {MARKER} at the end (queued)")
            ),
            "with words around it"
        );
    }

    #[test]
    fn a_given_text_is_recognised_however_it_is_shown_and_the_agents_own_line_counts() {
        let task = format!(
            "Repair the login and run all its tests. As the last line write\n\n{MARKER}\n\nand stop."
        );
        let given = [task.as_str()];
        let shown = "user\nRepair the login and run\nall its tests. As the last line write\n\n";
        assert!(shows(&given, shown, MARKER), "on a line of its own");
        assert!(
            shows(
                &given,
                &shown.replace('\n', "\n  > "),
                &format!("  > {MARKER}")
            ),
            "quoted"
        );
        assert!(
            shows(
                &given,
                &shown.replace('\n', " │\n│ "),
                &format!("│ **{MARKER}** │")
            ),
            "boxed and bold"
        );
        assert!(
            shows(&given, "", &format!("{MARKER} and stop.")),
            "its end alone"
        );
        let escaped = format!(
            "prompt: {:?}",
            task.replace(&format!("\n\n{MARKER}\n\nand stop."), "\n\n")
        );
        assert!(
            shows(
                &given,
                "",
                &format!("{} {MARKER}", escaped.trim_end_matches('"'))
            ),
            "escaped"
        );
        assert!(
            !shows(
                &given,
                &format!("{shown}{MARKER}\nand stop.\ncodex\n"),
                MARKER
            ),
            "said by the agent"
        );
        assert!(!shows(&given, "All tests pass now.\n", MARKER));
        assert!(!shows(
            &given,
            "I have repaired the login.\n",
            &format!("⏺ {MARKER}")
        ));
        for (task, shown) in [
            (
                format!("修复登录。成功后打印 {MARKER} 并停止。"),
                format!("成功后打印 {MARKER}"),
            ),
            (
                format!("修复登录。成功后打印 {MARKER} 并停止。"),
                format!("{MARKER} 并停止。"),
            ),
            (
                format!("Wenn alles fertig ist, gib {MARKER} aus."),
                format!("fertig ist, gib {MARKER}"),
            ),
        ] {
            assert!(shows(&[task.as_str()], "", &shown), "{shown}");
        }
    }

    #[test]
    fn the_letters_that_must_follow_a_shown_marker_are_predicted() {
        let given = Given::new(&[format!("{MARKER}\nis what you write at the very end")]);
        let place = |line| Place {
            rows: b"",
            line,
            at: 0,
            marker: MARKER,
        };
        assert_eq!(
            given.expected_after(place(MARKER)),
            ["iswhatyouwriteattheverye"]
        );
        assert!(
            given
                .expected_after(place("Agent completed successfully, at last"))
                .is_empty()
        );
    }
}
