"""The quick cases: one etcd on loopback, for CI."""
import json
import signal
import time

from fleet import MOVABLE, PINNED


def killed(fleet):
    """A host dies: what can move starts elsewhere within ten seconds, what is pinned does not."""
    fleet.start_all()
    # A host that signs in late has no session that can move.
    _, (home,) = next(iter(fleet.movable().items()))
    lost = [s for s, h in fleet.movable().items() if h == [home]]
    pinned = next(s for s, h in fleet.pinned().items() if h == [home])
    begun = fleet.kill_host(home)
    fleet.until("the end", lambda: not any(h == [home] for h in fleet.movable().values()))
    fleet.until("the sessions elsewhere", lambda: len(fleet.movable()) == MOVABLE)
    took = time.monotonic() - begun
    print(f"  host killed: {len(lost)} sessions run elsewhere after {took:.1f} s")
    assert took < 10, took
    time.sleep(1)
    assert pinned not in fleet.seen, fleet.seen
    # The host comes back: its pinned session with it, and nothing twice.
    fleet.begin(home)
    back = fleet.until("the pinned session", lambda: pinned in fleet.seen)
    print(f"  host back: its pinned session runs after {back:.1f} s")


def stopped(fleet):
    """A controller hangs: the guard ends what can move before it starts elsewhere."""
    fleet.start_all()
    _, (home,) = next(iter(fleet.movable().items()))
    lost = [s for s, h in fleet.movable().items() if h == [home]]
    pinned = next(s for s, h in fleet.pinned().items() if h == [home])
    fleet.signal_controller(home, signal.SIGSTOP)
    ended = fleet.until("the guard", lambda: not any(h == [home] for h in fleet.movable().values()))
    print(f"  controller stopped: guard has ended {len(lost)} sessions after {ended:.1f} s")
    took = fleet.until("the sessions elsewhere", lambda: len(fleet.movable()) == MOVABLE)
    print(f"  they run elsewhere {took:.1f} s later")
    assert ended + took < 10, (ended, took)
    assert fleet.seen.get(pinned) == [home], "what is pinned is never touched"
    fleet.drop_controller(home)


def quorum(fleet):
    """The store is lost: nothing is started on doubt, what can move ends, what is pinned runs on."""
    fleet.start_all()
    before = {s: p for s, p in fleet.living().items() if s.startswith("p")}
    fleet.etcd.send_signal(signal.SIGSTOP)
    ended = fleet.until("the end of what can move", lambda: not fleet.movable())
    print(f"  store lost: what can move has ended after {ended:.1f} s")
    assert ended < 6.3, ended
    for _ in range(30):
        assert not fleet.movable(), fleet.seen
        time.sleep(0.1)
    assert {s: p for s, p in fleet.living().items() if s.startswith("p")} == before, "pinned run on"
    fleet.etcd.send_signal(signal.SIGCONT)
    took = fleet.until("the sessions", fleet.all_up)
    print(f"  store back: all run after {took:.1f} s")
    assert all(c.poll() is None for c in fleet.controllers.values()), "controllers live on"


def restart(fleet):
    """A controller is killed and started again at once: no session moves, none is ended."""
    fleet.start_all()
    before = fleet.living()
    fleet.signal_controller("c", signal.SIGKILL)
    fleet.drop_controller("c")
    time.sleep(1.5)
    fleet.begin("c")
    time.sleep(9)
    assert fleet.living() == before, (before, fleet.living())
    print("  controller killed and started again: every process is the same")


def verbs(fleet):
    """Verbs from one host about sessions of another."""
    fleet.start_all()
    # A host that signs in late has no session that can move.
    session, (home,) = next(iter(fleet.movable().items()))
    one, two = (host for host in "abc" if host != home)
    before = fleet.living()[session]
    code, said = fleet.verb(one, "stop", session)
    assert code == 0 and "stopped" in said, said
    assert session not in fleet.living(), fleet.living()
    code, said = fleet.verb(two, "start", session)
    assert code == 0 and "started" in said, said
    fleet.until("the session", lambda: session in fleet.seen)
    assert fleet.living()[session] != before
    # Not one of the host that is drained next: what was just restarted does not leave for a while.
    other = next(s for s, h in fleet.movable().items() if h != [home])
    before = fleet.living()[other]
    code, said = fleet.verb(one, "restart", other, "-o", "json")
    page = json.loads(said)
    assert code == 0 and page["sessions"][0]["done"] == "restarted", said
    assert fleet.living()[other] != before
    code, said = fleet.verb(two, "explain", session)
    assert code != 0 and f"[hosts.{home}]" in said, said
    code, said = fleet.verb(one, "hosts", "drain", home)
    assert code == 0, said
    took = fleet.until("the end of the drain", lambda: fleet.all_up() and not any(
        h == [home] for h in fleet.movable().values()))
    print(f"  host drained: its sessions run elsewhere after {took:.1f} s")
    code, said = fleet.verb(two, "hosts")
    assert code == 0 and "drained" in said and "leads" in said, said
    code, said = fleet.verb(one, "hosts", "uncordon", home)
    assert code == 0, said
    whole = f"{MOVABLE + PINNED} of {MOVABLE + PINNED}"
    fleet.until("the status", lambda: whole in fleet.verb("a", "status")[1])
    code, said = fleet.verb("a", "apply")
    assert code == 0, said
    code, said = fleet.verb("b", "diff")
    assert code == 0 and "all is as declared" in said, (code, said)
    # Two people edit the manifest at the same time: one of them has not seen what the other did.
    fleet.edit("c", "# edited on c\n")
    fleet.edit("a", "# edited on a\n")
    code, said = fleet.verb("a", "apply")
    assert code == 3 and "host c acts by another manifest" in said, (code, said)
    fleet.until("the manifest on b", lambda: "# edited on a" in fleet.read("b", "town.toml"))
    code, told = fleet.verb("c", "diff")
    assert code == 2 and "here:  # edited on c" in told, (code, told)
    code, said = fleet.verb("c", "apply")
    assert code == 1 and "store: # edited on a" in said and "here:  # edited on c" in said, (code, said)
    code, said = fleet.verb("b", "down", "--yes", "p0", session)
    assert code == 0 and "stopped p0 on host a" in said, (code, said)
    assert not {"p0", session} & set(fleet.living()), fleet.living()
    code, said = fleet.verb("b", "hosts", "lost", "a", "--confirm")
    assert code == 1 and "lives" in said, said
    print("  stop, start, restart, down, diff, drain, uncordon, status, hosts and apply work from any host")


CASES = {"verbs": verbs, "killed": killed, "stopped": stopped, "quorum": quorum, "restart": restart}
