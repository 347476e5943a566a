//! Plans, states and faults as text and JSON. Pure.

pub mod faults;
