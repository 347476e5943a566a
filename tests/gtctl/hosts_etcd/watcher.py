"""The watcher: outside of all hosts, it counts where each session has a living process.

It goes by what the processes themselves carry, the town and the session in their environment, and by
the PID namespace that they are in. So it believes neither gtctl nor tmux nor the store.
"""
import os
import threading
import time

EVERY = 0.1


def pids():
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]


def stat_of(pid):
    """The state of a process and when it began, None if it is gone."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as f:
            words = f.read().rsplit(b")", 1)[1].split()
        return words[0].decode(), int(words[19])
    except (OSError, IndexError):
        return None


def is_dead(pid):
    stat = stat_of(pid)
    return stat is None or stat[0] in "ZX"


def child_of(pid):
    """The first child of a process, 0 if it has none."""
    try:
        with open(f"/proc/{pid}/task/{pid}/children") as f:
            return int(f.read().split()[0])
    except (OSError, IndexError):
        return 0


def space_of(pid):
    """The PID namespace of a process."""
    try:
        return os.readlink(f"/proc/{pid}/ns/pid")
    except OSError:
        return None


def words_of(pid):
    """The program of a process and its arguments."""
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as f:
            return [w.decode(errors="replace") for w in f.read().split(b"\0")[:-1]]
    except OSError:
        return []


def environ(pid):
    try:
        with open(f"/proc/{pid}/environ", "rb") as f:
            raw = f.read()
    except OSError:
        return {}
    pairs = (entry.split(b"=", 1) for entry in raw.split(b"\0") if b"=" in entry)
    return {k.decode(errors="replace"): v.decode(errors="replace") for k, v in pairs}


class Watcher:
    """Looks every 100 ms. `seen` is the last look: session -> hosts that have it."""

    def __init__(self, town):
        self.town = town
        self.spaces = {}
        self.doubles = []
        self.seen = {}
        self.log = []
        self.rests = False
        self._known = {}
        self._goes_on = True
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def knows(self, host, init):
        """From now on the processes in the namespace of this one are those of the host."""
        self.spaces[space_of(init)] = host

    def _session_of(self, pid):
        """The session and the host of a process, None if it is none of ours or is dead."""
        stat = stat_of(pid)
        if stat is None or stat[0] in "ZX":
            return None
        known = self._known.get(pid)
        if known and known[0] == stat[1]:
            return known[1]
        env = environ(pid)
        found = None
        if env.get("GTCTL_TOWN") == self.town and "GTCTL_SESSION" in env:
            found = (env["GTCTL_SESSION"], self.spaces.get(space_of(pid), "?"))
        # Between fork and exec it still has what its parent has, so it must be old enough.
        age = time.clock_gettime(time.CLOCK_BOOTTIME) - stat[1] / os.sysconf("SC_CLK_TCK")
        if age > 5:
            self._known[pid] = (stat[1], found)
        return found

    def living(self):
        """session -> host -> its living processes there."""
        found = {}
        for pid in pids():
            at = self._session_of(pid)
            if at:
                found.setdefault(at[0], {}).setdefault(at[1], []).append(pid)
        return found

    def _watch(self):
        while self._goes_on:
            if self.rests:
                time.sleep(EVERY)
                continue
            begun = time.monotonic()
            found = self.living()
            for session, hosts in found.items():
                if len(hosts) > 1:
                    # It may have ended between two reads of /proc: both must live now.
                    alive = {h: [p for p in ps if not is_dead(p)] for h, ps in hosts.items()}
                    if sum(1 for ps in alive.values() if ps) > 1:
                        self.doubles.append((begun, session, alive))
            self.seen = {s: sorted(h) for s, h in found.items()}
            self.log.append((begun, self.seen))
            time.sleep(max(0.0, EVERY - (time.monotonic() - begun)))

    def double_for(self):
        """How many sessions ever had two lives, and for how long at most: from the first look that
        saw two to the last."""
        times = {}
        for when, session, _ in self.doubles:
            times.setdefault(session, []).append(when)
        longest = max((max(t) - min(t) for t in times.values()), default=0.0)
        return len(times), longest

    def end(self):
        self._goes_on = False
        self._thread.join()
