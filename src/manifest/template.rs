//! Templates: `{town} {rig} {prefix} {name} {n} {role} {agent} {session}` in names, commands and
//! paths.
//!
//! Only a lower-case word in braces is replaced. Text for a shell stays as it is: `{ echo hi; }`,
//! `${HOME}`, `${name}`. To get a literal `{word}`, write `{{word}}`.

/// The words that can stand in a template.
pub(crate) const WORDS: [&str; 8] = [
    "town", "rig", "prefix", "name", "n", "role", "agent", "session",
];

/// The values of the words for one session. A word without a value may not be used.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Words<'a> {
    pub(crate) town: &'a str,
    pub(crate) rig: Option<&'a str>,
    pub(crate) prefix: Option<&'a str>,
    pub(crate) name: Option<&'a str>,
    /// Its number among those that a `count` makes.
    pub(crate) n: Option<&'a str>,
    pub(crate) role: &'a str,
    pub(crate) agent: Option<&'a str>,
    pub(crate) session: Option<&'a str>,
}

/// Why a template cannot be filled in. Both variants have the word.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum TemplateFault {
    /// There is no such word.
    #[error("there is no `{{{0}}}`")]
    Unknown(String),
    /// The word has no value for this session.
    #[error("`{{{0}}}` has no value here")]
    Unset(&'static str),
}

impl Words<'_> {
    fn value(&self, word: &str) -> Result<&str, TemplateFault> {
        let (word, value) = match word {
            "town" => ("town", Some(self.town)),
            "rig" => ("rig", self.rig),
            "prefix" => ("prefix", self.prefix),
            "name" => ("name", self.name),
            "n" => ("n", self.n),
            "role" => ("role", Some(self.role)),
            "agent" => ("agent", self.agent),
            "session" => ("session", self.session),
            unknown => return Err(TemplateFault::Unknown(unknown.to_owned())),
        };
        value.ok_or(TemplateFault::Unset(word))
    }

    /// Fills in a template. Example: `gt-{rig}-witness` gives `gt-shop-witness`.
    ///
    /// # Errors
    /// The first word that is unknown or has no value.
    pub(crate) fn fill(&self, text: &str) -> Result<String, TemplateFault> {
        let mut filled = String::with_capacity(text.len());
        let mut input = text;
        while let Some((before, inside)) = input.split_once('{') {
            filled.push_str(before);
            if let Some((word, after)) = doubled(inside) {
                filled.push('{');
                filled.push_str(word);
                filled.push('}');
                input = after;
            } else if let Some((word, after)) = braced(inside)
                && !before.ends_with('$')
            {
                filled.push_str(self.value(word)?);
                input = after;
            } else {
                filled.push('{');
                input = inside;
            }
        }
        filled.push_str(input);
        Ok(filled)
    }
}

/// Whether a template has this word.
///
/// Example: `gt-{rig}-{{n}}` has `rig`, but not `n`.
pub(crate) fn has_word(template: &str, word: &str) -> bool {
    let in_braces = format!("{{{word}}}");
    template.match_indices(&in_braces).any(|(at, _)| {
        let (before, after) = (template.get(..at), template.get(at + in_braces.len()..));
        let before = before.unwrap_or_default();
        let is_doubled = before.ends_with('{') && after.is_some_and(|text| text.starts_with('}'));
        !is_doubled && !before.ends_with('$')
    })
}

/// The template that [`Words::fill`] fills in to exactly `text`.
///
/// Example: `{rig}` becomes `{{rig}}`; `${HOME}` stays as it is.
#[must_use]
pub fn literal(text: &str) -> String {
    let mut template = String::with_capacity(text.len());
    let mut input = text;
    while let Some((before, inside)) = input.split_once('{') {
        template.push_str(before);
        if let Some((word, after)) = braced(inside)
            && !before.ends_with('$')
        {
            template.push_str("{{");
            template.push_str(word);
            template.push_str("}}");
            input = after;
        } else {
            template.push('{');
            input = inside;
        }
    }
    template.push_str(input);
    template
}

/// The word up to the closing brace, and the text after it. `text` begins after a `{`.
///
/// Example: `rig}-x` gives `rig` and `-x`; ` echo hi; }` gives nothing.
fn braced(text: &str) -> Option<(&str, &str)> {
    let (word, after) = text.split_once('}')?;
    let is_word = |c: char| c.is_ascii_lowercase() || c == '_';
    (!word.is_empty() && word.chars().all(is_word)).then_some((word, after))
}

/// As [`braced`], for a word in two pairs of braces.
fn doubled(text: &str) -> Option<(&str, &str)> {
    let (word, after) = braced(text.strip_prefix('{')?)?;
    Some((word, after.strip_prefix('}')?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_of_a_template_are_found() {
        assert!(has_word("gt-{rig}-{n}", "rig") && has_word("gt-{rig}-{n}", "n"));
        assert!(!has_word("gt-{rig}", "n") && !has_word("{{n}} ${n} n", "n"));
    }

    #[test]
    fn only_words_in_braces_are_filled_in() {
        let words = Words {
            town: "acme",
            rig: Some("shop"),
            role: "crew",
            ..Words::default()
        };
        assert_eq!(words.fill("gt-{rig}-{role}").as_deref(), Ok("gt-shop-crew"));
        assert_eq!(
            words.fill("{ echo a; } ${HOME} ${rig} {A} {").as_deref(),
            Ok("{ echo a; } ${HOME} ${rig} {A} {")
        );
        assert_eq!(
            words.fill("awk '{{print}}' {{.Names}}").as_deref(),
            Ok("awk '{print}' {{.Names}}")
        );
        assert_eq!(
            words.fill("${GTCTL_CRASHES:-0} {town}").as_deref(),
            Ok("${GTCTL_CRASHES:-0} acme")
        );
        assert_eq!(words.fill("{name}"), Err(TemplateFault::Unset("name")));
        for text in [
            "a {rig} b",
            "{{rig}}",
            "${rig}",
            "{ x; }",
            "{unknown}",
            "{{{a}}",
            "{",
            "{}",
        ] {
            assert_eq!(words.fill(&literal(text)).as_deref(), Ok(text));
        }
        assert_eq!(
            words.fill("a{rigg}"),
            Err(TemplateFault::Unknown("rigg".into()))
        );
    }
}
