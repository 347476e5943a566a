"""The rows of the test table, each on three hosts with a network and three members of etcd."""
import os
import re
import shutil
import signal
import subprocess
import time

import rows_store
import rows_words
from fleet import HOSTS, Setting, faketime, session
from outcome import Outcome, Row, moved, same, within
from watcher import is_dead


def with_led(fleet):
    """The host that leads the town, and etcd from now on."""
    host = fleet.town_leader()
    fleet.move_store_leader(host)
    return host


def another(fleet):
    """A host that leads nothing."""
    host = with_led(fleet)
    return next(h for h in HOSTS if h != host)


# 1


def killed(fleet):
    host = another(fleet)
    pin = f"p{HOSTS.index(host)}"
    came = within(moved(fleet, host, lambda: fleet.kill_host(host)), 10)
    time.sleep(1)
    assert pin not in fleet.seen, fleet.seen
    other = next(h for h in HOSTS if h != host)
    code, said = fleet.verb(other, "status")
    lost = next(line for line in said.splitlines() if line.startswith(pin + " "))
    assert code != 0 and " lost " in lost and f"lost: {host}" in said, said
    fleet.begin(host)
    fleet.until("the pinned session", lambda: fleet.seen.get(pin) == [host])
    came.fenced = None
    return came


# 2


def leader_killed(fleet):
    host = with_led(fleet)
    came = within(moved(fleet, host, lambda: fleet.kill_host(host)), 10)
    came.fenced = None
    return came


def leader_cut(way):
    def run(fleet):
        host = with_led(fleet)
        came = moved(fleet, host, lambda: fleet.cut(host, way))
        assert came.fenced < came.start, came
        assert fleet.seen.get(f"p{HOSTS.index(host)}") == [host], "what is pinned runs on"
        fleet.heal(host)
        fleet.wait_until_told()
        return within(came, 10)

    return run


# 3


def frozen(fleet):
    host = another(fleet)
    pid = fleet.controller_pid(host)
    came = moved(fleet, host, lambda: fleet.signal_controller(host, signal.SIGSTOP))
    assert came.fenced < came.start, came
    assert is_dead(pid), "the guard has killed the controller"
    fleet.drop_controller(host)
    return within(came, 10)


def restarted_at_once(fleet):
    before = fleet.living()
    host = with_led(fleet)
    for wait in (0.0, 1.5, 3.0):
        fleet.signal_controller(host, signal.SIGKILL)
        fleet.drop_controller(host)
        time.sleep(wait)
        fleet.begin(host)
        same(fleet, before, 9)
    return Outcome(note="away for 0, 1.5 and 3 s: every process stays")


def restarted_between(fleet):
    """After the guard has ended all, before the store has given the host up: it starts all anew."""
    host = another(fleet)
    had = fleet.movable_on(host)
    begun = time.monotonic()
    fleet.signal_controller(host, signal.SIGKILL)
    fleet.drop_controller(host)
    fleet.until("the guard", lambda: not fleet.movable_on(host), 10)
    fenced = time.monotonic() - begun
    fleet.begin(host)
    fleet.until("all", fleet.all_up, 30)
    fleet.wait_until_told()
    return Outcome(None, fenced, f"all {len(had)} run again after {time.monotonic() - begun:.1f} s")


def restarted_late(fleet):
    host = another(fleet)

    def fault():
        begun = time.monotonic()
        fleet.signal_controller(host, signal.SIGKILL)
        fleet.drop_controller(host)
        return begun

    came = moved(fleet, host, fault)
    assert came.fenced < came.start, came
    time.sleep(3)
    fleet.begin(host)
    before = fleet.living()
    same(fleet, before, 8)
    fleet.wait_until_told()
    return within(came, 10)


# 4


def guard_gone(number):
    def run(fleet):
        host = another(fleet)
        before = fleet.living()
        guard = fleet.guard_pid(host)
        os.kill(guard, number)
        fleet.until("another guard", lambda: fleet.guard_pid(host) not in (0, guard), 10)
        same(fleet, before, 9)
        assert is_dead(guard)
        return Outcome(note="another guard, every process stays")

    return run


def guard_never(fleet):
    """The guard is gone and none can be started: no beats, so the host ends what can move."""
    host = another(fleet)
    own = f"{fleet.dir}/{host}/gtctl"
    shutil.copy(fleet.gtctl, own)
    fleet.programs[host] = own
    fleet.signal_controller(host, signal.SIGTERM)
    fleet.controllers.pop(host).wait(10)
    os.kill(fleet.guard_pid(host), signal.SIGKILL)
    fleet.begin(host)
    fleet.until("its guard", lambda: fleet.guard_pid(host), 10)
    # Without a guard nobody knew until when they might live, so they are ended and start anew.
    time.sleep(3)
    fleet.until("all", fleet.all_up, 30)
    fleet.wait_until_told()

    def fault():
        os.chmod(own, 0o600)
        begun = time.monotonic()
        os.kill(fleet.guard_pid(host), signal.SIGKILL)
        return begun

    came = moved(fleet, host, fault)
    assert came.fenced < came.start, came
    assert fleet.seen.get(f"p{HOSTS.index(host)}") == [host], "what is pinned runs on"
    return within(came, 10)


def both_stopped(fleet):
    host = another(fleet)
    lost = fleet.movable_on(host)
    guard, controller = fleet.guard_pid(host), fleet.controller_pid(host)
    begun = time.monotonic()
    os.kill(guard, signal.SIGSTOP)
    os.kill(controller, signal.SIGSTOP)
    elsewhere = fleet.until(
        "the sessions elsewhere", lambda: all(len(fleet.seen.get(s, [])) == 2 for s in lost), 40)
    time.sleep(2)
    woken = time.monotonic()
    os.kill(guard, signal.SIGCONT)
    fleet.signal_controller(host, signal.SIGCONT)
    fleet.until("one life each", lambda: not fleet.movable_on(host), 10)
    came = Outcome(elsewhere, time.monotonic() - begun, "")
    came.note = f"ended {time.monotonic() - woken:.1f} s after both go on"
    assert time.monotonic() - woken < 2, came
    fleet.until("all", fleet.all_up, 30)
    return came


def both_killed(fleet):
    """With nobody there any more, nobody ends what can move. Who starts the controller again must."""
    host = another(fleet)
    lost = fleet.movable_on(host)
    before = fleet.living()
    begun = time.monotonic()
    os.kill(fleet.guard_pid(host), signal.SIGKILL)
    fleet.signal_controller(host, signal.SIGKILL)
    fleet.drop_controller(host)
    time.sleep(1.5)
    fleet.begin(host)
    now = fleet.living

    def is_new():
        seen = now()
        return all(seen.get(s) and seen[s] != before[s] for s in lost)

    fleet.until("the sessions anew", is_new, 30)
    took = time.monotonic() - begun
    fleet.wait_until_told()
    return Outcome(note=f"all {len(lost)} ended and started anew after {took:.1f} s, on the same host")


# 6


def rejoins(fleet):
    host = another(fleet)
    before = fleet.living()
    came = moved(fleet, host, lambda: fleet.cut(host))
    assert came.fenced < came.start, came
    time.sleep(8)
    fleet.heal(host)
    fleet.until("the host", lambda: host in fleet.signed_in("a"), 30)
    pin = f"p{HOSTS.index(host)}"
    same(fleet, {pin: before[pin]}, 3)
    fleet.wait_until_told()
    return within(came, 10)


def rejoins_stale(fleet):
    """Somebody says of a host that is only cut off that it is lost for good. So a session that stays
    lives twice, until the host is back: then its stale life ends first."""
    fleet.until("s0", lambda: "s0" in fleet.seen)
    host = fleet.seen["s0"][0]
    other = next(h for h in HOSTS if h != host)
    fleet.cut(host)
    fleet.until("its loss", lambda: host not in fleet.signed_in(other), 30)
    time.sleep(2)
    assert fleet.seen["s0"] == [host], fleet.seen
    code, said = fleet.verb(other, "hosts", "lost", host, "--confirm")
    assert code == 0, said
    fleet.until("s0 elsewhere", lambda: len(fleet.seen["s0"]) == 2, 30)
    fleet.heal(host)
    took = fleet.until("its stale life", lambda: host not in fleet.seen["s0"], 30)
    fleet.wait_until_told()
    return Outcome(None, None, f"the stale life ends {took:.1f} s after the cable is back")


def clocks(fleet):
    """The wall clock of one host is an hour early, of another an hour late."""
    host = "b"

    def shown(of):
        """The minute of the day by the controller of a host, as it has said it last."""
        said = re.findall(r"^(\d\d):(\d\d):\d\d ", fleet.read(of, "log"), re.M)[-1]
        return int(said[0]) * 60 + int(said[1])

    if faketime():
        apart = (shown("a") - shown("c")) % (24 * 60)
        assert 119 <= apart <= 121, f"the clocks are {apart} minutes apart"
    came = within(moved(fleet, host, lambda: fleet.kill_host(host)), 10)
    came.fenced = None
    fleet.begin(host)
    fleet.until("all", fleet.all_up, 30)
    fleet.wait_until_told()
    came.note += ", a +1 h, c -1 h" if faketime() else ", NO libfaketime: the clocks are right"
    return came


# 7


def rolling(fleet):
    """Each controller in turn is told to end and started again, as another program; then each is
    killed and started as the first one."""
    before = fleet.living()
    newer = f"{fleet.dir}/gtctl-newer"
    shutil.copy(fleet.gtctl, newer)
    for program, number in ((newer, signal.SIGTERM), (fleet.gtctl, signal.SIGKILL)):
        for host in HOSTS:
            fleet.signal_controller(host, number)
            try:
                fleet.controllers[host].wait(10)
                fleet.controllers.pop(host)
            except subprocess.TimeoutExpired as late:
                raise AssertionError("the controller does not end") from late
            fleet.programs[host] = program
            fleet.begin(host)
            same(fleet, before, 3)
    same(fleet, before, 8)
    fleet.wait_until_told()
    return Outcome(note="six restarts: every process stays, nothing moves")


# 11

MANY = int(os.environ.get("FLEET_MANY", "900"))


def many(fleet):
    costs = {}
    # What is measured shares the processors with the watcher.
    fleet.watcher.rests = True
    time.sleep(10)
    began = {h: fleet.cost(h) for h in HOSTS}
    quiet = float(os.environ.get("FLEET_QUIET", "60"))
    time.sleep(quiet)
    for host in HOSTS:
        now = fleet.cost(host)
        costs[host] = {k: (now[k] - began[host][k]) / 1e6 / quiet for k in now}
    fleet.watcher.rests = False
    leader = with_led(fleet)
    # A new leader of etcd gives each lease its whole time anew: the beats after that count.
    time.sleep(4)
    said = [
        f"{'leader' if h == leader else 'other'} {c['gtctl']:.1f} (etcd {c['etcd']:.1f}, tmux {c['tmux']:.1f})"
        for h, c in costs.items()
    ]
    note = f"quiet ms/s: {', '.join(said)}"
    print(" ", note)
    if fleet.setting.movable < 100:
        return Outcome(note=note)
    host = next(h for h in HOSTS if h != leader)
    came = moved(fleet, host, lambda: fleet.kill_host(host))
    came.fenced = None
    came.note += "; " + note
    print(" ", came)
    return within(came, 10)


ANY_STAYS = session("s0", '"any"', "stay")
ROWS = [
    Row("1", "host killed", "elsewhere < 10 s, pinned shown lost", killed, Setting),
    Row("2a", "host that leads town and etcd killed", "elsewhere < 10 s", leader_killed, Setting),
    Row("2b", "its link cut", "dead before the start elsewhere", leader_cut("both"), Setting),
    Row("2c", "all that it sends is lost", "dead before the start elsewhere", leader_cut("out"), Setting),
    Row("2d", "all that it is sent is lost", "dead before the start elsewhere", leader_cut("in"), Setting),
    Row("3a", "controller stopped", "the guard ends controller and sessions", frozen, Setting),
    Row("3b", "controller killed, again within the fence", "nothing changes", restarted_at_once, Setting),
    Row("3c", "controller killed, again between fence and lease", "ended, then anew", restarted_between, Setting),
    Row("3d", "controller killed, again after the lease", "elsewhere, never twice", restarted_late, Setting),
    Row("4a", "guard killed", "another one, nothing changes", guard_gone(signal.SIGKILL), Setting),
    Row("4b", "guard stopped", "another one, nothing changes", guard_gone(signal.SIGSTOP), Setting),
    Row("4c", "guard killed, none can start", "no beats: dead, then elsewhere", guard_never, Setting),
    Row("4d", "guard and controller stopped", "the documented exception", both_stopped, Setting,
        "guard and controller stopped"),
    Row("4e", "guard and controller killed, controller again", "ended, then anew", both_killed, Setting),
    *rows_store.ROWS,
    Row("6a", "host back after its link was cut for long", "pinned the same, nothing twice", rejoins, Setting),
    Row("6b", "host back with a stale session", "the stale life ends first", rejoins_stale,
        lambda: Setting(more=ANY_STAYS), "hosts lost of a host that still runs"),
    Row("6c", "wall clocks an hour wrong, host killed", "as ever", clocks,
        lambda: Setting(clocks={"a": 3600, "c": -3600})),
    Row("6d", "clock rate wrong by 5 %", "simulated: `sim::fleet` in the integration tests", None, Setting),
    Row("7a", "rolling restart and upgrade", "no move, no kill", rolling, Setting),
    *rows_words.ROWS,
    Row("10", "wrong certificate, host writes the manifest",
        "a Rust test: `etcd::secure` in the integration tests", None, Setting),
    Row("11a", "quiet, few sessions", "at most 2 ms/s", many, Setting),
    Row("11b", f"{MANY} sessions, host killed", "all < 10 s, at most 2 ms/s", many, lambda: Setting(movable=MANY)),
    Row("12", "hosts without a store", "Rust tests: `cli::hosts`, `tmux::hosts`", None, Setting),
    Row("13", "all at random, with a store model", "simulated: `sim::fleet` in the integration tests", None, Setting),
]
