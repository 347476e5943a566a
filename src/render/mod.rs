//! Plans, states and faults as text and JSON. Pure.
