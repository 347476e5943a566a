//! Look, plan, write down the intent, act, remember, sleep.
