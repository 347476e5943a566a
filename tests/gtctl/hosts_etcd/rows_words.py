"""The rows in which people do something."""
import json
import os
import signal
import subprocess
import time

from fleet import HOSTS, LIMITS, Setting, session, write
from outcome import Outcome, Row, first_look, moved, same


# 7, newer versions


def newer_fields(fleet):
    """A newer gtctl has written fields that this one does not know."""
    before = fleet.living()
    host = next(h for h in HOSTS if h != fleet.town_leader())
    key = fleet.key(f"hosts/{host}")
    record = json.loads(fleet.etcdctl(host, "get", "--print-value-only", key))
    record |= {"protocol": 2, "version": "99.0.0", "wings": {"count": 2}}
    fleet.etcdctl(host, "put", f"--lease={int(fleet.lease_of(host), 16):x}", key, json.dumps(record))
    places = fleet.etcdctl(host, "get", "--prefix", "--keys-only", fleet.key("place/m")).split()
    for place in places:
        value = json.loads(fleet.etcdctl(host, "get", "--print-value-only", place))
        # As a newer leader would write it: what runs stays in its epoch.
        revision = json.loads(fleet.etcdctl(host, "get", "-w", "json", place))["kvs"][0]["mod_revision"]
        value = {"since": revision} | value | {"colour": "green"}
        fleet.etcdctl(host, "put", place, json.dumps(value))
    same(fleet, before, 8)
    code, said = fleet.verb("a", "hosts")
    assert code == 0 and "99.0.0" in said, said
    # They stay when a session moves.
    lost = fleet.movable_on(host)
    came = moved(fleet, host, lambda: fleet.kill_host(host))
    asked = next(h for h in HOSTS if h != host)
    for name in lost:
        value = json.loads(fleet.etcdctl(asked, "get", "--print-value-only", fleet.key(f"place/{name}")))
        assert value.get("colour") == "green", value
    came.fenced = None
    came.note = "every process stays; then the host is killed, and the unknown fields move along"
    return came


# 8


def drained(fleet):
    host = next(h for h in HOSTS if h != fleet.town_leader())
    had = fleet.movable_on(host)
    other = fleet.town_leader()
    begun = time.monotonic()
    code, said = fleet.verb(other, "hosts", "drain", host)
    assert code == 0, said
    fleet.until("the end of the drain", lambda: fleet.all_up() and not fleet.movable_on(host), 60)
    took = time.monotonic() - begun
    assert fleet.seen.get(f"p{HOSTS.index(host)}") == [host], "what is bound to it stays"
    gaps = []
    for name in had:
        left = first_look(fleet, begun, lambda seen, name=name: host not in seen.get(name, []))
        came = first_look(fleet, begun, lambda seen, name=name: seen.get(name) not in (None, [host]))
        assert came >= left, (name, left, came)
        gaps.append(came - left)
    code, said = fleet.verb(other, "hosts", "uncordon", host)
    assert code == 0, said
    for _ in range(10):
        code, said = fleet.verb(other, "hosts", "rebalance")
        assert code == 0, said
        if said.startswith("0 sessions leave"):
            break
        fleet.until("the spread", fleet.all_up, 30)
        fleet.wait_until_told()
    fleet.until("its share", lambda: len(fleet.movable_on(host)) >= 1 and fleet.all_up(), 60)
    back = fleet.movable_on(host)
    return Outcome(took, None, f"{len(had)} drained, each away for at most {max(gaps):.1f} s; {len(back)} back by rebalance")


def lost_for_good(fleet):
    fleet.until("s0", lambda: "s0" in fleet.seen)
    host = fleet.seen["s0"][0]
    other = next(h for h in HOSTS if h != host)
    pin = f"p{HOSTS.index(host)}"
    code, said = fleet.verb(other, "hosts", "lost", host, "--confirm")
    assert code == 1 and "lives" in said, said
    fleet.kill_host(host)
    fleet.until("its loss", lambda: host not in fleet.signed_in(other), 30)
    fleet.until("what can move", lambda: len(fleet.movable()) == fleet.setting.movable, 30)
    time.sleep(5)
    assert "s0" not in fleet.seen, "it does not move by itself"
    code, said = fleet.verb(other, "hosts", "lost", host)
    assert code == 64 or code == 2, (code, said)
    assert "s0" not in fleet.seen, fleet.seen
    begun = time.monotonic()
    code, said = fleet.verb(other, "hosts", "lost", host, "--confirm")
    assert code == 0, said
    fleet.until("s0", lambda: "s0" in fleet.seen, 30)
    took = time.monotonic() - begun
    assert pin not in fleet.seen, "what is bound to the host stays lost"
    at = fleet.seen["s0"]
    fleet.begin(host)
    fleet.until("the pinned session", lambda: fleet.seen.get(pin) == [host], 30)
    time.sleep(2)
    assert fleet.seen["s0"] == at, "it stays where it is now"
    return Outcome(note=f"s0 runs elsewhere {took:.1f} s after --confirm, and never before")


GAP = 25


def gap_kept(fleet):
    """A session that was just restarted by plan is drained only once its handoff gap is over."""
    fleet.until("g0", lambda: "g0" in fleet.seen, 30)
    before = fleet.living()["g0"]
    host = next(iter(before))
    text = fleet.read("a", "town.toml").replace('session = "g0"\ncommand = ["sleep", "100000"]',
                                               'session = "g0"\ncommand = ["sleep", "100001"]')
    write(f"{fleet.dir}/a/town.toml", text)
    code, said = fleet.verb("a", "apply")
    assert code == 0, said

    def is_anew():
        now = fleet.living().get("g0")
        return now and now != before

    fleet.until("the planned restart", is_anew, 120)
    restarted = time.monotonic()
    fleet.wait_until_told()
    assert list(fleet.living()["g0"]) == [host], "the same host"
    code, said = fleet.verb("a", "hosts", "drain", host)
    assert code == 0, said
    fleet.until("it elsewhere", lambda: fleet.seen.get("g0") not in (None, [host]), 120)
    waited = time.monotonic() - restarted
    assert waited > GAP - 3, waited
    return Outcome(note=f"gap {GAP} s: it leaves {waited:.1f} s after its planned restart")


# 9


def two_applies(fleet):
    """Two people apply different manifests at the same moment."""
    before = fleet.living()
    won = []
    for n in range(6):
        texts = {}
        for host in ("b", "c"):
            texts[host] = fleet.read("a", "town.toml") + f"# {n}, by {host}\n"
            fleet.until("the manifest", lambda host=host: fleet.read(host, "town.toml") == fleet.read("a", "town.toml"), 20)
        # The controllers note what they have taken a moment after they have written it.
        time.sleep(0.5)
        for host, text in texts.items():
            write(f"{fleet.dir}/{host}/town.toml", text)
        at_once = {
            host: subprocess.Popen(
                fleet.command(host, "apply"), env=fleet.env(host), stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=f"{fleet.dir}/{host}")
            for host in texts
        }
        said = {host: run.communicate(timeout=60)[0] for host, run in at_once.items()}
        codes = {host: run.returncode for host, run in at_once.items()}
        assert sorted(codes.values()) == [0, 1], (codes, said)
        winner = next(host for host, code in codes.items() if code == 0)
        loser = "c" if winner == "b" else "b"
        told = f"# {n}, by {winner}" in said[loser] or "at the same moment" in said[loser]
        assert told, said
        fleet.until("the manifest", lambda: f"# {n}, by {winner}" in fleet.read("a", "town.toml"), 20)
        # The loser's file is as its author left it. Its author takes the other's.
        assert f"# {n}, by {loser}" in fleet.read(loser, "town.toml")
        code, again = fleet.verb(loser, "apply")
        assert code == 1 and f"store: # {n}, by {winner}" in again, again
        write(f"{fleet.dir}/{loser}/town.toml", fleet.read(winner, "town.toml"))
        code, again = fleet.verb(loser, "apply")
        assert code == 0, again
        won.append(winner)
    same(fleet, before, 1)
    return Outcome(note=f"six times, one wins each time ({''.join(won)}), the other exits 1 with the lines")


def unknown_field(fleet):
    """The store gets a manifest with a field that this gtctl does not know."""
    before = fleet.living()
    good = fleet.read("a", "town.toml")
    newer = good.replace("[store]\n", "[store]\nwings = 2\n")
    assert newer != good
    fleet.etcdctl("a", "put", fleet.key("manifest"), given=newer)
    fleet.until("the manifest", lambda: all("wings" in fleet.read(h, "town.toml") for h in HOSTS), 20)
    same(fleet, before, 4)
    for host in HOSTS:
        log = fleet.read(host, "log")
        assert "wings" in log and "last good" in log, log[-1000:]
    # The last good one is in force: what dies is started again, and a host that is lost is made good.
    host = next(h for h in HOSTS if h != fleet.town_leader())
    came = moved(fleet, host, lambda: fleet.kill_host(host))
    fleet.etcdctl(next(h for h in HOSTS if h != host), "put", fleet.key("manifest"), given=good + "# mended\n")
    left = [h for h in HOSTS if h != host]
    fleet.until("the mended one", lambda: all("# mended" in fleet.read(h, "town.toml") for h in left), 20)
    came.fenced = None
    came.note = "said in each log, last good in force: also a killed host is made good"
    return came


G0 = session("g0", '"any"', "move", f'handoff_gap = "{GAP}s"\n')

ROWS = [
    Row("7b", "fields and versions of a newer gtctl in the store", "nothing changes, they are kept", newer_fields, Setting),
    Row("8a", "drain, uncordon, rebalance", "stopped, then started", drained, Setting),
    Row("8b", "hosts lost --confirm", "what stays starts elsewhere only then", lost_for_good,
        lambda: Setting(more=session("s0", '"any"', "stay"))),
    Row("8c", "drain within the handoff gap", "the gap is kept", gap_kept,
        lambda: Setting(movable=3, more=G0)),
    Row("9a", "two apply at once", "one wins, the other exits 1 with the lines", two_applies, Setting),
    Row("9b", "manifest of a newer gtctl", "said; the last good one in force", unknown_field, Setting),
]
