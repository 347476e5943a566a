//! Clients that say themselves what their agent does: a real Claude Code on a stand-in for its
//! provider, and a stand-in for Claude Code that tells of events as they were recorded.

mod claude;
mod others;
mod stage;
mod standin;
