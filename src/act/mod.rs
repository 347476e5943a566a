//! Carrying out a plan: chooses nothing, checks everything.
