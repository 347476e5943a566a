//! Flags that choose sessions by what they are.

use crate::cli::complete;
use clap::Args;
use clap_complete::engine::ArgValueCandidates;

/// Sessions by role, rig and phase. A session must fit each kind of flag that is given.
#[derive(Debug, Clone, Default, Args)]
pub(in super::super) struct Select {
    /// Only sessions of these roles; several are separated by commas, or by more flags
    #[arg(long = "role", value_name = "ROLE", value_delimiter = ',', add = roles())]
    pub(in super::super) roles: Vec<String>,
    /// Only sessions of these rigs
    #[arg(long = "rig", value_name = "RIG", value_delimiter = ',', add = rigs())]
    pub(in super::super) rigs: Vec<String>,
    /// Only sessions in these phases, such as dead or idle
    #[arg(long = "phase", value_name = "PHASE", value_delimiter = ',')]
    pub(in super::super) phases: Vec<String>,
}

/// The names of the flags, for clap.
pub(super) const FLAGS: [&str; 3] = ["roles", "rigs", "phases"];

fn roles() -> ArgValueCandidates {
    ArgValueCandidates::new(complete::roles)
}

fn rigs() -> ArgValueCandidates {
    ArgValueCandidates::new(complete::rigs)
}

impl Select {
    /// Whether nothing is chosen by them.
    pub(in super::super) fn is_empty(&self) -> bool {
        self.roles.is_empty() && self.rigs.is_empty() && self.phases.is_empty()
    }
}
