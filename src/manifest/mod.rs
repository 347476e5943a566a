//! From the text of `town.toml` to a [`crate::model::Town`], with every fault at once.
