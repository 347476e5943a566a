//! Processes and clocks, as `/proc` and the kernel tell them; the only room that sends signals.
