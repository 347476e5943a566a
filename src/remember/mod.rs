//! How memory changes: what a look teaches, what a plan intends, what its outcomes leave behind. Pure.

pub mod journal;
