//! gtctl turns one file, `town.toml`, into a living tmux town and keeps it that way.
//!
//! Everything it does is one flow:
//!
//! ```text
//!  town.toml ──► Manifest ──► Town ─────┐
//!  tmux, /proc ──► Observed ────────────┼──► plan(.., now) ──► Plan ──► act ──► Outcomes ──► Memory
//!  state directory ──► Memory ──────────┘         (pure)                 (I/O)
//! ```
//!
//! `diff` is observe, plan, render. `apply` is that, then act. `reconcile --watch` is that, for
//! ever. There is one code path, not three.
//!
//! # The rooms
//!
//! A room imports only from lower floors, never from its own; a test reads every file's
//! `use crate::…` to see to it.
//!
//! | floor | room | its one job |
//! |---|---|---|
//! | 0 | [`model`] | the nouns: values only, no I/O, never reads a clock |
//! | 1 | [`fence`] | until when the sessions of a host may live and start, in a town with a store. Pure |
//! | 1 | [`files`] | opening and reading files of others: without waiting, bounded, with a deadline |
//! | 1 | [`manifest`] | text to [`model::Town`], every fault reported at once |
//! | 1 | [`plan`] | the decision: a table of rules, then pacing. Pure and total |
//! | 1 | [`place`] | on which host each session of a town with a store runs, and which of them move. Pure |
//! | 1 | [`memory`] | how memory changes: `learn` from a look, `intend` a plan, `settle` its outcomes. Pure |
//! | 1 | [`reports`] | what an agent's client says of itself: its hooks and its registry. Pure |
//! | 1 | [`screen`] | what a pane's text says of its agent, and [`screen::output`] what its output says of its end. Pure |
//! | 1 | [`timeline`] | what each session was over a period, and what that comes to. Pure |
//! | 1 | [`trust`] | whose a file, a folder or a socket is, and who else may change it |
//! | 1 | [`words`] | the words that people read for reasons, holds and phases, clean. Pure |
//! | 2 | [`etcd`] | the client of etcd, and the only room that speaks gRPC (feature `etcd`) |
//! | 2 | [`events`] | what happened, as one typed list for each cycle, and what others read of it. Pure |
//! | 2 | [`gastown`] | Gas Town's own files, read only, and what its names mean |
//! | 2 | [`jobs`] | what goes on beside the cycles, each on a thread of its own |
//! | 2 | [`proc`] | process trees, start times, signals, clocks; the one runner of child processes |
//! | 2 | [`reconcile`] | the sequence of one cycle: take in, learn, decide, intend, settle. Pure |
//! | 2 | [`tmux`] | the only room that speaks tmux |
//! | 2 | [`store`] | the state directory: lock, atomic state, journal, phases, samples |
//! | 3 | [`observe`] | tmux and /proc to one [`model::Observed`] |
//! | 3 | [`act`] | a [`model::Plan`] to [`model::Outcomes`]; chooses nothing |
//! | 3 | [`chores`] | the timed work beside the sessions: upstream check, nudges, analyses, commands |
//! | 3 | [`fleet`] | the part of a host in a town whose hosts share a store (feature `etcd`) |
//! | 3 | [`import`] | a manifest for what already lives on a server. Pure |
//! | 3 | [`record`] | what a controller has seen and decided, and what another manifest would have. Pure |
//! | 3 | [`remote`] | the gtctl of another host, by ssh |
//! | 3 | [`notify`] | what the controller tells the service manager, a command, a collector of metrics |
//! | 3 | [`web`] | serves pages over HTTP: what is served comes in as text |
//! | 4 | [`controller`] | look, plan, intend, act, remember, sleep |
//! | 4 | [`forecast`] | what will happen if nothing interferes: the plan, check after check. Pure |
//! | 4 | [`doctor`] | what is wrong with a machine and its town, and what mends it |
//! | 4 | [`sim`] | a seeded tmux, its clock, and what people do to it, for the tests |
//! | 5 | [`render`] | plans, status and faults as text and JSON |
//! | 6 | [`cli`] | one short file per verb; exit codes |
//!
//! # What makes it right
//!
//! Every meaningful choice is made in [`plan`], from values, with `now` as an argument; [`act`]
//! only carries out, each operation fenced by the identity of what it is meant for. A failed look
//! is not an empty town ([`model::Observed::Unknown`]). The truth lives in labels on the session;
//! files hold only what tmux forgets, and are written before the effect.

// Some helpers serve only what Linux has. Elsewhere nothing calls them.
#![cfg_attr(
    not(target_os = "linux"),
    expect(dead_code, reason = "helpers of what only Linux has")
)]

pub mod act;
pub mod chores;
pub mod cli;
pub mod controller;
pub mod doctor;
#[cfg(feature = "etcd")]
pub mod etcd;
pub mod events;
pub mod fence;
pub mod files;
#[cfg(feature = "etcd")]
pub mod fleet;
pub mod forecast;
pub mod gastown;
pub mod import;
pub mod jobs;
pub mod manifest;
pub mod memory;
pub mod model;
pub mod notify;
pub mod observe;
pub mod place;
pub mod plan;
pub mod proc;
pub mod reconcile;
pub mod record;
pub mod remote;
pub mod render;
pub mod reports;
pub mod screen;
pub mod sim;
pub mod store;
pub mod timeline;
pub mod tmux;
pub mod trust;
pub mod web;
pub mod words;
