"""The rows in which the store itself fails."""
import re
import signal
import time

from fleet import HOSTS, Setting
from outcome import Outcome, Row, moved, same, within

BY_DEFAULT = lambda: Setting(lock_delay=None)  # noqa: E731
# So long that a controller may hear nothing for ten seconds.
SLOW = lambda: Setting(times='fence = "20s"\nlease = "25s"\n')  # noqa: E731


def quorum_lost(fleet):
    """Two of three members are gone: all that can move ends, nothing starts, what is pinned runs."""
    pinned = {s: p for s, p in fleet.living().items() if s.startswith("p")}
    begun = time.monotonic()
    for host in ("a", "b"):
        fleet.signal_member(host, signal.SIGKILL)
    fleet.until("the end of what can move", lambda: not fleet.movable(), 20)
    fenced = time.monotonic() - begun
    assert fenced < 6.3, fenced
    until = time.monotonic() + 8
    while time.monotonic() < until:
        assert not fleet.movable(), fleet.seen
        time.sleep(0.1)
    same(fleet, pinned, 0)
    back = time.monotonic()
    for host in ("a", "b"):
        fleet.begin_member(host)
    fleet.until("all", fleet.all_up, 60)
    took = time.monotonic() - back
    same(fleet, pinned, 0)
    assert all(c.poll() is None for c in fleet.controllers.values()), "controllers live on"
    fleet.wait_until_told()
    return Outcome(None, fenced, f"all run {took:.1f} s after two members are started")


def leader_frozen(fleet):
    """The member that leads is stopped, so the others elect one. Then it goes on."""
    before = fleet.living()
    host = fleet.store_leader("a")
    fleet.signal_member(host, signal.SIGSTOP)
    try:
        same(fleet, before, 15)
    finally:
        fleet.signal_member(host, signal.SIGCONT)
    same(fleet, before, 12)
    fleet.wait_until_told()
    return Outcome(note="for 15 s: every process stays, also after it goes on")


def disk_frozen(fleet):
    """The disk of the member that leads takes no write for 20 s. It may go on to say that it leads."""
    before = fleet.living()
    host = fleet.store_leader("a")
    tracer = fleet.freeze_disk(host, 20)
    begun = time.monotonic()
    gone = set()
    while time.monotonic() - begun < 18:
        now = fleet.living()
        gone |= {s for s in before if now.get(s) != before[s]}
        time.sleep(0.2)
    elected = fleet.store_leader(next(h for h in HOSTS if h != host))
    fleet.heal_disk(tracer)
    fleet.until("all", fleet.all_up, 60)
    fleet.wait_until_told()
    time.sleep(8)
    now = fleet.living()
    after = {s for s in before if now.get(s) != before[s]} - gone
    assert not any(s.startswith("p") for s in gone | after), (gone, after)
    led = "another member led meanwhile" if elected != host else "the same member led all the time"
    if not gone | after:
        return Outcome(note=f"{led}, every process stays")
    return Outcome(note=f"{len(gone)} sessions ended while it was frozen, {len(after)} after: each alone, never twice")


def disk_slow(who, seconds):
    """Each write to the disk takes longer, for 20 s."""

    def run(fleet):
        before = fleet.living()
        hosts = HOSTS if who == "all" else [fleet.store_leader("a")]
        tracers = [fleet.freeze_disk(host, seconds) for host in hosts]
        try:
            until = time.monotonic() + 20
            while time.monotonic() < until:
                # Writes, so that there is something to be slow with.
                fleet.etcdctl("b", "put", "--command-timeout=5s", fleet.key("other/x"), "1", check=False)
                same(fleet, before, 0.2)
        finally:
            for tracer in tracers:
                fleet.heal_disk(tracer)
        same(fleet, before, 8)
        return Outcome(note=f"{seconds} s a write for 20 s: every process stays")

    return run


def bursts(fleet):
    """The member that leads is stopped and goes on, again and again."""
    before = fleet.living()
    host = fleet.store_leader("a")
    until = time.monotonic() + 20
    while time.monotonic() < until:
        fleet.signal_member(host, signal.SIGSTOP)
        time.sleep(0.9)
        fleet.signal_member(host, signal.SIGCONT)
        time.sleep(0.3)
        same(fleet, before, 0)
    same(fleet, before, 8)
    return Outcome(note="0.9 of 1.2 s, for 20 s: every process stays")


# Writes for some seconds, over many connections at once, then says how many writes that were, how
# many watchers are behind, and at which revision.
FLOOD = """
import base64, http.client, json, re, sys, threading, time
prefix, until = sys.argv[1], time.monotonic() + float(sys.argv[2])
text = lambda t: base64.b64encode(t.encode()).decode()
at, count = ("127.0.0.1", 2379), []
def write(n):
    wire = http.client.HTTPConnection(*at)
    while time.monotonic() < until:
        body = json.dumps({"key": text(f"{prefix}{n}"), "value": text("x" * 3000)})
        wire.request("POST", "/v3/kv/put", body)
        count.append(json.loads(wire.getresponse().read())["header"]["revision"])
threads = [threading.Thread(target=write, args=(n,)) for n in range(24)]
[t.start() for t in threads]
[t.join() for t in threads]
wire = http.client.HTTPConnection(*at)
wire.request("GET", "/metrics")
behind = re.search(r"^etcd_debugging_mvcc_slow_watcher_total (\\S+)", wire.getresponse().read().decode(), re.M)
print(len(count), int(float(behind.group(1))), max(int(r) for r in count))
"""


def compacted(fleet):
    """A controller hears nothing for a while; meanwhile much is written, and the store forgets it."""
    before = fleet.living()
    host = next(h for h in HOSTS if h != fleet.town_leader())
    begun = time.monotonic()
    fleet.signal_controller(host, signal.SIGSTOP)
    try:
        said = fleet.on_host(host, "python3", "-c", FLOOD, fleet.key("other/"), "8").split()
        fleet.etcdctl(host, "compact", said[2])
    finally:
        fleet.signal_controller(host, signal.SIGCONT)
    took = time.monotonic() - begun
    same(fleet, before, 8)
    # It follows the store again: it hears that its sessions shall leave.
    other = next(h for h in HOSTS if h != host)
    code, words = fleet.verb(other, "hosts", "drain", host)
    assert code == 0, words
    fleet.until("the end of the drain", lambda: fleet.all_up() and not fleet.movable_on(host), 40)
    note = f"stopped for {took:.1f} s, {said[0]} writes, {said[1]} watchers behind when the store forgot them"
    return Outcome(note=note)


def revoked(fleet):
    """An administrator ends the lease of a host that is cut off, so it does not hear of it."""
    leader = fleet.town_leader()
    host = next(h for h in HOSTS if h != leader)
    fleet.move_store_leader(leader)
    lease = fleet.lease_of(host, leader)

    def fault():
        begun = fleet.cut(host)
        fleet.etcdctl(leader, "lease", "revoke", lease)
        return begun

    came = moved(fleet, host, fault)
    fleet.heal(host)
    fleet.until("all", fleet.all_up, 40)
    fleet.wait_until_told()
    return within(came, 10)


def revoked_alive(fleet):
    """The same, of a host that hears of it."""
    leader = fleet.town_leader()
    host = next(h for h in HOSTS if h != leader)
    before = fleet.living()
    fleet.etcdctl(leader, "lease", "revoke", fleet.lease_of(host, leader))
    same(fleet, before, 12)
    fleet.wait_until_told()
    return Outcome(note="it signs in anew, every process stays")


ROWS = [
    Row("5a", "two of three members killed", "dead at the deadline, nothing starts, pinned run on", quorum_lost, Setting),
    Row("5b", "leader of etcd stopped, then goes on", "nothing changes", leader_frozen, BY_DEFAULT),
    Row("5c", "disk of etcd's leader frozen, default delay", "never twice", disk_frozen, BY_DEFAULT),
    Row("5d", "disk of etcd's leader slow", "nothing changes", disk_slow("one", 0.5), BY_DEFAULT),
    Row("5e", "disks of all members slow", "nothing changes", disk_slow("all", 0.2), BY_DEFAULT),
    Row("5f", "leader of etcd stops and goes on in bursts", "nothing changes", bursts, BY_DEFAULT),
    Row("5g", "compaction while a watch is behind", "follows again", compacted, SLOW),
    Row("5h", "lease revoked while cut off, no lock delay", "the documented exception", revoked, Setting,
        "a lease revoked by hand at lock_delay 0"),
    Row("5i", "lease revoked while cut off, default delay", "dead before the start elsewhere", revoked, BY_DEFAULT),
    Row("5j", "lease revoked of a host that hears it, default delay", "signs in anew", revoked_alive, BY_DEFAULT),
]
