//! The one integration test binary.

mod bugs;
mod laws;
mod simulation;
mod situation;
