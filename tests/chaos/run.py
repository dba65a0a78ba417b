#!/usr/bin/python3
"""One chaos run: tells from many clients in many sessions, here and behind ssh, while things break.

Usage (as root, with what `bazel build //...` leaves):
  tests/chaos/run.py [--minutes N | --messages N] [--seed N] [--mix NAME] [--keep FOLDER]
Prints what had happened when, and what does not hold: then the exit code is 1. --keep gets all that the run left.
The line that begins with "chaos-summary " is JSON. tests/chaos/campaign.py runs many."""

import argparse
import itertools
import json
import pathlib
import random
import shutil
import signal
import sys
import threading
import time

if __name__ == "__main__":
    sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from chaos import faults, schedule
from chaos.check import Judge
from chaos.clients import CommandLineClient, Mcp
from chaos.follow import PATIENCE, Collector, Follower
from chaos.stage import THERE, a_stage
from chaos.work import Pair, Work

_BY_COMMAND_LINE = [Pair("cli", "l0"), Pair("cli", "r0"), Pair("l1", "r2"), Pair("l2", "r1")]
_BY_MCP = [[Pair("l0", "l1"), Pair("l0", "r0"), Pair("l0", "r1"), Pair("l0", "r2")],
           [Pair("l1", "r1"), Pair("l1", "r0"), Pair("l1", "l2"), Pair("l1", "l0")],
           [Pair("r0", "r2"), Pair("r0", "r1"), Pair("r0", "l0"), Pair("r0", "l2")]]
# With fewer processes than sessions one is put to sleep for another all the time: most of a run's time is then that of
# claudes that start. One run in so many is like that.
_CROWDED_EVERY, _CROWDED = 4, schedule.SESSIONS - 2
# Of memory, for one process. Both need a few dozen.
RESIDENT_MIB_MAX = {"coordinator": 256, "agent": 192}


class Memory(threading.Thread):
    """The most that a coordinator and an agent ever took."""

    def __init__(self, stage, over: threading.Event):
        super().__init__(daemon=True)
        self.most = {"coordinator": 0, "agent": 0}
        self._stage, self._over = stage, over

    def run(self):
        while not self._over.wait(3):
            for process in self._stage.iris.processes() + self._stage.processes_there():
                for kind, is_kind in (("coordinator", faults.is_coordinator), ("agent", faults.is_agent)):
                    if is_kind(process):
                        self.most[kind] = max(self.most[kind], _most_resident_mib(process.pid))


def _most_resident_mib(pid) -> int:
    try:
        status = pathlib.Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return next((int(line.split()[1]) // 1024 for line in status.splitlines() if line.startswith("VmHWM")), 0)


class Run:
    """The parts of one run on a stage."""

    def __init__(self, stage, seed: int, mix: str, folder):
        iris = stage.iris
        self.stage, self.mix, self.seed = stage, mix, seed
        self.judge = Judge(schedule.FAILURES[mix], schedule.REFUSALS[mix], stage.homes())
        self._enough, self._over = threading.Event(), threading.Event()
        work = Work(seed, mix in schedule.HEAVY)
        self._clients = [CommandLineClient(iris, pair, work, self.judge, self._enough) for pair in _BY_COMMAND_LINE]
        self._clients += [Mcp(iris, pairs, work, self.judge, self._enough) for pairs in _BY_MCP]
        self._around = [CommandLineClient(iris, pair, work, self.judge, self._enough) for pair in _BY_COMMAND_LINE]
        self._last = self._around + [Mcp(iris, pairs, work, self.judge, self._enough) for pairs in _BY_MCP]
        self.schedules = schedule.Schedules(stage, self._clients, mix, seed, self._heard_from_there, self._enough)
        self._follower = Follower(stage, self.judge, folder, self._enough)
        self._collector = Collector(iris, self.judge)
        self.memory = Memory(stage, self._over)
        self.began = self.seconds = 0.0

    def _heard_from_there(self) -> int:
        return sum(self.judge.heard[team] for team in THERE)

    def go(self, seconds=None, messages=0, faults=0):
        """Until `seconds` are over (None: no bound), or so many messages were heard and so many faults have happened,
        among them one of those that the mix is about. Then until every tell is judged, or will never be."""
        # A host that never answered is another matter: a tell to it fails. These go over every link.
        for client in self._around:
            client.say_one()
        self.began = time.monotonic()
        workers = [*self._clients, *self.schedules.threads, self._follower, self._collector, self.memory]
        for worker in workers:
            worker.start()
        while not self._enough.wait(0.1):
            if seconds is not None and time.monotonic() - self.began > seconds:
                self._enough.set()
            if messages and self.judge.heard.total() >= messages and self._have_happened(faults):
                self._enough.set()
        self.seconds = time.monotonic() - self.began
        for thread in self.schedules.threads:
            thread.join()
        self.stage.mend()
        self._wait_until_judged()
        self._say_last_words()
        for worker in workers:
            if error := getattr(worker, "error", None):
                self.judge.find("other", f"{type(worker).__name__} broke: {error!r}")
        self._over.set()
        self._collector.end()
        self._follower.end()
        if self.judge.found:
            self.judge.find("other", "status: " + self.stage.iris.run("status", "--json").stdout)
        assert self.stage.iris.run("stop", "--agents", timeout=120).returncode == 0
        self._follower.read_the_rest()
        died, may = schedule.died(self.judge.failed), schedule.may_fail(self.schedules.counts)
        if died > may:
            self.judge.find("lost", f"{died} tells died with their child or agent; at most {may} were under way")
        for kind, most in self.memory.most.items():
            if most > RESIDENT_MIB_MAX[kind]:
                self.judge.find("other", f"the {kind} took {most} MiB")

    def _have_happened(self, faults) -> bool:
        counts = self.schedules.counts
        return not faults or counts.total() >= faults and bool(schedule.own_faults(self.mix) & counts.keys())

    def _wait_until_judged(self):
        """A tell that nobody heard of is judged at the end only."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline and (any(client.is_alive() for client in self._clients)
                                               or self._collector.is_alive() and self.judge.unheard()):
            time.sleep(0.05)
        for client in self._clients:
            if client.is_alive():
                self.judge.find("lost", f"{type(client).__name__} still waits")

    def _say_last_words(self):
        """After all that, every session answers."""
        if any(client.is_alive() for client in self._clients):
            return
        for told in itertools.chain.from_iterable(client.say_one_each() for client in self._last):
            if told.failure:
                self.judge.find("lost", f"the last tell failed: {told}")

    def summary(self) -> dict:
        judge = self.judge
        return {"mix": self.mix, "seed": self.seed, "messages": judge.judged.total(), "sent": judge.sent,
                "remote": sum(judge.judged[team] for team in THERE),
                "seconds": round(self.seconds, 1), "faults": sum(self.schedules.counts.values()),
                "failed": dict(judge.failed), "lost": judge.counts["lost"], "twice": judge.counts["twice"],
                "order": judge.counts["order"], "other": judge.counts["other"], "looks": self._follower.looks,
                "mib": self.memory.most, "by_fault": dict(self.schedules.counts)}


def run(seed: int, mix: str, keep=None, **until) -> dict:
    """The summary; `found` of it: what does not hold, as sentences. `until`: see Run.go()."""
    with a_stage(seed, _CROWDED if seed % _CROWDED_EVERY == 0 else schedule.SESSIONS) as stage:
        copies = stage.iris.folder / "copies"
        copies.mkdir()
        one = Run(stage, seed, mix, copies)
        try:
            one.go(**until)
        except BaseException as error:
            one.judge.find("other", f"the run broke: {error!r}")
        print(*one.schedules.happened(one.began), *one.judge.found, "chaos-summary " + json.dumps(one.summary()), sep="\n", flush=True)
        if keep:
            _keep(stage, keep)
        return one.summary() | {"found": one.judge.found}


def _keep(stage, folder):
    """Logs, store, journals and transcripts, as they are in the end."""
    for source in (stage.iris.iris_home, *stage.all_homes()):
        shutil.copytree(source, pathlib.Path(folder) / source.name, symlinks=True, dirs_exist_ok=True,
                        ignore=shutil.ignore_patterns("iris-agent*", "claude", "filler"))


def _end_early(*_):
    sys.exit("ended by a signal")


def main() -> int:
    signal.signal(signal.SIGTERM, _end_early)  # Then all that runs is ended, too, and what it left is kept.
    parser = argparse.ArgumentParser()
    parser.add_argument("--minutes", type=float)
    parser.add_argument("--messages", type=int)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1_000_000))
    parser.add_argument("--mix", choices=sorted(schedule.MIXES), default="harmless")
    parser.add_argument("--keep")
    options = parser.parse_args()
    minutes = 1 if options.minutes is None and options.messages is None else options.minutes
    print(f"chaos: seed {options.seed}, mix {options.mix}", flush=True)
    done = run(options.seed, options.mix, options.keep, seconds=minutes and minutes * 60, messages=options.messages or 0)
    return 1 if done["found"] else 0


if __name__ == "__main__":
    sys.exit(main())
