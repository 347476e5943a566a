//! Everything that needs a real tmux: one binary, so that it links once.

mod act;
mod support;
