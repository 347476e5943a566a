"""What comes of a row, and what it is measured by."""
import time
from dataclasses import dataclass


@dataclass
class Outcome:
    """Seconds from the fault. None where that does not happen in the row."""

    start: float | None = None
    fenced: float | None = None
    note: str = ""
    # What was measured and is not as it must be.
    fault: str | None = None


@dataclass
class Row:
    """A row of the table, or a part of it."""

    name: str
    fault: str
    must: str
    run: object
    setting: object
    # What the recipe says of two lives in this row. Empty: there must be none.
    exception: str = ""


def first_look(fleet, begun, holds):
    """Seconds from `begun` to the first look from which on `holds` is true in all looks."""
    since = None
    for when, seen in list(fleet.watcher.log):
        if when < begun:
            continue
        if not holds(seen):
            since = None
        elif since is None:
            since = when
    return None if since is None else since - begun


def moved(fleet, host, fault, patience=40.0):
    """A fault of a host by which all that can move there starts elsewhere."""
    lost = fleet.movable_on(host)
    assert lost, f"nothing on {host}"
    before = fleet.living()
    begun = fault() or time.monotonic()

    def is_gone(seen):
        return not any(host in seen.get(s, []) for s in lost)

    def is_elsewhere(seen):
        return all(any(h != host for h in seen.get(s, [])) for s in lost)

    fleet.until("the sessions elsewhere", lambda: is_elsewhere(fleet.seen), patience)
    fleet.until("their end there", lambda: is_gone(fleet.seen), patience)
    time.sleep(0.3)
    start, fenced = first_look(fleet, begun, is_elsewhere), first_look(fleet, begun, is_gone)
    unmoved(fleet, before, lost, host)
    return Outcome(start, fenced, f"{len(lost)} sessions")


def unmoved(fleet, before, lost, host):
    """All sessions but those that are lost are what they were, process by process."""
    now = fleet.living()
    for session, lives in before.items():
        there = {h: p for h, p in lives.items() if h != host}
        if session not in lost and there:
            assert now.get(session) == there, (session, there, now.get(session))


def within(outcome, most):
    if outcome.start >= most:
        outcome.fault = f"{outcome.start:.1f} s, and not {most}"
    return outcome


def same(fleet, before, for_seconds):
    """For so long every process stays what it was."""
    until = time.monotonic() + for_seconds
    while True:
        now = fleet.living()
        changed = {s: (lives, now.get(s)) for s, lives in before.items() if now.get(s) != lives}
        assert not changed, f"it changed: {changed}"
        if time.monotonic() >= until:
            return
        time.sleep(0.2)
