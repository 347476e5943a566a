//! Templates: `{town} {rig} {prefix} {name} {role} {agent} {session}` in names, commands and paths.
//!
//! Only a lower-case word in braces is one: `{ echo hi; }`, `${HOME}` and `${name}` stay as they
//! are, and `{{word}}` is a literal `{word}`.

/// The words a template may hold.
pub(crate) const WORDS: [&str; 7] = ["town", "rig", "prefix", "name", "role", "agent", "session"];

/// What the words stand for, for one session.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Words<'a> {
    pub(crate) town: &'a str,
    pub(crate) rig: Option<&'a str>,
    pub(crate) prefix: Option<&'a str>,
    pub(crate) name: Option<&'a str>,
    pub(crate) role: &'a str,
    pub(crate) agent: Option<&'a str>,
    pub(crate) session: Option<&'a str>,
}

/// Why a template cannot be filled in; both carry the word.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum TemplateFault {
    /// There is no such word.
    #[error("there is no `{{{0}}}`")]
    Unknown(String),
    /// The word means nothing for this session.
    #[error("`{{{0}}}` has no value here")]
    Unset(&'static str),
}

impl Words<'_> {
    fn meaning(&self, word: &str) -> Result<&str, TemplateFault> {
        let known = WORDS.into_iter().find(|known| *known == word);
        let (word, value) = match known {
            Some("town") => ("town", Some(self.town)),
            Some("rig") => ("rig", self.rig),
            Some("prefix") => ("prefix", self.prefix),
            Some("name") => ("name", self.name),
            Some("role") => ("role", Some(self.role)),
            Some("agent") => ("agent", self.agent),
            Some("session") => ("session", self.session),
            Some(_) | None => return Err(TemplateFault::Unknown(word.to_owned())),
        };
        value.ok_or(TemplateFault::Unset(word))
    }

    /// Fills in a template.
    ///
    /// # Errors
    /// The first word that is unknown or means nothing here.
    pub(crate) fn fill(&self, text: &str) -> Result<String, TemplateFault> {
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(at) = rest.find('{') {
            let (before, from) = rest.split_at(at);
            out.push_str(before);
            if let Some(word) = from
                .strip_prefix('{')
                .and_then(|f| f.strip_prefix('{'))
                .and_then(leading_word)
                && from
                    .get(word.len() + 3..)
                    .is_some_and(|after| after.starts_with('}'))
            {
                out.push_str(from.get(1..word.len() + 3).unwrap_or_default());
                rest = from.get(word.len() + 4..).unwrap_or_default();
            } else if let Some(word) = from.strip_prefix('{').and_then(leading_word)
                && !before.ends_with('$')
            {
                out.push_str(self.meaning(word)?);
                rest = from.get(word.len() + 2..).unwrap_or_default();
            } else {
                out.push('{');
                rest = from.get(1..).unwrap_or_default();
            }
        }
        out.push_str(rest);
        Ok(out)
    }
}

/// The text with which [`Words::fill`] gives `text` as it is.
#[must_use]
pub fn literal(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('{') {
        let (before, from) = rest.split_at(at);
        out.push_str(before);
        let after = from.get(1..).unwrap_or_default();
        if let Some(word) = leading_word(after).filter(|_| !before.ends_with('$')) {
            out.push_str("{{");
            out.push_str(word);
            out.push_str("}}");
            rest = after.get(word.len() + 1..).unwrap_or_default();
        } else {
            out.push('{');
            rest = after;
        }
    }
    out.push_str(rest);
    out
}

/// The word that `text` begins with, if a brace closes it.
fn leading_word(text: &str) -> Option<&str> {
    let end = text.find(|c: char| !(c.is_ascii_lowercase() || c == '_'))?;
    if end > 0 && text.get(end..)?.starts_with('}') {
        text.get(..end)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
