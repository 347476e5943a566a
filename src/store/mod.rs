//! The state directory: lock, state, journal, handoffs.
