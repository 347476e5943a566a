//! One look: tmux and `/proc` into one [`crate::model::Observed`].
