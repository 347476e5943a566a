//! gtctl against real tmux servers, each private to its test.

#[cfg(test)]
mod act;
#[cfg(test)]
mod layering;
#[cfg(test)]
mod logs;
#[cfg(test)]
mod look;
#[cfg(test)]
mod stage;
#[cfg(test)]
mod support;
