#!/usr/bin/python3
"""One chaos run: tells from many clients in many sessions, here and behind ssh, while things break.

Usage (as root, with what `bazel build //...` leaves): tests/chaos/run.py [--minutes N] [--seed N] [--mix NAME]
Exit 1 if anything does not hold; then it prints what, and what had happened when."""

import argparse
import pathlib
import random
import sys
import threading
import time

if __name__ == "__main__":
    sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from chaos import check, faults
from chaos.clients import CommandLineClient, Mcp
from chaos.work import Pair, Work
from integration.far import far_away

_HERE, _THERE = ["l0", "l1"], ["r0", "r1"]
_BY_COMMAND_LINE = [Pair("cli", "l0"), Pair("cli", "r0"), Pair("l1", "r1"), Pair("r1", "r0")]
_BY_MCP = [[Pair("l0", "l1"), Pair("l0", "r0"), Pair("l0", "r1")], [Pair("l1", "l0"), Pair("r0", "r1"), Pair("l1", "r0")]]
# Of memory, for one process. Both need a few dozen.
RESIDENT_MIB_MAX = {"coordinator": 256, "agent": 192}
# How long the last tells may take once nothing breaks any more; a machine may be loaded.
PATIENCE = 300


class Memory(threading.Thread):
    """The most that a coordinator and an agent ever took."""

    def __init__(self, far, over: threading.Event):
        super().__init__(daemon=True)
        self.most = {"coordinator": 0, "agent": 0}
        self._far, self._over = far, over

    def run(self):
        while not self._over.wait(0.5):
            for process in self._far.iris.processes() + self._far.user.processes():
                for kind, is_kind in (("coordinator", faults.is_coordinator), ("agent", faults.is_agent)):
                    if is_kind(process):
                        self.most[kind] = max(self.most[kind], _resident_mib(process.pid))


def _resident_mib(pid) -> int:
    try:
        status = pathlib.Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return next((int(line.split()[1]) // 1024 for line in status.splitlines() if line.startswith("VmRSS")), 0)


def _configure(far):
    iris, folders = far.iris, {}
    for name in _HERE:
        folders[name] = iris.home / name
        folders[name].mkdir()
    teams = {name: {"path": str(folders[name])} for name in _HERE}
    teams |= {name: far.sshd.team(far.user, path=far.user.make_folder(name)) for name in _THERE}
    iris.write_config({"teams": teams, "settings": {"maxProcesses": 8}})


def run(seed: int, mix: str, seconds: float) -> list:
    """What does not hold, as sentences; empty: all is well."""
    with far_away(seed=seed) as far:
        _configure(far)
        # A host that never answered is another matter: a tell to it fails.
        assert far.iris.answer("r0", "hello") == "ECHO: hello"
        work, enough, over = Work(seed), threading.Event(), threading.Event()
        mcp = [Mcp(far.iris, pairs, work, enough) for pairs in _BY_MCP]
        clients = [CommandLineClient(far.iris, pair, work, enough) for pair in _BY_COMMAND_LINE] + mcp
        schedule = faults.Schedule(far, mcp, mix, seed, enough)
        memory = Memory(far, over)
        threads = [*clients, schedule, memory]
        for thread in threads:
            thread.start()
        enough.wait(seconds)
        enough.set()
        schedule.join()
        far.network.mend()
        far.network.set(delay=0, jitter=0, loss=0)
        deadline = time.monotonic() + PATIENCE
        for client in clients:
            client.join(max(0.0, deadline - time.monotonic()))
        over.set()
        memory.join()
        found = [f"{type(thread).__name__} broke: {thread.error!r}" for thread in threads
                 if getattr(thread, "error", None)]
        found += [f"{type(client).__name__} still waits" for client in clients if client.is_alive()]
        if found:
            found.append("status: " + far.iris.run("status", "--json").stdout)
        tells = {tell: told for client in clients for tell, told in client.answers.items()}
        # Nobody waits for some of them any more: those of clients that were killed.
        _wait_until_settled(far.iris, deadline)
        found += _last_words(far.iris, work, tells)
        assert far.iris.run("stop", "--agents", timeout=120).returncode == 0
        homes = [far.iris.home, far.user.home]
        store = check.read_store(far.iris.iris_home)
        found += check.check(tells, [row for row in store if row.text != "hello"], check.read_prompts(homes), check.read_tool_log(homes),
                             faults.FAILURES[mix])
        found += [f"the {kind} took {most} MiB" for kind, most in memory.most.items() if most > RESIDENT_MIB_MAX[kind]]
        failed = sum(row.failure != "" for row in store)
        print(f"chaos: seed {seed}, mix {mix}: {len(tells)} tells, {len(store)} in the store, {failed} failed; "
              f"{len(schedule.happened)} faults; at most {memory.most} MiB")
        if found:
            print(*schedule.happened, *found, sep="\n")
        return found


def _last_words(iris, work, tells) -> list:
    """After all that, every session answers."""
    found = []
    for pair in _BY_COMMAND_LINE + [pair for pairs in _BY_MCP for pair in pairs]:
        tell = work.next(pair)
        done = iris.tell(pair.receiver, tell.text, from_=pair.sender, timeout=120)
        tells[tell] = None
        if done.returncode != 0:
            found.append(f"{pair}: the last tell failed: {done.stderr}")
    return found


def _wait_until_settled(iris, deadline):
    while time.monotonic() < deadline:
        status = iris.status()
        if not any(session["tells_waiting"] or session["state"] == "busy" for session in status["sessions"]):
            return
        time.sleep(0.2)


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--minutes", type=float, default=1)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1_000_000))
    parser.add_argument("--mix", choices=sorted(faults.MIXES), default="harmless")
    options = parser.parse_args()
    print(f"chaos: seed {options.seed}", flush=True)
    return 1 if run(options.seed, options.mix, options.minutes * 60) else 0


if __name__ == "__main__":
    sys.exit(main())
