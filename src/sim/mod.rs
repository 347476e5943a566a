//! A seeded town, clock and faults driving the real planner.
