//! The decision: a pure function from what is wanted, seen and remembered to what shall happen.
