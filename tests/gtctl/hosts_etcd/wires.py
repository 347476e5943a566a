"""A fleet whose hosts have a network: each host is a network namespace, too, with a cable to one
switch and a member of etcd of its own.

Nothing of it is seen from outside: the switch is a namespace as well, and all is gone with its
processes.
"""
import json
import os
import signal
import subprocess
import time

from fleet import ETCD, ETCD_WORDS, HOSTS, NSENTER, UNSHARE, Fleet, write
from watcher import child_of, pids, space_of, words_of

ADDRESS = {host: f"10.77.0.{n}" for n, host in enumerate(HOSTS, 1)}
# Takes no packet: each is longer than what the bucket holds.
LOSES_ALL = ["tbf", "rate", "8bit", "burst", "1b", "limit", "1b"]


class NetFleet(Fleet):
    """Three hosts on a switch, each with a member of etcd."""

    def __init__(self, gtctl, setting=None):
        self.members = {}
        self.cables = {}
        self.plugged = 0
        self.switch = None
        self.cut_off = set()
        super().__init__(gtctl, setting)

    def unshare(self):
        return [*UNSHARE, "--net"]

    def nsenter(self):
        return [*NSENTER, "--net"]

    # Switch and cables.

    def begin_store(self):
        """The switch only: a member begins with its host."""
        words = ["unshare", "--net", "--fork", "--kill-child", "sleep", "1000000"]
        self.switch = subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", *words],
            stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )
        begun = time.monotonic()
        while words_of(child_of(self.switch.pid))[:1] != ["sleep"]:
            assert time.monotonic() - begun < 10, "no switch"
            time.sleep(0.01)
        self.on_switch("ip", "link", "add", "br0", "type", "bridge")
        self.on_switch("ip", "link", "set", "br0", "up")

    def end_store(self):
        os.kill(child_of(self.switch.pid), signal.SIGKILL)
        self.switch.wait()

    def endpoints_of(self, host):
        """All members, the host's own first."""
        own = [host, *(h for h in HOSTS if h != host)]
        return [f"http://{ADDRESS[h]}:2379" for h in own]

    def on_switch(self, *words):
        at = ["nsenter", "-t", str(child_of(self.switch.pid)), "--net", "--"]
        subprocess.run([*at, *words], check=True)

    def on_host(self, host, *words):
        return subprocess.run([*self.inside(host), *words], check=True, capture_output=True, text=True).stdout

    def boot(self, host):
        super().boot(host)
        # The kernel may still have the cable of the host's former life.
        self.plugged += 1
        self.cables[host] = cable = f"{host}{self.plugged}"
        switch, init = child_of(self.switch.pid), self.init_of(host)
        add = ["ip", "link", "add", cable, "netns", str(switch), "type", "veth"]
        subprocess.run([*add, "peer", "name", "eth0", "netns", str(init)], check=True)
        self.on_switch("ip", "link", "set", cable, "master", "br0", "up")
        for words in (
            f"ip addr add {ADDRESS[host]}/24 dev eth0", "ip link set lo up", "ip link set eth0 up",
        ):
            self.on_host(host, *words.split())
        self.begin_member(host)

    def cut(self, host, way="both"):
        """Cuts the cable of a host: both ways, or loses all that it sends, or all that it is sent.
        Returns when."""
        begun = time.monotonic()
        cable = self.cables[host]
        if way == "both":
            self.on_switch("ip", "link", "set", cable, "down")
        elif way == "out":
            self.on_host(host, "tc", "qdisc", "replace", "dev", "eth0", "root", *LOSES_ALL)
        else:
            self.on_switch("tc", "qdisc", "replace", "dev", cable, "root", *LOSES_ALL)
        self.cut_off.add((host, way))
        return begun

    def heal(self, host):
        cable = self.cables[host]
        for way in [w for h, w in self.cut_off if h == host]:
            if way == "both":
                self.on_switch("ip", "link", "set", cable, "up")
            elif way == "out":
                self.on_host(host, "tc", "qdisc", "del", "dev", "eth0", "root")
            else:
                self.on_switch("tc", "qdisc", "del", "dev", cable, "root")
            self.cut_off.discard((host, way))

    # Members of the store.

    def begin_member(self, host):
        own = ADDRESS[host]
        all_members = ",".join(f"{h}=http://{ADDRESS[h]}:2380" for h in HOSTS)
        log = open(f"{self.dir}/{host}/etcd.log", "a")
        env = {k: v for k, v in self.env(host).items() if not k.startswith(("LD_", "FAKETIME"))}
        self.members[host] = subprocess.Popen(
            [
                *self.inside(host), ETCD, "--name", host, "--data-dir", f"{self.dir}/{host}/etcd",
                "--listen-client-urls", f"http://{own}:2379,http://127.0.0.1:2379",
                "--advertise-client-urls", f"http://{own}:2379",
                "--listen-peer-urls", f"http://{own}:2380",
                "--initial-advertise-peer-urls", f"http://{own}:2380",
                "--initial-cluster", all_members, *ETCD_WORDS,
            ],
            env=env, stdout=log, stderr=log, stdin=subprocess.DEVNULL,
        )

    def signal_member(self, host, number):
        pid = child_of(self.members[host].pid)
        assert pid, f"no member on {host}"
        os.kill(pid, number)
        if number == signal.SIGCONT:
            self.wake(self.members[host])
        if number == signal.SIGKILL:
            self.members.pop(host).wait(5)

    def entered(self, host):
        return super().entered(host) + ([self.members[host]] if host in self.members else [])

    def kill_host(self, host):
        begun = super().kill_host(host)
        if host in self.members:
            self.members.pop(host).wait(5)
        return begun

    def freeze_disk(self, host, seconds_a_write):
        """Each write to the disk that the member waits for takes that much longer. `heal_disk` ends
        it."""
        pid = child_of(self.members[host].pid)
        calls = "fdatasync,fsync"
        delay = f"inject={calls}:delay_enter={int(seconds_a_write * 1e6)}"
        tracer = subprocess.Popen(
            ["strace", "-f", "-q", "-p", str(pid), "-e", f"trace={calls}", "-e", delay, "-o", "/dev/null"],
            stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )
        begun = time.monotonic()
        status = f"/proc/{pid}/status"
        while "TracerPid:\t0\n" in open(status).read():
            assert time.monotonic() - begun < 5 and tracer.poll() is None, "strace does not trace"
            time.sleep(0.01)
        return tracer

    @staticmethod
    def heal_disk(tracer):
        tracer.terminate()
        try:
            tracer.wait(5)
        except subprocess.TimeoutExpired:
            tracer.kill()
            tracer.wait()

    def etcdctl(self, host, *words, patience=10, check=True, given=None):
        """etcdctl on a host, with the member of that host unless told otherwise."""
        env = {"PATH": os.environ["PATH"], "ETCDCTL_API": "3"}
        ran = subprocess.run(
            [*self.inside(host), "etcdctl", *words], env=env, capture_output=True, text=True,
            timeout=patience + 5, input=given,
        )
        if check and ran.returncode != 0:
            raise AssertionError(f"etcdctl {words}: {ran.stderr[-500:]}")
        return ran.stdout

    def key(self, rest):
        return f"/gtctl/{self.name}/{rest}"

    def store_leader(self, asked):
        """The host whose member leads etcd, by the member of this host. None if there is none."""
        said = self.etcdctl(asked, "endpoint", "status", "-w", "json", "--command-timeout=2s", check=False)
        status = json.loads(said) if said.strip() else []
        if not status:
            return None
        leader = status[0]["Status"].get("leader", 0)
        return self.names_of_members(asked).get(leader)

    def names_of_members(self, asked):
        said = json.loads(self.etcdctl(asked, "member", "list", "-w", "json"))
        return {m["ID"]: m["name"] for m in said["members"] if m.get("name")}

    def move_store_leader(self, host):
        """Has the member of this host lead etcd."""
        now = self.store_leader(host)
        if now == host:
            return
        ids = {name: number for number, name in self.names_of_members(host).items()}
        self.etcdctl(now, "move-leader", f"{ids[host]:x}")
        self.until("the leader of etcd", lambda: self.store_leader(host) == host)

    def town_leader(self, asked=None):
        """The host that leads the town. None if none does."""
        asked = asked or next(h for h in HOSTS if h in self.machines)
        said = self.etcdctl(asked, "get", "--print-value-only", self.key("leader"), check=False)
        return json.loads(said)["host"] if said.strip() else None

    def signed_in(self, asked):
        """The hosts that show that they live, by the member of this host."""
        said = self.etcdctl(asked, "get", "--prefix", "--keys-only", self.key("hosts/"), check=False)
        return {line.rsplit("/", 1)[1] for line in said.split()}

    def lease_of(self, host, asked=None):
        """The lease of a host, as etcdctl takes it."""
        said = self.etcdctl(asked or host, "get", "-w", "json", self.key(f"hosts/{host}"))
        return f"{json.loads(said)['kvs'][0]['lease']:x}"

    # Begin.

    def first_manifest(self):
        """Only what is pinned. What can move comes once all hosts are there, so that each gets its
        share."""
        movable, self.setting.movable = self.setting.movable, 0
        text = self.manifest()
        self.setting.movable = movable
        return text

    def start_all(self):
        for host in HOSTS:
            self.boot(host)
        self.until("etcd", lambda: self.store_leader("a"))
        for host in HOSTS:
            self.begin(host)
        self.until("the pinned sessions", lambda: len(self.pinned()) == self.setting.pinned)
        self.apply_all()
        took = self.until("all sessions", self.all_up, 180)
        shares = {h: len(self.movable_on(h)) for h in HOSTS}
        print(f"  all {len(self.seen)} sessions run after {took:.1f} s: {shares}, {self.town_leader()} leads")
        assert all(shares.values()), shares
        self.wait_until_told()

    def apply_all(self):
        write(f"{self.dir}/a/town.toml", self.manifest())
        code, said = self.verb("a", "apply")
        assert code == 0, said

    def wait_until_told(self):
        """Until the store says that all is as declared."""
        self.until("the status", lambda: self.verb("a", "status", "-o", "json")[0] == 0)

    def guard_pid(self, host):
        """The guard of a host, 0 if there is none."""
        space = space_of(self.init_of(host))
        ours = (pid for pid in pids() if space_of(pid) == space)
        return next((pid for pid in ours if words_of(pid)[1:3] == ["guard", "keep"]), 0)

    # What a host costs.

    def cost(self, host):
        """Nanoseconds of processor time so far: gtctl's own processes, tmux, and the member."""
        space = space_of(self.init_of(host))
        spent = {"gtctl": 0, "tmux": 0, "etcd": 0}
        for name in pids():
            if space_of(name) != space:
                continue
            try:
                program = os.path.basename(os.readlink(f"/proc/{name}/exe"))
            except OSError:
                continue
            kind = "gtctl" if program.startswith("gtctl") else "tmux" if program == "tmux" else program
            if kind not in spent:
                continue
            try:
                for task in os.listdir(f"/proc/{name}/task"):
                    with open(f"/proc/{name}/task/{task}/schedstat") as f:
                        spent[kind] += int(f.read().split()[0])
            except OSError:
                pass
        return spent
