//! Everything that needs a real tmux: one binary, so that it links once.

#[cfg(test)]
mod act;
#[cfg(test)]
mod support;
