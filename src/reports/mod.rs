//! What an agent's client says of itself.
//!
//! ```text
//!  a hook's JSON ──► hooks::read ──► AgentReport ──► [spool file] ──► hooks::latest ─┐
//!                                                                               ├─► together ─► Reported
//!  opencode's status port ──► opencode::session_status ──► AgentReport ──┘           │
//!  a registry's entry ──► registry::registry_entry ─────────────────────────────┘
//! ```
//!
//! `memory/reports.rs` settles a [`Reported`](crate::model::Reported) with what the screen says.
//!
//! A client knows what its agent does; a screen only shows it. So a report makes the state right
//! and early. The screen stays the judge of last resort: reports can be lost, late or forged.
//!
//! What each client reports was measured with real clients. `tests/reports/` holds recorded events.
//!
//! **Architecture invariant:** pure. No file, no clock, no process.

mod claude;
mod codex;
mod gemini;
mod hooks;
mod kimi;
mod opencode;
mod registry;
mod together;
mod usage;

#[cfg(test)]
mod tests;

pub use hooks::{Hooked, ReportFold, is_of, latest, read};
pub use opencode::session_status;
pub use registry::{RegistryEntry, registry_entry};
pub use together::together;
pub use usage::Tally;
