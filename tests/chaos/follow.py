"""Follows a chaos run while it happens: from time to time it looks at everything, and tells the judge."""

import json
import subprocess
import threading
import time

from chaos import evidence, faults
from chaos.check import Answer, Judge

# When the next look is due; after one that did not succeed, soon.
_HEARD_AT_MOST, _SECONDS_AT_MOST, _SECONDS_AFTER_NONE = 250, 4.0, 0.2
# A tell for which nothing happens for so long will not end any more: the longest fault and the longest answer
# together need a minute.
PATIENCE = 240


class Follower(threading.Thread):
    """From start() to end(). Sets `enough` where the run has nothing more to show."""

    def __init__(self, stage, judge: Judge, folder, enough: threading.Event, found_max=10):
        super().__init__(daemon=True)
        self.looks = 0
        self.error = None
        self._stage, self._judge, self._folder, self._enough = stage, judge, folder, enough
        self._found_max = found_max
        self._over = threading.Event()
        self._order, self._succeeded = 0, True
        self._prompts, self._tool_runs = evidence.Prompts(stage.all_homes()), evidence.ToolRuns(stage.all_homes())

    def run(self):
        try:
            while self._wait_for_more():
                self._look()
        except BaseException as error:
            self.error = error
            self._enough.set()

    def end(self):
        self._over.set()
        self.join()

    def read_the_rest(self):
        """Once nothing runs any more."""
        self._judge.begins_look()
        self._see(self._stage.iris.iris_home)
        self._judge.settle(at_the_end=True)
        checked = evidence.quick_check(self._stage.iris.iris_home)
        if checked != "ok":
            self._judge.find("other", f"the store: {checked}")

    def _wait_for_more(self) -> bool:
        """False: it is over."""
        began, heard = time.monotonic(), self._judge.heard.total()
        patience = _SECONDS_AT_MOST if self._succeeded else _SECONDS_AFTER_NONE
        while not self._over.wait(0.1):
            if time.monotonic() - began > patience or self._judge.heard.total() - heard >= _HEARD_AT_MOST:
                return True
        return False

    def _look(self):
        self._judge.begins_look()
        coordinators = list(filter(faults.is_coordinator, self._stage.iris.processes()))
        self._succeeded = evidence.copy_store(self._stage.iris.iris_home, coordinators, self._folder)
        if not self._succeeded:
            # Clients that all wait for a look start no coordinator, and without one there is no look.
            if not coordinators and self._judge.is_behind():
                self._stage.iris.run("tells", timeout=60)
            return
        self._see(self._folder)
        self._judge.settle()
        self.looks += 1
        if len(self._judge.found) >= self._found_max or self._judge.stuck(PATIENCE):
            self._enough.set()

    def _see(self, folder):
        rows = evidence.read_store(folder, after=self._order)
        self._order = max([self._order, *(row.order for row in rows)])
        self._judge.look(rows)
        for prompt in self._prompts.new():
            self._judge.prompt(prompt)
        for mark in self._tool_runs.new():
            self._judge.tool_ran(mark)


class Collector(threading.Thread):
    """Fetches the answers that nobody waits for any more, as their client would have when it came back."""

    def __init__(self, iris, judge: Judge):
        super().__init__(daemon=True)
        self.error = None
        self._iris, self._judge = iris, judge
        self._over = threading.Event()

    def run(self):
        try:
            while not self._over.wait(0.5):
                self.collect()
        except BaseException as error:
            self.error = error

    def end(self):
        self._over.set()
        self.join()

    def collect(self):
        for tell, tell_id in self._judge.unheard():
            try:
                told = report(self._iris.run("tells", tell_id, "--wait", "--json", timeout=120).stdout)
            except subprocess.TimeoutExpired:
                return self._judge.find("lost", f"{tell.name} ({tell_id}): settled, and nobody can fetch it")
            if told:
                self._judge.hears(tell, told)


def report(stdout):
    """What `iris tell --json` or `iris tells ID --json` said; None: it could not reach the coordinator."""
    if not stdout:
        return None
    said = json.loads(stdout)
    if "tellId" not in said:
        return None
    failure = said.get("failure") or {}
    return Answer(said.get("partial", "") if failure else said["answer"], failure.get("kind", ""), failure.get("detail", ""))
