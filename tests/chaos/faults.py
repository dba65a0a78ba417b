"""What goes wrong in a chaos run: each fault by name, and when it happens."""

import collections
import random
import shutil
import signal
import threading
import time

from chaos import evidence
from testbed import processes


def _program(process) -> str:
    return process.info.cmdline.split(" ")[0].rpartition("/")[2]


def is_coordinator(process) -> bool:
    return _program(process) == "iris" and " serve" in process.info.cmdline


def is_agent(process) -> bool:
    return _program(process).startswith("iris-agent") and " serve" in process.info.cmdline


def is_bridge(process) -> bool:
    return _program(process).startswith("iris-agent") and " bridge" in process.info.cmdline


def is_claude(process) -> bool:
    return _program(process) == "claude"


def is_ssh(process) -> bool:
    return _program(process) == "ssh"


def is_sshd_session(process) -> bool:
    return process.info.cmdline.startswith("sshd: ")


def _kill(found, chance) -> str:
    """SIGKILL for one of these processes; says whom it hit."""
    if not found:
        return "nobody there"
    victim = chance.choice(sorted(found))
    processes.end(victim)
    return str(victim)[:100]


def _is_up(status) -> bool:
    """Whether this machine and every link to the host have answered."""
    links = status.get("links", [])
    return (all(link["state"] == "up" for link in links) and any(link["key"] == "local" for link in links)
            and any(link["key"] != "local" for link in links))


class Faults:
    """Every method is a fault, over when it returns; it says what it did."""

    def __init__(self, far, clients, chance, enough: threading.Event):
        self._far, self._chance, self._enough = far, chance, enough
        self._tells = [client for client in clients if not client.is_mcp]
        self._mcp = [client for client in clients if client.is_mcp]

    def _here(self, is_wanted) -> list:
        return list(filter(is_wanted, self._far.iris.processes()))

    def _there(self, is_wanted) -> list:
        return list(filter(is_wanted, self._far.user.processes()))

    def _everywhere(self, is_wanted) -> list:
        return self._here(is_wanted) + self._there(is_wanted)

    def _lasts(self, least, most) -> str:
        seconds = self._chance.uniform(least, most)
        time.sleep(seconds)
        return f"{seconds:.2f} s"

    # Links.

    def kill_ssh(self):
        return _kill(self._here(is_ssh), self._chance)

    def kill_sshd_session(self):
        return _kill(self._there(is_sshd_session), self._chance)

    def kill_bridge(self):
        # Not one that has just started: an agent that dies before its hello is taken for one that cannot run.
        before = time.monotonic() - 5
        return _kill(self._there(lambda p: is_bridge(p) and processes.started(p) < before), self._chance)

    def reset_connections(self):
        self._far.network.reset()
        time.sleep(self._chance.uniform(0.1, 1))
        self._far.network.mend()

    def black_hole(self):
        what = self._chance.choice(["both", "to_host", "to_client"])
        self._far.network.swallow(what)
        lasted = self._lasts(0.2, 3)
        self._far.network.mend()
        return f"{what} {lasted}"

    def long_black_hole(self):
        self._far.network.swallow("both")
        time.sleep(25)
        self._far.network.mend()

    def bad_network(self):
        delay, loss = self._chance.choice([0, 10, 50]), self._chance.choice([0, 1, 3])
        self._far.network.set(delay=delay, jitter=delay / 5, loss=loss)
        return f"delay {delay} ms, loss {loss} %"

    def change_rate(self):
        """Of the link, each way, and how long a packet is under way; stays so until it is changed again."""
        rate, delay = self._chance.choice([256, 256, 512, 1000, 5000, 0]), self._chance.choice([0, 20, 100])
        self._far.network.set(rate=rate, delay=delay, jitter=0, loss=0)
        return f"{rate or 'any'} kbit/s, delay {delay} ms; {self._lasts(0.5, 5)}"

    def freeze_link(self):
        """ssh or its peer gets no time, as on a machine that swaps."""
        return self._freeze(self._here(is_ssh) + self._there(lambda p: is_bridge(p) or is_sshd_session(p)))

    # Daemons.

    def _freeze(self, found):
        if not found:
            return "nobody there"
        victim = self._chance.choice(sorted(found))
        with evidence.STOPPING:
            processes.send(victim, signal.SIGSTOP)
            lasted = self._lasts(0.1, 2)
            processes.send(victim, signal.SIGCONT)
        return f"{str(victim)[:100]} {lasted}"

    def freeze_daemon(self):
        return self._freeze(self._everywhere(lambda p: is_coordinator(p) or is_agent(p)))

    def kill_coordinator(self):
        done = _kill(self._here(is_coordinator), self._chance)
        # To a life of the coordinator in which a host never answered that host is unreachable: both have to answer,
        # as long as anybody asks them.
        self._far.iris.wait_for_status(lambda s: self._enough.is_set() or _is_up(s), timeout=60)
        return done

    def kill_mcp(self):
        self._chance.choice(self._mcp).kill()

    def kill_tell(self):
        self._chance.choice(self._tells).kill()

    # What lies in a runtime directory goes with a log-out, or an eager tmp cleaner.

    def lose_runtime_here(self):
        shutil.rmtree(self._far.iris.folder / "r" / "iris", ignore_errors=True)
        return self._lasts(0, 1)

    def lose_runtime_there(self):
        uid = self._far.user.uid
        for path in (f"/run/user/{uid}/iris", f"/tmp/iris-{uid}"):
            shutil.rmtree(path, ignore_errors=True)
        return self._lasts(0, 1)

    # Children and agents, on both sides.

    def kill_claude(self):
        return _kill(self._everywhere(is_claude), self._chance)

    def kill_agent(self):
        return _kill(self._everywhere(is_agent), self._chance)

    # Builds of the agent: the next one to start is an older one, which the next coordinator replaces in place.

    def downgrade_agent(self):
        self._far.configure(older=True)
        return self.kill_coordinator() + "; " + _kill(self._everywhere(is_agent), self._chance)

    def upgrade_agent(self):
        self._far.configure(older=False)
        return self.kill_coordinator()

    # Disks.

    def fill_disk(self):
        """That of the host's agent: no room, or no inodes."""
        take = self._chance.choice([self._far.disk.take_room, self._far.disk.take_inodes])
        take()
        lasted = self._lasts(0.2, 4)
        self._far.disk.give_back()
        return f"{take.__name__} {lasted}"

    def fill_store(self):
        """That of the coordinator's store: nothing, or so little that only what is small can be written."""
        disk, leave = self._far.store_disk, self._chance.choice([0, 0, 4, 12, 40, 200, 1000]) << 10
        disk.take_room(leave)
        lasted = self._lasts(0.02, 3)
        killed = ""
        if self._chance.random() < 0.25:
            killed = "; " + _kill(self._here(is_coordinator), self._chance) + self._lasts(0, 1)
        disk.give_back()
        if killed:
            self._far.iris.wait_for_status(lambda s: self._enough.is_set() or _is_up(s), timeout=60)
        return f"but for {leave >> 10} KiB, {lasted}{killed}"


LINKS = ["kill_ssh", "kill_sshd_session", "kill_bridge", "reset_connections", "black_hole", "bad_network", "freeze_link"]
# What no answer may suffer from.
HARMLESS = LINKS + ["kill_coordinator", "kill_mcp", "kill_tell", "freeze_daemon"]
MIXES = {
    "links": LINKS,
    "harmless": HARMLESS,
    "rates": HARMLESS + ["change_rate"] * 6 + ["long_black_hole"],
    "places": HARMLESS + ["lose_runtime_here", "lose_runtime_there"] * 2,
    "children": HARMLESS + ["kill_claude"] * 4,
    "agents": HARMLESS + ["kill_claude", "kill_agent", "kill_agent"],
    "upgrades": HARMLESS + ["downgrade_agent", "upgrade_agent"] * 2,
    "disk": HARMLESS + ["fill_disk"] * 4,
    "store": HARMLESS + ["fill_store"] * 6,
}
MIXES["everything"] = sorted({fault for mix in MIXES.values() for fault in mix})
# How a tell may end where a child or an agent died under it, or where a disk was full.
_DIED = frozenset({"child_exited", "ambiguous"})
FAILURES = collections.defaultdict(frozenset, {
    "children": _DIED,
    "agents": _DIED,
    "upgrades": _DIED,
    "disk": frozenset({"storage"}),
    "store": frozenset({"storage"}),
    "everything": _DIED | {"storage"},
})
# As what a tell may be refused, so that it was never there.
REFUSALS = collections.defaultdict(frozenset, {mix: frozenset({"storage"}) for mix in ("store", "everything")})
# How many tells a fault may fail: those under way, one a session.
SESSIONS = 15
MAY_FAIL = {"kill_claude": 1, "kill_agent": SESSIONS, "downgrade_agent": SESSIONS}


def may_fail(counts) -> int:
    """How many tells may have ended because a child or an agent died."""
    return sum(MAY_FAIL.get(fault, 0) * count for fault, count in counts.items())


def died(failed) -> int:
    """How many did."""
    return sum(failed[kind] for kind in _DIED)


class Schedule(threading.Thread):
    """Faults of a mix, one after the other, in an order that follows from the seed, until `enough`. The next one comes
    after some messages, or where few are answered after some time."""

    _MESSAGES, _SECONDS = (1, 40), (0.1, 1.5)

    def __init__(self, far, clients, mix: str, seed: int, count_heard, enough: threading.Event):
        super().__init__(daemon=True)
        self._chance = random.Random(f"faults {seed}")
        self._faults = Faults(far, clients, self._chance, enough)
        self._mix, self._enough, self._count_heard = MIXES[mix], enough, count_heard
        self.happened = collections.deque(maxlen=2000)  # The last ones, as sentences.
        self.counts = collections.Counter()
        self.error = None

    def run(self):
        began = time.monotonic()
        try:
            while not self._waits_until_enough():
                name = self._chance.choice(self._mix)
                at = time.monotonic() - began
                what = getattr(self._faults, name)()
                self.counts[name] += 1
                self.happened.append(f"{at:6.1f} to {time.monotonic() - began:6.1f} {name}: {what or 'done'}")
        except BaseException as error:
            self.error = error
            self._enough.set()

    def _waits_until_enough(self) -> bool:
        heard = self._count_heard() + self._chance.uniform(*self._MESSAGES)
        until = time.monotonic() + self._chance.uniform(*self._SECONDS)
        while not self._enough.wait(0.02):
            if self._count_heard() >= heard or time.monotonic() > until:
                return False
        return True
