"""What runs on this machine, from /proc. A process is a pid and its start time; pids come again."""

import os
import pathlib
import signal
import time
from typing import NamedTuple


class ProcessInfo(NamedTuple):
    start_time: int  # Clock ticks since boot.
    cmdline: str


class Process(NamedTuple):
    pid: int
    info: ProcessInfo

    def __str__(self):
        return f"{self.pid} {self.info.cmdline}"


def _stat(pid: int) -> list:
    """The fields of /proc/PID/stat after the name: state, ppid, … Empty: no such process."""
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return []


def process_info(pid: int):
    """None: it does not run (or only waits to be reaped)."""
    fields = _stat(pid)
    try:
        cmdline = pathlib.Path(f"/proc/{pid}/cmdline").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return None
    if not fields or fields[0] in "ZX":
        return None
    text = cmdline.rstrip(b"\0").replace(b"\0", b" ").decode(errors="replace")
    return ProcessInfo(int(fields[19]), text)


def started(process: Process) -> float:
    """When, on the clock of time.monotonic()."""
    return process.info.start_time / os.sysconf("SC_CLK_TCK")


def parent(process: Process):
    """None: it has none that runs, or is gone."""
    fields = _stat(process.pid)
    info = process_info(int(fields[1])) if fields else None
    return info and Process(int(fields[1]), info)


def all_pids() -> list:
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]


def _processes(pids) -> list:
    return [Process(pid, info) for pid in pids if (info := process_info(pid))]


def descendants(pid: int) -> list:
    """Children, their children and so on. Not those that were handed to another parent."""
    parents = {child: int(fields[1]) for child in all_pids() if (fields := _stat(child))}
    found, fringe = [], {pid}
    while fringe:
        fringe = {child for child, parent in parents.items() if parent in fringe}
        found += sorted(fringe)
    return _processes(found)


def of_user(uid: int) -> list:
    def belongs(pid):
        try:
            return os.stat(f"/proc/{pid}").st_uid == uid
        except FileNotFoundError:
            return False
    return _processes(filter(belongs, all_pids()))


def _marked(pid: int, folder: str) -> bool:
    def inside(path: str) -> bool:
        return path == folder or path.startswith(folder + "/")
    process = pathlib.Path(f"/proc/{pid}")
    for link in ("cwd", "exe"):
        try:
            if inside(os.readlink(process / link)):
                return True
        except OSError:
            pass
    try:
        environment = (process / "environ").read_bytes().decode(errors="replace").split("\0")
    except OSError:
        return False
    marks = ("HOME=", "IRIS_HOME=")
    return any(entry.startswith(marks) and inside(entry.partition("=")[2]) for entry in environment)


def of_folder(folder) -> list:
    """Processes whose HOME, IRIS_HOME, working directory or program lies in `folder`."""
    return _processes(pid for pid in all_pids() if pid != os.getpid() and _marked(pid, str(folder)))


def catches_interrupts(pid: int) -> bool:
    """An `iris` that does has heard that its message was accepted, and would say so before it goes."""
    with open(f"/proc/{pid}/status") as status:
        [caught] = [int(line.split()[1], 16) for line in status if line.startswith("SigCgt")]
    return bool(caught >> (signal.SIGINT - 1) & 1)


def send(process: Process, number: signal.Signals):
    """A signal for exactly that process, if it is still that one."""
    if process_info(process.pid) == process.info:
        try:
            os.kill(process.pid, number)
        except ProcessLookupError:
            pass


def end(process: Process):
    send(process, signal.SIGKILL)


def end_leftovers(find, patience: float = 20) -> list:
    """Gives what `find` finds `patience` seconds to leave; kills and returns what then remains."""
    deadline = time.monotonic() + patience
    while found := find():
        if time.monotonic() > deadline:
            break
        time.sleep(0.05)
    leftovers = list(found)
    deadline = time.monotonic() + 60
    while found := find():
        assert time.monotonic() < deadline, f"cannot be killed: {list(map(str, found))}"
        for process in found:
            end(process)
        time.sleep(0.05)
    return leftovers
