//! The manifest: which file it is, whether it may be trusted, and what it says.

use super::above;
use super::args::{Global, MessageFormat, TownArg, is_path};
use super::exit::Trouble;
use super::includes;
use super::output::Terminal;
use super::stamps::Stamps;
use crate::files::aside::{self, Late};
use crate::files::{self, Links, Opened};
use crate::manifest::{Faults, Flag, Included, Loaded, Machine, RIGS, Sources, are_settings, load};
use crate::model::{Layers, Town, matches_pattern};
use crate::proc;
use crate::render::faults;
use crate::trust::{Kind, check_folders_above, check_meta};
use std::cell::RefCell;
use std::fs;
use std::io::{ErrorKind, Read, Write};
use std::path::{Component, Path, PathBuf};

/// The largest file that is read, in bytes.
const READ_LIMIT: u64 = 1 << 20;

/// A manifest file, and a digest of its content for noticing changes.
#[derive(Debug, Clone)]
pub(super) struct ManifestFile {
    pub(super) path: PathBuf,
    /// Whether nobody has named it.
    is_searched: bool,
    socket: Option<String>,
    /// The host that `--this-host` names.
    host: Option<String>,
    trust: bool,
    /// Whether its text comes from standard input.
    from_stdin: bool,
}

/// A manifest as it was read, or the reason why it could not be read.
pub(super) struct Attempt {
    /// The files it was read from, as they were just before the read.
    pub(super) stamps: Stamps,
    /// The outer fault is a file that cannot be read.
    pub(super) read: Result<Result<Loaded, Faults>, Trouble>,
    /// What was read. None where the manifest could not be read.
    pub(super) texts: Option<Texts>,
}

/// The texts that make up a definition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Texts {
    pub(super) town: String,
    /// The text of the user's own file, where there is one.
    pub(super) user: Option<String>,
    /// Path and text of each file that the manifest includes.
    pub(super) included: Vec<(PathBuf, String)>,
}

impl Texts {
    /// The text of a manifest alone.
    pub(super) fn alone(town: String) -> Self {
        Self {
            town,
            user: None,
            included: Vec::new(),
        }
    }
}

/// Where the texts of included files come from.
enum Others<'t> {
    /// From the files. What is read is noted here.
    Files(&'t RefCell<Vec<(PathBuf, String)>>),
    /// From what was saved.
    Saved(&'t [(PathBuf, String)]),
}

impl ManifestFile {
    /// The file named by an argument, `--file` or `GTCTL_FILE`. Else `town.toml` in this folder or
    /// in one above it.
    pub(super) fn of(global: &Global, argument: &TownArg) -> Self {
        let named = argument.town.clone().or_else(|| global.file.clone());
        let is_searched = named.is_none();
        let path = named.or_else(above::town_file);
        Self {
            is_searched,
            ..Self::named(global, path)
        }
    }

    /// The file that a verb writes: the named one, else `town.toml` in this folder.
    pub(super) fn to_write(global: &Global) -> Self {
        Self::named(global, global.file.clone())
    }

    fn named(global: &Global, path: Option<PathBuf>) -> Self {
        Self {
            path: path.unwrap_or_else(|| above::NAME.into()),
            is_searched: false,
            socket: global.socket.clone(),
            host: global.this_host.clone(),
            trust: global.trust,
            from_stdin: global.asked.manifest_from_stdin,
        }
    }

    /// Says which file is used, where it was found in a folder above.
    pub(super) fn say_where(&self, terminal: &Terminal) {
        if self.is_searched && self.path != Path::new(above::NAME) {
            terminal.note(&format!("the manifest is {}", self.path.display()));
        }
    }

    /// Another file, with the same settings.
    pub(super) fn at(&self, path: &Path) -> Self {
        Self {
            path: path.to_path_buf(),
            ..self.clone()
        }
    }

    /// Its absolute path.
    pub(super) fn absolute(&self) -> Result<PathBuf, Trouble> {
        let path = std::path::absolute(&self.path)
            .map_err(|e| Trouble::new("cannot determine the current directory").because(&e))?;
        // One folder with two names would give two values of `dir`.
        let climbs = path.components().any(|part| part == Component::ParentDir);
        let folder = path
            .parent()
            .filter(|_| climbs)
            .and_then(|folder| fs::canonicalize(folder).ok());
        let whole = folder
            .zip(path.file_name())
            .map(|(folder, name)| folder.join(name));
        Ok(whole.unwrap_or(path))
    }

    /// Reads and resolves it. Prints every fault.
    pub(super) fn load(&self, terminal: &Terminal) -> Result<Loaded, Trouble> {
        self.load_stamped(terminal).map(|(loaded, ..)| loaded)
    }

    /// The same, with the files it was read from.
    pub(super) fn load_stamped(
        &self,
        terminal: &Terminal,
    ) -> Result<(Loaded, Stamps, Texts), Trouble> {
        let Attempt {
            stamps,
            read,
            texts,
        } = self.attempt()?;
        let loaded = Self::or_print(read?, terminal)?;
        let texts = texts.unwrap_or(Texts::alone(String::new()));
        Ok((loaded, stamps, texts))
    }

    fn or_print(read: Result<Loaded, Faults>, terminal: &Terminal) -> Result<Loaded, Trouble> {
        match read {
            Ok(loaded) => Ok(loaded),
            Err(found) => {
                print_faults(&found, terminal);
                Err(Trouble::told())
            }
        }
    }

    /// Reads and resolves it. The outer fault is a file that cannot be read.
    pub(super) fn try_load(&self) -> Result<Result<Loaded, Faults>, Trouble> {
        self.attempt()?.read
    }

    /// Reads and resolves it, and tells from which files. Each file is stamped before the read, so
    /// that a change during the read is noticed later.
    ///
    /// # Errors
    /// Where one of the files does not answer.
    pub(super) fn attempt(&self) -> Result<Attempt, Late> {
        let file = self.clone();
        let place = std::path::absolute(&self.path).unwrap_or_else(|_| self.path.clone());
        aside::ask(&place, move || file.attempt_here())
    }

    fn attempt_here(&self) -> Attempt {
        let mut stamps = Stamps::default();
        stamps.take(&self.path);
        let user = user_file(home().as_deref());
        if let Some(user) = &user {
            stamps.take(user);
        }
        let stamps = RefCell::new(stamps);
        let texts = self.read().and_then(|town| {
            let user = self.user_text(user.as_deref())?;
            Ok(Texts {
                user,
                ..Texts::alone(town)
            })
        });
        match texts {
            Ok(mut texts) => {
                let included = RefCell::default();
                let read = self.resolve_texts(&texts, &stamps, &Others::Files(&included));
                texts.included = included.into_inner();
                Attempt {
                    stamps: stamps.into_inner(),
                    read,
                    texts: Some(texts),
                }
            }
            Err(trouble) => Attempt {
                stamps: stamps.into_inner(),
                read: Err(trouble),
                texts: None,
            },
        }
    }

    /// Where the definition comes from, and the digest of what it comes to: `loaded`.
    pub(super) fn layers(&self, loaded: &Town) -> Result<Layers, Trouble> {
        let outcome = digest(&format!("{:?}{:?}", loaded.sessions, loaded.policies));
        Ok(Layers {
            outcome,
            ..self.sources()?
        })
    }

    /// Where the definition comes from, without the digest of what it comes to. That digest costs a
    /// verb that only looks a fifth of its time, and is needed only where the sources differ.
    pub(super) fn sources(&self) -> Result<Layers, Trouble> {
        let values = variables();
        let names = are_settings(values.iter().map(|(name, _)| name.clone()));
        let settings = values.into_iter().filter(|(name, _)| names.contains(name));
        Ok(Layers {
            file: self.absolute()?,
            user: user_file(home().as_deref()),
            variables: settings
                .map(|(name, value)| (name, digest(&value)))
                .collect(),
            outcome: 0,
        })
    }

    /// Resolves a text as if it were the file's content.
    pub(super) fn resolve(&self, text: &str) -> Result<Result<Loaded, Faults>, Trouble> {
        let user = self.user_text(user_file(home().as_deref()).as_deref())?;
        let texts = Texts {
            user,
            ..Texts::alone(text.to_owned())
        };
        let others = RefCell::default();
        self.resolve_texts(&texts, &RefCell::default(), &Others::Files(&others))
    }

    /// Resolves saved texts as if they were the files' contents.
    pub(super) fn resolve_kept(&self, texts: &Texts) -> Result<Result<Loaded, Faults>, Trouble> {
        self.resolve_texts(texts, &RefCell::default(), &Others::Saved(&texts.included))
    }

    fn resolve_texts(
        &self,
        texts: &Texts,
        stamps: &RefCell<Stamps>,
        others: &Others<'_>,
    ) -> Result<Result<Loaded, Faults>, Trouble> {
        let absolute = self.absolute()?;
        let base_dir = absolute.parent().unwrap_or(Path::new("/"));
        let home = home();
        let user_path = user_file(home.as_deref());
        let user = user_path.as_deref().zip(texts.user.as_deref());
        let variables = variables();
        let flags: Vec<Flag> = self.flags();
        let asked = self.host_asked_for();
        let hostname = proc::own::hostname();
        let read_file = |path: &Path| {
            // The names of sessions depend on it, so it counts as a file of the manifest.
            if path.ends_with(RIGS) {
                stamps.borrow_mut().take(path);
            }
            read_if_there(path).ok().flatten()
        };
        let include = |pattern: &Path| match others {
            Others::Saved(texts) => Ok(of_saved(pattern, texts)),
            Others::Files(read) => {
                stamps.borrow_mut().take(pattern);
                let check = |path: &Path, meta: &fs::Metadata| {
                    stamps.borrow_mut().take(path);
                    self.check(path, meta)
                };
                let found = includes::read(pattern, READ_LIMIT, &check)?;
                let texts = found
                    .iter()
                    .filter_map(|file| Some((file.path.clone(), file.text.clone().ok()?)));
                read.borrow_mut().extend(texts);
                Ok(found)
            }
        };
        let zone = proc::zone::named();
        Ok(load(&Sources {
            include: &include,
            town_path: &self.path,
            town_text: &texts.town,
            user,
            variables: &variables,
            flags: &flags,
            home: home.as_deref(),
            base_dir,
            machine: Machine {
                asked: asked.as_ref().map(|(by, host)| (*by, host.as_str())),
                hostname: &hostname,
                zone: Some(&zone),
            },
            read: &read_file,
        }))
    }

    /// The host that this machine is, as somebody says, and what says it.
    fn host_asked_for(&self) -> Option<(&'static str, String)> {
        let flag = self.host.clone().map(|host| ("--this-host", host));
        let variable = || {
            std::env::var("GTCTL_HOST")
                .ok()
                .map(|host| ("GTCTL_HOST", host))
        };
        flag.or_else(variable).filter(|(_, host)| !host.is_empty())
    }

    fn flags(&self) -> Vec<Flag> {
        let socket = self.socket.clone().map(|value| ("--socket", value));
        let variable = std::env::var("GTCTL_SOCKET")
            .ok()
            .map(|value| ("GTCTL_SOCKET", value));
        let set = socket.or(variable).map(|(flag, value)| Flag {
            flag: flag.to_owned(),
            path: "town.socket".to_owned(),
            value,
        });
        set.into_iter().collect()
    }

    fn read(&self) -> Result<String, Trouble> {
        if self.from_stdin {
            return read_from_stdin();
        }
        let shown = self.path.display();
        let opened = files::open(&self.path, Links::Follow).map_err(|e| self.unreadable(&e))?;
        let meta = &opened.metadata;
        if meta.len() > READ_LIMIT {
            return Err(Trouble::new(format!(
                "{shown} has {} bytes; the limit is {READ_LIMIT}",
                meta.len()
            ))
            .help("split it into two towns, each with its own `town.name`"));
        }
        self.check(&self.path, meta)?;
        let bytes = files::read_opened(opened, READ_LIMIT).map_err(|e| self.unreadable(&e))?;
        String::from_utf8(bytes).map_err(|_| {
            Trouble::new(format!("{shown} is not UTF-8 text")).help("save it as UTF-8")
        })
    }

    /// Whether it is missing or no text. Then the content itself was not refused.
    pub(super) fn has_no_text(&self) -> bool {
        let lacks = |e: &std::io::Error| {
            matches!(
                e.kind(),
                ErrorKind::NotFound | ErrorKind::NotADirectory | ErrorKind::InvalidData
            )
        };
        files::read_text(&self.path, Links::Follow, READ_LIMIT).is_err_and(|e| lacks(&e))
    }

    fn user_text(&self, path: Option<&Path>) -> Result<Option<String>, Trouble> {
        path.map(|path| self.read_user(path))
            .transpose()
            .map(Option::flatten)
    }

    /// The user's own file, where there is one. It may declare commands too.
    fn read_user(&self, path: &Path) -> Result<Option<String>, Trouble> {
        let failed =
            |e: &std::io::Error| Trouble::new(format!("cannot read {}", path.display())).because(e);
        let opened: Opened = match files::open(path, Links::Follow) {
            Ok(opened) => opened,
            Err(e) if matches!(e.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
                return Ok(None);
            }
            Err(e) => return Err(failed(&e)),
        };
        self.check(path, &opened.metadata)?;
        let text = files::read_opened(opened, READ_LIMIT).and_then(files::text_of);
        text.map(Some).map_err(|e| failed(&e))
    }

    /// Refuses a file that somebody else could have written, unless the user trusts it explicitly.
    pub(super) fn check(&self, path: &Path, meta: &fs::Metadata) -> Result<(), Trouble> {
        if self.trust {
            return Ok(());
        }
        let checked = check_meta(path, meta, Kind::File).and_then(|()| check_folders_above(path));
        checked.map_err(|distrust| {
            let whose = if distrust.path() == path {
                String::new()
            } else {
                format!(", where {} is", path.display())
            };
            Trouble::new(format!(
                "{distrust}{whose}: applying it runs its commands as you"
            ))
            .help(format!("{}, or add `--trust`", distrust.fix()))
        })
    }

    fn unreadable(&self, error: &std::io::Error) -> Trouble {
        let shown = self.path.display();
        if error.kind() == ErrorKind::InvalidData {
            return Trouble::new(format!("{shown} is {error}"))
                .help("name the manifest: gtctl -f path/to/town.toml …");
        }
        if error.kind() == ErrorKind::NotFound && self.is_searched {
            return Trouble::new("there is no town.toml here, nor in the folders above").help(
                "`gtctl init` writes a first one; `gtctl -f path/to/town.toml …` names another",
            );
        }
        let trouble = Trouble::new(format!("cannot read {shown}")).because(error);
        if error.kind() == ErrorKind::NotFound {
            trouble.help(if self.path.to_str().is_some_and(is_path) {
                "name the manifest: gtctl -f path/to/town.toml …"
            } else {
                "this verb is about the whole town: it takes no session; `-f` names the manifest"
            })
        } else {
            trouble.help("see who owns it and its folders: ls -l")
        }
    }
}

/// The saved files that a path of `include` names.
fn of_saved(pattern: &Path, texts: &[(PathBuf, String)]) -> Vec<Included> {
    let folder = pattern.parent();
    let wanted = pattern.file_name().unwrap_or_default().to_string_lossy();
    let is_meant = |path: &Path| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        path.parent() == folder && matches_pattern(&wanted, &name)
    };
    let meant = texts.iter().filter(|(path, _)| is_meant(path));
    meant
        .map(|(path, text)| Included {
            path: path.clone(),
            text: Ok(text.clone()),
        })
        .collect()
}

/// A manifest that another host of the town sends. Whoever may run gtctl here may send it.
pub(super) fn read_from_stdin() -> Result<String, Trouble> {
    let mut text = String::new();
    let input = std::io::stdin();
    let read = input.take(READ_LIMIT + 1).read_to_string(&mut text);
    read.map_err(|e| Trouble::new("cannot read the manifest from standard input").because(&e))?;
    if text.is_empty() || text.len() as u64 > READ_LIMIT {
        return Err(Trouble::new(
            "the manifest on standard input is empty, or longer than 1 MiB",
        ));
    }
    Ok(text)
}

/// The variables that may be settings.
fn variables() -> Vec<(String, String)> {
    std::env::vars_os()
        .filter_map(|(name, value)| {
            Some((
                name.into_string().ok()?,
                value.to_string_lossy().into_owned(),
            ))
        })
        .filter(|(name, _)| name.starts_with("GTCTL_"))
        .collect()
}

/// FNV-1a, 64 bits.
fn digest(text: &str) -> u64 {
    let step = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    text.bytes().fold(0xcbf2_9ce4_8422_2325, step)
}

fn home() -> Option<PathBuf> {
    std::env::var_os("HOME")
        .map(PathBuf::from)
        .filter(|home| home.is_absolute())
}

fn user_file(home: Option<&Path>) -> Option<PathBuf> {
    let config = std::env::var_os("XDG_CONFIG_HOME")
        .map(PathBuf::from)
        .filter(|path| path.is_absolute());
    config
        .or_else(|| home.map(|home| home.join(".config")))
        .map(|dir| dir.join("gtctl/config.toml"))
}

fn read_if_there(path: &Path) -> Result<Option<String>, Trouble> {
    match files::read_text(path, Links::Follow, READ_LIMIT) {
        Ok(text) => Ok(Some(text)),
        Err(e) if matches!(e.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => Ok(None),
        Err(e) => Err(Trouble::new(format!("cannot read {}", path.display())).because(&e)),
    }
}

/// Prints faults in the format that was asked for.
pub(super) fn print_faults(found: &Faults, terminal: &Terminal) {
    let text = match terminal.message_format {
        MessageFormat::Json => format!("{}\n", faults::json(found)),
        MessageFormat::Human => faults::human(found, terminal.colour_err, 100),
    };
    let _ = std::io::stderr().lock().write_all(text.as_bytes());
}
