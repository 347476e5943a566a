//! Compares the newest release and commit of a repository with the installed program.

use super::http::{Answer, HttpFault, Server};
use super::run::{Run, run};
use super::version::Version;
use super::{ChoreJob, ChoreOutcome, UpstreamNews};
use crate::jobs::Cancel;
use crate::model::written::from_bytes;
use crate::model::{ChoreResult, Period};
use crate::proc::clock;
use crate::store::Upstream;
use serde_json::Value;
use std::fmt::Write;

/// The server where the environment names none.
const GITHUB: &str = "https://api.github.com";
/// How long `gt --version` may take.
const VERSION_PATIENCE: Period = Period::from_secs(10);
/// The longest tag or commit that is accepted, in characters.
const LONGEST: usize = 100;

/// Asks upstream and the installed program, and compares the answers.
pub(super) async fn check(job: &ChoreJob, repo: &str, cancel: &mut Cancel) -> ChoreOutcome {
    let asked = ask(job, repo);
    if let Err(fault) = job.files.keep_upstream(&asked.known) {
        tracing::warn!(%fault, "what upstream said is not kept");
    }
    let installed = installed(job, cancel).await;
    let mut outcome = conclude(repo, &asked, installed.as_ref());
    outcome.log = log(repo, &asked, installed.as_ref()).into_bytes();
    outcome
}

/// What the server said.
struct Asked {
    known: Upstream,
    /// It wants no question for this time.
    later: Option<Period>,
    fault: Option<HttpFault>,
    /// The answers made no sense.
    nonsense: bool,
}

fn ask(job: &ChoreJob, repo: &str) -> Asked {
    let variable = |name| {
        std::env::var(name)
            .ok()
            .filter(|value: &String| !value.is_empty())
    };
    let base = variable("GITHUB_API_URL").unwrap_or_else(|| GITHUB.to_owned());
    let token = variable("GITHUB_TOKEN").or_else(|| variable("GH_TOKEN"));
    let server = Server::new(&base, token, job.chore.timeout.to_std());
    let source = format!("{}/repos/{repo}", server.base());
    let known = Some(job.files.upstream()).filter(|known| known.source == source);
    let known = known.unwrap_or(Upstream {
        source,
        ..Upstream::default()
    });
    let mut asked = Asked {
        known,
        later: None,
        fault: None,
        nonsense: false,
    };
    asked.learn_release(&server, repo);
    if asked.later.is_none() && asked.fault.is_none() {
        asked.learn_commit(&server, repo);
    }
    asked
}

impl Asked {
    fn learn_release(&mut self, server: &Server, repo: &str) {
        let path = format!("/repos/{repo}/releases/latest");
        let etag = self
            .known
            .release_etag
            .clone()
            .filter(|_| self.known.release.is_some());
        if let Some((value, etag)) = self.heard(server.ask(&path, etag.as_deref(), now_secs())) {
            let tag = value.as_ref().and_then(|value| word(value.get("tag_name")));
            // A repository without releases has none; an answer without a tag is no answer.
            self.nonsense |= tag.is_none() && value.is_some();
            if tag.is_some() || value.is_none() {
                (self.known.release, self.known.release_etag) = (tag, etag);
            }
        }
    }

    fn learn_commit(&mut self, server: &Server, repo: &str) {
        let path = format!("/repos/{repo}/commits?per_page=1");
        let etag = self
            .known
            .commit_etag
            .clone()
            .filter(|_| self.known.commit.is_some());
        if let Some((value, etag)) = self.heard(server.ask(&path, etag.as_deref(), now_secs())) {
            let commit = value
                .as_ref()
                .and_then(|value| word(value.get(0)?.get("sha")));
            self.nonsense |= commit.is_none() && value.is_some();
            if commit.is_some() {
                (self.known.commit, self.known.commit_etag) = (commit, etag);
            }
        }
    }

    /// What is new: a value with its `ETag`, or that there is none.
    fn heard(
        &mut self,
        answer: Result<Answer, HttpFault>,
    ) -> Option<(Option<Value>, Option<String>)> {
        match answer {
            Ok(Answer::Same) => None,
            Ok(Answer::Missing) => Some((None, None)),
            Ok(Answer::Later(period)) => {
                self.later = Some(period);
                None
            }
            Ok(Answer::Fresh(body, etag)) => {
                let value = from_bytes(&body).ok();
                self.nonsense |= value.is_none();
                value.map(|value| (Some(value), etag))
            }
            Err(fault) => {
                self.fault = Some(fault);
                None
            }
        }
    }
}

fn now_secs() -> i64 {
    clock::now().wall.div_euclid(1000)
}

/// A short word without spaces: people copy it into a command line.
fn word(value: Option<&Value>) -> Option<String> {
    let text = value?.as_str()?;
    let harmless = |c: char| c.is_ascii_alphanumeric() || "._-+/@".contains(c);
    (!text.is_empty() && text.len() <= LONGEST && text.chars().all(harmless))
        .then(|| text.to_owned())
}

/// The version that `gt --version` prints; none where there is no such program, or it prints none.
async fn installed(job: &ChoreJob, cancel: &mut Cancel) -> Option<Version> {
    let argv = ["gt".to_owned(), "--version".to_owned()];
    let ran = run(
        &Run {
            argv: &argv,
            dir: &job.chore.dir,
            input: "",
            town: &job.town.name,
            tag: &job.tag(),
            timeout: VERSION_PATIENCE.min(job.chore.timeout),
        },
        cancel,
    )
    .await;
    Version::find(&ran.out.whole()?).or_else(|| Version::find(&ran.err.whole()?))
}

fn conclude(repo: &str, asked: &Asked, installed: Option<&Version>) -> ChoreOutcome {
    let Asked {
        known,
        later,
        fault,
        nonsense,
    } = asked;
    let newest = known.release.as_deref();
    let pending = match (newest, newest.and_then(Version::find), installed) {
        (Some(tag), Some(newest), Some(installed)) if installed.is_older_than(&newest) => {
            Pending::Upgrade(instructions(repo, tag, installed))
        }
        (_, Some(_), Some(_)) => Pending::UpToDate,
        (_, None, _) | (_, _, None) => Pending::Untold,
    };
    let (result, said) = if let Some(period) = later {
        (
            ChoreResult::Skipped,
            format!("{repo}: rate limit reached, next check in {period} or later"),
        )
    } else if let Some(fault) = fault {
        (
            ChoreResult::Failed,
            format!("cannot ask about {repo}: {fault}"),
        )
    } else if *nonsense {
        (
            ChoreResult::Failed,
            format!("{repo}: gtctl does not understand the server's answer"),
        )
    } else {
        (
            ChoreResult::Done,
            sentence(repo, newest, installed, &pending),
        )
    };
    let pending = match pending {
        Pending::Upgrade(text) => Some(Some(text)),
        Pending::UpToDate => Some(None),
        Pending::Untold => None,
    };
    let news = UpstreamNews {
        repo: repo.to_owned(),
        release: known.release.clone(),
        commit: known.commit.clone(),
        pending,
    };
    ChoreOutcome {
        not_before: later.map(|period| clock::now().plus(period)),
        upstream: Some(news),
        ..ChoreOutcome::new(result, said)
    }
}

/// Whether an upgrade waits.
enum Pending {
    Upgrade(String),
    UpToDate,
    Untold,
}

fn sentence(
    repo: &str,
    newest: Option<&str>,
    installed: Option<&Version>,
    pending: &Pending,
) -> String {
    let newest = newest.unwrap_or("none");
    let Some(installed) = installed else {
        return format!(
            "{repo}: newest release {newest}; `gt --version` tells no installed version"
        );
    };
    match pending {
        Pending::Upgrade(_) => {
            format!(
                "{repo}: newest release {newest}, {installed} is installed: see pending_upgrade.txt"
            )
        }
        Pending::UpToDate | Pending::Untold => {
            format!("{repo}: newest release {newest}, {installed} is installed")
        }
    }
}

/// The text of `pending_upgrade.txt`.
fn instructions(repo: &str, tag: &str, installed: &Version) -> String {
    format!(
        "{repo}: {tag} is released, {installed} is installed.\n\n\
         from:     {installed}\n\
         to:       {tag}\n\
         upgrade:  go install github.com/{repo}/cmd/gt@{tag}\n\
         release:  https://github.com/{repo}/releases/tag/{tag}\n"
    )
}

fn log(repo: &str, asked: &Asked, installed: Option<&Version>) -> String {
    let Asked {
        known,
        later,
        fault,
        nonsense,
    } = asked;
    let shown = |text: &Option<String>| text.clone().unwrap_or_else(|| "unknown".to_owned());
    let mut text = format!("repository: {repo}\nsource: {}\n", known.source);
    let installed = installed.map_or_else(|| "unknown".to_owned(), ToString::to_string);
    let _ = writeln!(
        text,
        "release: {}\ncommit: {}\ninstalled: {installed}",
        shown(&known.release),
        shown(&known.commit)
    );
    let _ = later.map(|period| writeln!(text, "rate limit: asks again in {period}"));
    let _ = fault.as_ref().map(|fault| writeln!(text, "fault: {fault}"));
    if *nonsense {
        text.push_str("fault: an answer made no sense\n");
    }
    text
}
