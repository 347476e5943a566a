//! The controller's loop in a simulated town.

mod seeded_bugs;
mod seeds;
