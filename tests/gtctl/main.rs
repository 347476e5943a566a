//! gtctl against real tmux servers, each private to its test.

#[cfg(test)]
mod act;
#[cfg(test)]
mod layering;
#[cfg(test)]
mod look;
#[cfg(test)]
mod stage;
#[cfg(test)]
mod support;
#[cfg(test)]
mod town;
#[cfg(test)]
mod yard;
#[cfg(test)]
mod town_age;
#[cfg(test)]
mod town_fault;
#[cfg(test)]
mod town_edit;
