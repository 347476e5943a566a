//! Which sessions are on which host.

use super::Fleet;
use crate::cli::args::Select;
use crate::cli::exit::{Exit, Trouble};
use crate::model::SortedMap;
use crate::model::{Desired, HostName};

/// The named sessions of each host that a verb goes to. A host without a name is chosen by flags
/// alone.
pub(in super::super) type Routes = SortedMap<HostName, Vec<String>>;

impl Fleet<'_> {
    /// Where the named sessions are. None if all of them are on this host.
    ///
    /// # Errors
    /// A session that is not declared, or is on a host that `--on` leaves out.
    pub(in super::super) fn routes<S: AsRef<str>>(
        &self,
        named: &[S],
    ) -> Result<Option<Routes>, Trouble> {
        Ok(self.unless_here(self.all_routes(named)?))
    }

    /// The same, also where all of them are on this host.
    pub(super) fn all_routes<S: AsRef<str>>(&self, named: &[S]) -> Result<Routes, Trouble> {
        let mut routes = Routes::new();
        for session in named {
            let session = session.as_ref();
            let host = self.host_of(session)?;
            routes.entry(host).or_default().push(session.to_owned());
        }
        Ok(routes)
    }

    fn unless_here(&self, routes: Routes) -> Option<Routes> {
        let is_all_here = routes.keys().all(|host| self.is_here(host));
        (!is_all_here).then_some(routes)
    }

    /// Where sessions are that flags choose. None if this host alone can have some.
    ///
    /// # Errors
    /// No host can have one.
    pub(in super::super) fn routes_of_flags(
        &self,
        select: &Select,
    ) -> Result<Option<Routes>, Trouble> {
        Ok(self.unless_here(self.all_routes_of_flags(select)?))
    }

    /// The same, also where this host alone can have some.
    pub(super) fn all_routes_of_flags(&self, select: &Select) -> Result<Routes, Trouble> {
        let mut routes = Routes::new();
        for host in self.chosen() {
            let here = self.place.town.declared().filter(|_| self.is_here(&host));
            let elsewhere = self.place.town.hosts.sessions_of(&host);
            let mut all = here.chain(elsewhere.map(|(_, desired)| desired));
            let is_fit = all.any(|desired| may_fit(select, desired));
            drop(all);
            if is_fit {
                routes.insert(host, Vec::new());
            }
        }
        if routes.is_empty() {
            let trouble = Trouble::new("no session of these hosts has this role and this rig");
            return Err(trouble
                .help("`gtctl status` shows all sessions; their roles and rigs are in the manifest")
                .exits(Exit::Usage));
        }
        Ok(routes)
    }

    /// The other host that a session is on. None for a session of this host.
    ///
    /// # Errors
    /// As [`Self::routes`].
    pub(in super::super) fn other_host_of(
        &self,
        session: &str,
    ) -> Result<Option<HostName>, Trouble> {
        let host = self.host_of(session)?;
        Ok((!self.is_here(&host)).then_some(host))
    }

    fn host_of(&self, session: &str) -> Result<HostName, Trouble> {
        let hosts = &self.place.town.hosts;
        let elsewhere = hosts.host_of(session).cloned();
        let host = match (elsewhere, &hosts.here) {
            (Some(host), _) => host,
            (None, Some(here)) => {
                // It says what there is instead.
                self.place.session(session)?;
                here.clone()
            }
            (None, None) => {
                self.place.session(session)?;
                return Err(Trouble::new(format!("`{session}` is on no host")));
            }
        };
        if self.chosen().contains(&host) {
            return Ok(host);
        }
        Err(Trouble::new(format!(
            "`{session}` is on host {host}, which `--on` leaves out"
        ))
        .help(format!("leave out `--on`, or say --on {host}"))
        .exits(Exit::Usage))
    }
}

/// Whether a session has a chosen role and a chosen rig. Its phase is for its host to see.
fn may_fit(select: &Select, desired: &Desired) -> bool {
    let fits = |words: &[String], word: Option<&str>| {
        words.is_empty() || words.iter().any(|wanted| Some(wanted.as_str()) == word)
    };
    fits(&select.roles, Some(&desired.role)) && fits(&select.rigs, desired.rig.as_deref())
}
