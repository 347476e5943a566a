//! Cuts a memory or a heartbeat that was read from a file down to its bounds.
//!
//! gtctl keeps these bounds when it adds to a memory. But a file may hold anything. So what is read
//! is cut once, before anything uses it.

use super::{
    Advice, AgentReport, Answer, AnswerGiven, ChoreEnd, ChoreHistory, Complaint, Content,
    Departure, Dialog, DialogOption, Given, Heartbeat, History, InForce, Incarnation, Limited,
    Marks, Memory, NudgeText, Probed, Proposal, RanWith, Readiness, RecordedReason, Refused,
    Refuted, Replacing, Reported, Shown, Sighting, Stopping, Typed,
};

/// The longest code of a reason, in bytes.
const MAX_CODE: usize = 64;

/// Drops the first (oldest) entries of a list until at most `most` are left.
pub fn keep_newest<T>(list: &mut Vec<T>, most: usize) {
    let excess = list.len().saturating_sub(most);
    list.drain(..excess);
}

/// Cuts a text to at most `most` bytes, between two characters.
pub(super) fn cut_to_bytes(text: &mut String, most: usize) {
    let end = (0..=most.min(text.len()))
        .rev()
        .find(|at| text.is_char_boundary(*at))
        .unwrap_or(0);
    text.truncate(end);
}

fn cut_to_chars(text: &mut String, most: usize) {
    if let Some((end, _)) = text.char_indices().nth(most) {
        text.truncate(end);
    }
}

impl Memory {
    /// The memory with all its lists and texts within their bounds. A memory that gtctl has written
    /// stays as it is.
    #[must_use]
    pub fn bounded(mut self) -> Self {
        let recent = [
            &mut self.server_losses,
            &mut self.starts,
            &mut self.replaced,
        ];
        for moments in recent {
            keep_newest(moments, Self::MAX_RECENT);
        }
        let is_short = |name: &str| name.len() <= Self::MAX_NAME;
        self.auth_deaths.retain(|agent, _| is_short(agent));
        self.chores.retain(|chore, _| is_short(chore));
        self.probes.retain(|agent, _| is_short(agent));
        for deaths in self.auth_deaths.values_mut() {
            keep_newest(deaths, Self::MAX_AUTH_DEATHS);
        }
        keep_newest(&mut self.departures, Self::MAX_DEPARTURES);
        for Departure { reason, .. } in &mut self.departures {
            bound_reason(reason);
        }
        self.texts
            .retain(|request| request.asker.chore().is_none_or(is_short));
        keep_newest(&mut self.texts, Self::MAX_TEXTS);
        self.chores.values_mut().for_each(ChoreHistory::bound);
        self.probes.values_mut().for_each(Probed::bound);
        self.sessions.values_mut().for_each(History::bound);
        self
    }
}

fn bound_reason(reason: &mut RecordedReason) {
    match reason {
        RecordedReason::Known(_) => {}
        RecordedReason::Unknown(text) => cut_to_bytes(text, MAX_CODE),
    }
}

impl Heartbeat {
    /// The same with complaints that are no longer than [`Heartbeat::MAX_COMPLAINT`].
    #[must_use]
    pub fn bounded(mut self) -> Self {
        if let Some(trouble) = &mut self.trouble {
            cut_to_chars(trouble, Self::MAX_COMPLAINT);
        }
        if let InForce::LastGood { why, .. } = &mut self.manifest {
            cut_to_chars(why, Self::MAX_COMPLAINT);
        }
        self
    }
}

impl History {
    fn bound(&mut self) {
        self.run.iter_mut().for_each(Incarnation::bound);
        keep_newest(&mut self.crashes, Self::MAX_CRASHES);
        keep_newest(&mut self.answers, AnswerGiven::MAX);
        if let Some(Stopping { tree, reason, .. }) = &mut self.stopping {
            tree.truncate(Stopping::MAX_TREE);
            bound_reason(reason);
        }
        if let Some(Replacing { reason, .. }) = &mut self.replacing {
            bound_reason(reason);
        }
        if let Some(Refused { said, .. }) = &mut self.refused {
            cut_to_bytes(said, Refused::MAX);
        }
        if let Some(Complaint { said, .. }) = &mut self.complaint {
            cut_to_bytes(said, Complaint::MAX);
        }
        if let Some(Refuted { line, .. }) = &mut self.refuted {
            cut_to_chars(line, Content::MAX_EVIDENCE);
        }
    }
}

impl Incarnation {
    fn bound(&mut self) {
        keep_newest(&mut self.typed, Self::MAX_TYPED);
        self.tokens.bound();
        for Typed { text, .. } in &mut self.typed {
            cut_to_bytes(text, NudgeText::MAX);
        }
        if let Some(Limited { evidence, .. }) = &mut self.limited {
            cut_to_chars(evidence, Content::MAX_EVIDENCE);
        }
        self.content.iter_mut().for_each(Content::bound);
        self.marks.iter_mut().for_each(Marks::bound);
        if let Some(fault) = self
            .readiness
            .as_mut()
            .and_then(|shown| shown.fault.as_mut())
        {
            cut_to_chars(fault, Readiness::MAX_FAULT);
        }
        self.ran_with.iter_mut().for_each(RanWith::bound);
    }
}

impl Content {
    fn bound(&mut self) {
        self.looks = Self::AGREEING.min(self.looks);
        cut_to_chars(&mut self.evidence, Self::MAX_EVIDENCE);
        self.reported.iter_mut().for_each(Reported::bound);
        self.dialog.take_if(|seen| seen.dialog.options.is_empty());
        if let Some(seen) = &mut self.dialog {
            seen.dialog.bound();
        }
        if let Some(Shown {
            looks, evidence, ..
        }) = &mut self.by_screen
        {
            *looks = Self::AGREEING.min(*looks);
            cut_to_chars(evidence, Self::MAX_EVIDENCE);
        }
    }
}

impl Dialog {
    fn bound(&mut self) {
        cut_to_chars(&mut self.question, Self::MAX_LINE);
        keep_newest(&mut self.above, Self::MAX_ABOVE);
        self.options.truncate(Self::MAX_OPTIONS);
        self.selected = self.selected.min(self.options.len().saturating_sub(1));
        for line in &mut self.above {
            cut_to_chars(line, Self::MAX_LINE);
        }
        for DialogOption { text, detail, .. } in &mut self.options {
            cut_to_chars(text, Self::MAX_LINE);
            cut_to_chars(detail, Self::MAX_LINE);
        }
    }
}

impl Reported {
    fn bound(&mut self) {
        cut_to_bytes(&mut self.event, AgentReport::MAX_EVENT);
        cut_to_chars(&mut self.text, AgentReport::MAX_TEXT);
        if let Some(path) = &mut self.transcript {
            cut_to_bytes(path, AgentReport::MAX_PATH);
        }
    }
}

impl Marks {
    fn bound(&mut self) {
        let Given { markers: _, pieces } = &mut self.given;
        pieces.truncate(Given::MAX);
        for piece in pieces {
            cut_to_bytes(piece, Given::MAX_PIECE);
        }
        if let Some(standing) = &mut self.standing {
            let Sighting { marker, line, .. } = &mut standing.sighting;
            cut_to_bytes(marker, Sighting::MAX_MARKER);
            // A line that was cut ends in an ellipsis.
            cut_to_chars(line, Sighting::MAX_LINE + 1);
        }
    }
}

impl RanWith {
    fn bound(&mut self) {
        let mut left = Self::MAX_TEXT;
        self.command.truncate(Self::MAX_TEXT);
        for word in &mut self.command {
            cut_to_chars(word, left);
            left = left.saturating_sub(word.chars().count());
        }
        self.env.truncate(Self::MAX_NAMES);
        for (name, _) in &mut self.env {
            cut_to_chars(name, Self::MAX_TEXT);
        }
        cut_to_chars(&mut self.dir, Self::MAX_TEXT);
        if let Some(path) = &mut self.env_file {
            cut_to_chars(path, Self::MAX_TEXT);
        }
    }
}

impl ChoreHistory {
    fn bound(&mut self) {
        if let Some(ChoreEnd { said, .. }) = &mut self.ended {
            cut_to_chars(said, ChoreEnd::MAX_SAID);
        }
        self.proposals.truncate(Proposal::MAX);
        for Proposal {
            advice,
            session,
            why,
            taken: _,
        } in &mut self.proposals
        {
            cut_to_chars(session, Proposal::MAX_TEXT);
            cut_to_chars(why, Proposal::MAX_TEXT);
            match advice {
                Advice::Nudge(text) => cut_to_chars(text, Proposal::MAX_TEXT),
                Advice::Restart | Advice::Reset => {}
            }
        }
    }
}

impl Probed {
    fn bound(&mut self) {
        match self.answered.as_mut().map(|answered| &mut answered.answer) {
            Some(Answer::Failed(why) | Answer::Unasked(why)) => cut_to_bytes(why, Answer::MAX_WHY),
            Some(Answer::Passed) | None => {}
        }
    }
}
