//! gtctl against real tmux servers, each private to its test.

#[cfg(test)]
mod look;
#[cfg(test)]
mod support;
