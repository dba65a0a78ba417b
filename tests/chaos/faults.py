"""What goes wrong in a chaos run: each fault by name, and when it happens."""

import random
import threading
import time

from testbed import processes


def _program(process) -> str:
    return process.info.cmdline.split(" ")[0].rpartition("/")[2]


def is_coordinator(process) -> bool:
    return _program(process) == "iris" and " serve" in process.info.cmdline


def is_agent(process) -> bool:
    return _program(process).startswith("iris-agent") and " serve" in process.info.cmdline


def is_bridge(process) -> bool:
    return _program(process).startswith("iris-agent") and " bridge" in process.info.cmdline


def _kill(found, chance) -> str:
    """SIGKILL for one of these processes; says whom it hit."""
    if not found:
        return "nobody there"
    victim = chance.choice(sorted(found))
    processes.end(victim)
    return str(victim)[:100]


def _up(status) -> set:
    return {"here" if link["key"] == "local" else "there" for link in status.get("links", []) if link["state"] == "up"}


class Faults:
    """Every method is a fault, over when it returns; it says what it did."""

    def __init__(self, far, mcp_clients, chance, enough: threading.Event):
        self._far, self._mcp_clients, self._chance, self._enough = far, mcp_clients, chance, enough

    def _here(self, is_wanted) -> list:
        return list(filter(is_wanted, self._far.iris.processes()))

    def _there(self, is_wanted) -> list:
        return list(filter(is_wanted, self._far.user.processes()))

    def _everywhere(self, is_wanted) -> list:
        return self._here(is_wanted) + self._there(is_wanted)

    # Links.

    def kill_ssh(self):
        return _kill(self._here(lambda p: _program(p) == "ssh"), self._chance)

    def kill_sshd_session(self):
        return _kill(self._there(lambda p: p.info.cmdline.startswith("sshd: ")), self._chance)

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
        seconds = self._chance.uniform(0.5, 4)
        self._far.network.swallow(what)
        time.sleep(seconds)
        self._far.network.mend()
        return f"{what} {seconds:.1f} s"

    def long_black_hole(self):
        self._far.network.swallow("both")
        time.sleep(25)
        self._far.network.mend()

    def bad_network(self):
        delay, loss = self._chance.choice([0, 10, 50]), self._chance.choice([0, 1, 3])
        self._far.network.set(delay=delay, jitter=delay / 5, loss=loss)
        return f"delay {delay} ms, loss {loss} %"

    # Here.

    def kill_coordinator(self):
        done = _kill(self._here(is_coordinator), self._chance)
        # To a life of the coordinator in which a host never answered that host is unreachable: both have to answer,
        # as long as anybody asks them.
        self._far.iris.wait_for_status(lambda s: self._enough.is_set() or _up(s) == {"here", "there"}, timeout=60)
        return done

    def kill_mcp(self):
        if self._mcp_clients:
            self._chance.choice(self._mcp_clients).kill()

    # Children and agents, on both sides.

    def kill_claude(self):
        return _kill(self._everywhere(lambda p: _program(p) == "claude"), self._chance)

    def kill_agent(self):
        return _kill(self._everywhere(is_agent), self._chance)


    def fill_disk(self):
        """That of the host's agent: no room, or no inodes."""
        disk, seconds = self._far.disk, self._chance.uniform(0.5, 5)
        take = self._chance.choice([disk.take_room, disk.take_inodes])
        take()
        time.sleep(seconds)
        disk.give_back()
        return f"{take.__name__} {seconds:.1f} s"


LINKS = ["kill_ssh", "kill_sshd_session", "kill_bridge", "reset_connections", "black_hole", "bad_network"]
# What no answer may suffer from.
HARMLESS = LINKS + ["kill_coordinator", "kill_mcp"]
MIXES = {
    "links": LINKS,
    "harmless": HARMLESS,
    "children": HARMLESS + ["kill_claude"] * 4,
    "agents": HARMLESS + ["kill_claude", "kill_agent", "kill_agent"],
    "disk": HARMLESS + ["fill_disk"] * 4,
}
# How a tell may end where a child or an agent died under it.
FAILURES = {
    "links": set(),
    "harmless": set(),
    "children": {"child_exited", "ambiguous"},
    "agents": {"child_exited", "ambiguous"},
    "disk": {"storage"},
}


class Schedule(threading.Thread):
    """Faults of a mix, one after the other, in an order that follows from the seed, until `enough`."""

    def __init__(self, far, mcp_clients, mix: str, seed: int, enough: threading.Event):
        super().__init__(daemon=True)
        self._chance = random.Random(f"faults {seed}")
        self._faults = Faults(far, mcp_clients, self._chance, enough)
        self._mix, self._enough = MIXES[mix], enough
        self.happened = []
        self.error = None

    def run(self):
        began = time.monotonic()
        try:
            while not self._enough.wait(self._chance.uniform(0.2, 2.5)):
                name = self._chance.choice(self._mix)
                what = getattr(self._faults, name)()
                self.happened.append(f"{time.monotonic() - began:6.1f} {name}: {what or 'done'}")
        except BaseException as error:
            self.error = error
