//! The one integration test binary.

mod laws;
mod simulation;
mod situation;
