//! The one integration test binary: it links once. What needs tmux uses servers private to each test.

mod act;
mod laws;
mod layering;
mod look;
mod simulation;
mod situation;
mod stage;
mod support;
