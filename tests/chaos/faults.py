"""What goes wrong in a chaos run: each fault by name."""

import shutil
import signal
import threading
import time

from chaos import evidence
from chaos.stage import HERE, THERE
from testbed import processes


NOBODY = "nobody there"


def _program(process) -> str:
    return process.info.cmdline.split(" ")[0].rpartition("/")[2]


def is_coordinator(process) -> bool:
    return _program(process) == "iris" and " serve" in process.info.cmdline


def is_agent(process) -> bool:
    return _program(process).startswith("iris-agent") and " serve" in process.info.cmdline


def is_bridge(process) -> bool:
    return _program(process).startswith("iris-agent") and " bridge" in process.info.cmdline


def is_claude(process) -> bool:
    """Not what it has just forked for a tool, which has its name until it is the shell."""
    if _program(process) != "claude":
        return False
    parent = processes.parent(process)
    return parent is None or _program(parent) != "claude"


def is_ssh(process) -> bool:
    return _program(process) == "ssh"


def is_sshd_session(process) -> bool:
    return process.info.cmdline.startswith(("sshd: ", "sshd-session: "))


def _kill(found, chance) -> str:
    """SIGKILL for one of these processes; says whom it hit."""
    if not found:
        return NOBODY
    victim = chance.choice(sorted(found))
    processes.end(victim)
    return str(victim)[:100]


def _is_up(status) -> bool:
    """Whether this machine and the hosts of all teams have answered."""
    up = {team for link in status.get("links", []) if link["state"] == "up" for team in link["teams"]}
    return up.issuperset([*THERE, HERE[0]])


class Faults:
    """Every method is a fault, over when it returns; it says what it did."""

    def __init__(self, stage, clients, chance, enough: threading.Event):
        self._stage, self._chance, self._enough = stage, chance, enough
        self._tells = [client for client in clients if not client.is_mcp]
        self._mcp = [client for client in clients if client.is_mcp]

    def _here(self, is_wanted) -> list:
        return list(filter(is_wanted, self._stage.iris.processes()))

    def _there(self, is_wanted) -> list:
        return list(filter(is_wanted, self._stage.processes_there()))

    def _everywhere(self, is_wanted) -> list:
        return self._here(is_wanted) + self._there(is_wanted)

    def _lasts(self, least, most) -> str:
        """Mostly short."""
        seconds = least + (most - least) * self._chance.random() ** 2
        time.sleep(seconds)
        return f"{seconds:.2f} s"

    # Links.

    def _of_links(self) -> list:
        """ssh and its peers. Mostly those that are through with the beginning: a link that cannot begin is tried again
        ever more seldom, and then nothing happens on it."""
        found = self._here(is_ssh) + self._there(lambda p: is_bridge(p) or is_sshd_session(p))
        if self._chance.random() < 0.15:
            return found
        before = time.monotonic() - 2
        return [process for process in found if processes.started(process) < before]

    def kill_ssh(self):
        return _kill(list(filter(is_ssh, self._of_links())), self._chance)

    def kill_sshd_session(self):
        return _kill(list(filter(is_sshd_session, self._of_links())), self._chance)

    def kill_bridge(self):
        # Not one that has just started: an agent that dies before its hello is taken for one that cannot run.
        before = time.monotonic() - 5
        return _kill(self._there(lambda p: is_bridge(p) and processes.started(p) < before), self._chance)

    def reset_connections(self):
        self._stage.network.reset()
        lasted = self._lasts(0.1, 1)
        self._stage.network.mend()
        return lasted

    def black_hole(self):
        what = self._chance.choice(["both", "to_host", "to_client"])
        self._stage.network.swallow(what)
        lasted = self._lasts(0.1, 4)
        self._stage.network.mend()
        return f"{what} {lasted}"

    def long_black_hole(self):
        self._stage.network.swallow("both")
        time.sleep(25)
        self._stage.network.mend()

    def bad_network(self):
        delay, loss = self._chance.choice([0, 10, 50]), self._chance.choice([0, 1, 3])
        self._stage.network.set(delay=delay, jitter=delay / 5, loss=loss)
        return f"delay {delay} ms, loss {loss} %"

    def change_rate(self):
        """Of the link, each way, and how long a packet is under way; stays so until it is changed again."""
        rate, delay = self._chance.choice([256, 256, 512, 1000, 5000, 0]), self._chance.choice([0, 20, 100])
        self._stage.network.set(rate=rate, delay=delay, queue=64, jitter=0, loss=0)
        return f"{rate or 'any'} kbit/s, delay {delay} ms; {self._lasts(0.3, 5)}"

    def freeze_link(self):
        """ssh or its peer gets no time, as on a machine that swaps."""
        return self._freeze(self._of_links())

    # Daemons.

    def _freeze(self, found):
        if not found:
            return NOBODY
        victim = self._chance.choice(sorted(found))
        with evidence.STOPPING:
            processes.send(victim, signal.SIGSTOP)
            lasted = self._lasts(0.05, 3)
            processes.send(victim, signal.SIGCONT)
        return f"{str(victim)[:100]} {lasted}"

    def freeze_daemon(self):
        return self._freeze(self._everywhere(lambda p: is_coordinator(p) or is_agent(p)))

    def kill_coordinator(self):
        done = _kill(self._here(is_coordinator), self._chance)
        # To a life of the coordinator in which a host never answered that host is unreachable: both have to answer,
        # as long as anybody asks them. Another build is uploaded over each of three links, of maybe 256 kbit/s in all.
        self._stage.iris.wait_for_status(lambda s: self._enough.is_set() or _is_up(s), timeout=600)
        return done

    def kill_mcp(self):
        self._chance.choice(self._mcp).kill()

    def kill_tell(self):
        self._chance.choice(self._tells).kill()

    # What lies in a runtime directory goes with a log-out, or an eager tmp cleaner.

    def lose_runtime_here(self):
        shutil.rmtree(self._stage.iris.folder / "r" / "iris", ignore_errors=True)
        return self._lasts(0, 1)

    def lose_runtime_there(self):
        uid = self._chance.choice(self._stage.users).uid
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
        self._stage.configure(older=True)
        return self.kill_coordinator() + "; " + _kill(self._everywhere(is_agent), self._chance)

    def upgrade_agent(self):
        self._stage.configure(older=False)
        return self.kill_coordinator()

    # Disks.

    def fill_disk(self):
        """That of the host's agent: no room, or no inodes."""
        take = self._chance.choice([self._stage.disk.take_room, self._stage.disk.take_inodes])
        take()
        lasted = self._lasts(0.05, 4)
        self._stage.disk.give_back()
        return f"{take.__name__} {lasted}"

    def fill_store(self):
        """That of the coordinator's store: nothing, or so little that only what is small can be written."""
        disk, leave = self._stage.store_disk, self._chance.choice([0, 0, 4, 12, 40, 200, 1000]) << 10
        disk.take_room(leave)
        lasted = self._lasts(0.02, 3)
        killed = ""
        if self._chance.random() < 0.25:
            killed = "; " + _kill(self._here(is_coordinator), self._chance) + self._lasts(0, 1)
        disk.give_back()
        if killed:
            self._stage.iris.wait_for_status(lambda s: self._enough.is_set() or _is_up(s), timeout=60)
        return f"but for {leave >> 10} KiB, {lasted}{killed}"
