"""What the kernel has counted of processes, and what they hold in memory."""

import contextlib
import json
import os
import pathlib
import subprocess
from typing import NamedTuple

from testbed import binaries, processes

TICKS = os.sysconf("SC_CLK_TCK")


def _fields(pid: int, file: str) -> dict:
    """{name: value} of a file with a "name: value" a line."""
    lines = pathlib.Path(f"/proc/{pid}/{file}").read_text().splitlines()
    return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}


class Used(NamedTuple):
    """By one process, in some time."""

    cpu_us: float
    switches: int  # Voluntary: how often a thread had to wait, and was woken up.
    bytes_written: int  # To files, pipes and eventfds; no sendmsg().
    bytes_to_disk: int  # Pages of files that it made dirty.

    def a(self, times: int):
        """Of so many, each."""
        return Used(*(value / times for value in self))


class Counter:
    """Of one process, from construction on."""

    def __init__(self, pid: int):
        self.pid = pid
        self._before = self._totals(), self._switches()

    def used(self) -> Used:
        (before, switches_before), now, switches = self._before, self._totals(), self._switches()
        cpu, *io = (one - other for one, other in zip(now, before))
        # What a thread that has ended meanwhile had counted is lost.
        waited = sum(count - switches_before.get(thread, 0) for thread, count in switches.items())
        return Used(cpu, waited, *io)

    def _totals(self) -> tuple:
        stat = pathlib.Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        io = _fields(self.pid, "io")
        return ((int(stat[11]) + int(stat[12])) / TICKS * 1e6,
                *(int(io[name]) for name in ("wchar", "write_bytes")))

    def _switches(self) -> dict:
        counted = {}
        for thread in os.listdir(f"/proc/{self.pid}/task"):
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                counted[thread] = int(_fields(self.pid, f"task/{thread}/status")["voluntary_ctxt_switches"])
        return counted


def _kib(text: str) -> int:
    return int(text.split()[0]) << 10


def resident(pid: int) -> int:
    return _kib(_fields(pid, "status")["VmRSS"])


def peak(pid: int) -> int:
    """The most that was resident, since it started or forget_peak()."""
    return _kib(_fields(pid, "status")["VmHWM"])


def forget_peak(pid: int):
    pathlib.Path(f"/proc/{pid}/clear_refs").write_text("5")


def own_memory(pid: int) -> int:
    """What would be free without it: pages that nobody shares, and its page tables."""
    rollup = _fields(pid, "smaps_rollup")
    return _kib(rollup["Private_Clean"]) + _kib(rollup["Private_Dirty"]) + _kib(_fields(pid, "status")["VmPTE"])


def children(pid: int) -> list:
    """Their pids, without theirs."""
    return [one.pid for one in processes.descendants(pid) if (parent := processes.parent(one)) and parent.pid == pid]


@contextlib.contextmanager
def system_calls(*pids):
    """Gives a dict, which has {pid: {call: how often, "all": …}} behind the `with`. What runs meanwhile is several times
    slower."""
    counted = {}
    with subprocess.Popen([binaries.program("tests/bench/count_calls"), *map(str, pids)], stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE, text=True) as counter:
        assert counter.stdout.readline() == "counting\n", "it may not trace them: are we root?"
        try:
            yield counted
        finally:
            out, _ = counter.communicate(timeout=60)
    assert counter.returncode == 0
    said = json.loads(out)
    counted.update({pid: said.get(str(pid), {"all": 0}) for pid in pids})
