//! The one integration test binary.

mod simulation;
