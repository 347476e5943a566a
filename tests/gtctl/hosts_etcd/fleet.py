"""A fleet on one machine: hosts, controllers, tmux servers, and a real etcd.

Each host is a PID namespace with a folder of its own: state, configuration, tmux server. So no host
sees the processes of another, and a host dies at once with the first process of its namespace.
A `Fleet` has one etcd on loopback, beside its hosts. `wires.py` has the one with a network.
"""
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from dataclasses import dataclass, field

from watcher import Watcher, child_of

HOSTS = ["a", "b", "c"]
MOVABLE = int(os.environ.get("FLEET_SESSIONS", "6"))
PINNED = 3
ETCD = os.environ.get("GTCTL_ETCD", "etcd")
ETCD_WORDS = os.environ.get("GTCTL_ETCD_WORDS", "").split()

# Whoever kills the trial ends all that it has started.
UNSHARE = ["setpriv", "--pdeathsig", "KILL", "unshare", "--pid", "--fork", "--mount-proc", "--kill-child"]
NSENTER = ["--pid", "--mount"]
if os.geteuid() != 0:
    UNSHARE[4:4] = ["--user", "--map-root-user"]
    NSENTER[0:0] = ["--user", "--preserve-credentials"]

LIMITS = '[limits]\nconcurrent_starts = 500\nstarts = 10000\nmass = "100%"\n'


def session(name, host, loss, more=""):
    """A session that sleeps. `host` is as it stands in the manifest."""
    return (
        f'[[session]]\nsession = "{name}"\ncommand = ["sleep", "100000"]\ndir = "/tmp"\n'
        f'host = {host}\non_host_loss = "{loss}"\nready_after = "1ms"\n{more}'
    )


@dataclass
class Setting:
    """How a fleet is set up."""

    movable: int = MOVABLE
    pinned: int = PINNED
    # None: the default, which goes by the version of etcd.
    lock_delay: str | None = "0s"
    # More lines of [store].
    times: str = ""
    # More lines of each movable session, and more sessions.
    of_movable: str = ""
    more: str = ""
    # By how many seconds the wall clock of a host is wrong.
    clocks: dict = field(default_factory=dict)

    def store(self):
        delay = f'lock_delay = "{self.lock_delay}"\n' if self.lock_delay else ""
        return f"[store]\n{delay}{self.times}"


def free_ports(count):
    socks = [socket.socket() for _ in range(count)]
    for s in socks:
        s.bind(("127.0.0.1", 0))
    ports = [s.getsockname()[1] for s in socks]
    for s in socks:
        s.close()
    return ports


def write(path, text):
    """Writes a file of the owner's in one go."""
    with open(f"{path}.new", "w") as f:
        f.write(text)
    os.chmod(f"{path}.new", 0o600)
    os.rename(f"{path}.new", path)


class Fleet:
    def __init__(self, gtctl, setting=None):
        self.gtctl = gtctl
        self.setting = setting or Setting()
        self.dir = tempfile.mkdtemp(prefix="gtfleet.")
        self.name = "fl" + os.path.basename(self.dir).split(".")[1].replace("_", "u")
        self.controllers = {}
        self.machines = {}
        # The gtctl of each host, where it is another one.
        self.programs = {}
        self.begin_store()
        for host in HOSTS:
            os.makedirs(f"{self.dir}/{host}/home")
            os.makedirs(f"{self.dir}/{host}/tmux", mode=0o700)
            ends = ", ".join(f'"{end}"' for end in self.endpoints_of(host))
            write(f"{self.dir}/{host}/host.toml", f'name = "{host}"\nendpoints = [{ends}]\n')
            write(f"{self.dir}/{host}/town.toml", self.first_manifest())
        self.watcher = Watcher(self.name)

    # What is declared.

    def head(self):
        town = f'[town]\nname = "{self.name}"\nsocket = "{self.name}"\n'
        return town + self.setting.store() + LIMITS

    def manifest(self):
        text = self.head()
        for n in range(self.setting.movable):
            text += session(f"m{n}", '"any"', "move", self.setting.of_movable)
        for n, host_of in zip(range(self.setting.pinned), HOSTS):
            text += session(f"p{n}", f'"{host_of}"', "stay")
        return text + self.setting.more

    def first_manifest(self):
        """What the hosts begin with."""
        return self.manifest()

    def read(self, host, name):
        with open(f"{self.dir}/{host}/{name}") as f:
            return f.read()

    def edit(self, host, text):
        """Adds to the manifest of a host, in one go."""
        write(f"{self.dir}/{host}/town.toml", self.read(host, "town.toml") + text)

    # The store.

    def begin_store(self):
        client, peer = free_ports(2)
        self.endpoint = f"http://127.0.0.1:{client}"
        peer = f"http://127.0.0.1:{peer}"
        log = open(f"{self.dir}/etcd.log", "a")
        self.etcd = subprocess.Popen(
            [
                ETCD, "--name", "m", "--data-dir", f"{self.dir}/etcd",
                "--listen-client-urls", self.endpoint, "--advertise-client-urls", self.endpoint,
                "--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer,
                "--initial-cluster", f"m={peer}",
            ],
            stdout=log, stderr=log, stdin=subprocess.DEVNULL,
        )

    def end_store(self):
        self.etcd.kill()
        self.etcd.wait()

    def endpoints_of(self, _host):
        return [self.endpoint]

    # Hosts and their controllers.

    def env(self, host):
        at = f"{self.dir}/{host}"
        env = {
            "PATH": os.environ["PATH"], "HOME": f"{at}/home", "TERM": "xterm", "LC_ALL": "C.UTF-8",
            "XDG_STATE_HOME": f"{at}/state", "TMUX_TMPDIR": f"{at}/tmux",
            "FLEET_TRIAL_HOST": at,
        }
        wrong = self.setting.clocks.get(host)
        if wrong:
            env |= {"LD_PRELOAD": faketime(), "FAKETIME": f"{wrong:+d}s", "FAKETIME_DONT_FAKE_MONOTONIC": "1"}
        return env

    def boot(self, host):
        """Begins a host: a namespace whose first process takes in what others leave behind."""
        init = "trap : TERM; while :; do sleep 1000 & wait $!; done"
        self.machines[host] = subprocess.Popen(
            [*self.unshare(), "bash", "-c", init], env=self.env(host) | {"LD_PRELOAD": ""},
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )
        self.until(f"host {host}", lambda: self.init_of(host))
        self.watcher.knows(host, self.init_of(host))

    def unshare(self):
        return UNSHARE

    def nsenter(self):
        return NSENTER

    def init_of(self, host):
        """The first process of a host, 0 while there is none."""
        init = child_of(self.machines[host].pid)
        # Before it has become bash, it may not be in its namespaces yet.
        try:
            with open(f"/proc/{init}/comm") as f:
                return init if f.read().strip() == "bash" else 0
        except OSError:
            return 0

    def inside(self, host):
        """The words that run a command on a host."""
        return ["nsenter", "-t", str(self.init_of(host)), *self.nsenter(), "--"]

    def program(self, host):
        return self.programs.get(host, self.gtctl)

    def files(self, host):
        return ["-f", f"{self.dir}/{host}/town.toml", "--host-file", f"{self.dir}/{host}/host.toml"]

    def begin(self, host):
        """Begins the controller of a host, and the host where it is off."""
        if host not in self.machines:
            self.boot(host)
        log = open(f"{self.dir}/{host}/log", "a")
        verbose = "-vv" if os.environ.get("FLEET_VERBOSE") else "-v"
        self.controllers[host] = subprocess.Popen(
            [*self.inside(host), self.program(host), verbose, *self.files(host), "reconcile", "--watch"],
            env=self.env(host), stdout=log, stderr=log, stdin=subprocess.DEVNULL, cwd=f"{self.dir}/{host}",
        )

    def drop_controller(self, host):
        """Waits for the end of a controller."""
        self.wake(self.controllers[host])
        self.controllers.pop(host).wait(5)

    @staticmethod
    def wake(entered):
        """nsenter stops with what it has started, and would wait for ever. Its namespace would not
        end, either."""
        entered.send_signal(signal.SIGCONT)

    def controller_pid(self, host):
        return child_of(self.controllers[host].pid)

    def signal_controller(self, host, number):
        pid = self.controller_pid(host)
        if pid:
            os.kill(pid, number)
        if number == signal.SIGCONT:
            self.wake(self.controllers[host])

    def command(self, host, *words):
        return [*self.inside(host), self.program(host), *self.files(host), *words]

    def verb(self, host, *words):
        ran = subprocess.run(
            self.command(host, *words), env=self.env(host), stdin=subprocess.DEVNULL,
            capture_output=True, text=True, cwd=f"{self.dir}/{host}", timeout=60,
        )
        return ran.returncode, ran.stdout + ran.stderr

    def kill_host(self, host):
        """The whole host at once. Returns when."""
        for entered in self.entered(host):
            self.wake(entered)
        begun = time.monotonic()
        os.kill(child_of(self.machines[host].pid), signal.SIGKILL)
        self.machines.pop(host).wait(30)
        if host in self.controllers:
            self.drop_controller(host)
        return begun

    def entered(self, host):
        """What goes on in a host and was started from outside."""
        return [self.controllers[host]] if host in self.controllers else []

    # What is seen.

    @property
    def seen(self):
        return self.watcher.seen

    def living(self):
        return self.watcher.living()

    def until(self, what, holds, patience=60.0):
        begun = time.monotonic()
        while not holds():
            if time.monotonic() - begun > patience:
                raise SystemExit(f"waited in vain for {what}: {str(self.seen)[:2000]}")
            time.sleep(0.02)
        return time.monotonic() - begun

    def tails(self, size=6000):
        text = ""
        for host in HOSTS:
            try:
                text += f"--- {host}\n" + self.read(host, "log")[-size:] + "\n"
            except OSError:
                pass
        return text

    def movable(self):
        return {s: h for s, h in self.seen.items() if s.startswith("m")}

    def pinned(self):
        return {s: h for s, h in self.seen.items() if s.startswith("p")}

    def movable_on(self, host):
        return sorted(s for s, h in self.movable().items() if host in h)

    def all_up(self):
        full = self.setting
        return len(self.movable()) == full.movable and len(self.pinned()) == full.pinned

    def start_all(self):
        for host in HOSTS:
            self.begin(host)
        took = self.until("all sessions", self.all_up)
        print(f"  all {len(self.seen)} sessions run after {took:.1f} s: {self.seen}")

    def end(self):
        self.watcher.end()
        for host in list(self.machines):
            self.kill_host(host)
        self.end_store()
        if not os.environ.get("FLEET_KEEP"):
            shutil.rmtree(self.dir, ignore_errors=True)


def faketime():
    """The library that gives a process another wall clock, None if this machine has none."""
    for folder in ("/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/usr/lib"):
        path = f"{folder}/faketime/libfaketime.so.1"
        if os.path.exists(path):
            return path
    return None
