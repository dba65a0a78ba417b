"""Runs the programs that ask: tell_loop, one after the other, and tell_load, many at once."""

import json
import subprocess
from typing import NamedTuple

from programs.claude_driver import STREAM_JSON
from testbed import binaries

# As the agent starts it.
CLAUDE_ARGUMENTS = [*STREAM_JSON, "--replay-user-messages"]


def percentile(values, p: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * p / 100))]


def lean_claude():
    return binaries.program("tests/bench/lean_claude")


def _run(program: str, plan: dict, iris, timeout: float) -> dict:
    done = subprocess.run([binaries.program(f"tests/bench/{program}")], input=json.dumps(plan, default=str), cwd=iris.home,
                          env=iris.env, capture_output=True, text=True, timeout=timeout)
    assert done.returncode == 0, f"{program}: {done.stderr}"
    return json.loads(done.stdout)


def loop(iris, lanes: dict, rounds: int, warmup: int = 30, **more) -> dict:
    """{lane's name: [microseconds]} of `rounds` round trips each, in alternation; tell_loop.cc says what a lane is.
    It is asked of `iris`, in whose environment all runs."""
    plan = {"rounds": rounds, "warmup": warmup, "lanes": lanes} | more
    return _run("tell_loop", plan, iris, 120 + (rounds + warmup) * len(lanes))


class Loaded(NamedTuple):
    tells: int
    seconds: float
    micros: list  # Of each answer.

    @property
    def a_second(self) -> float:
        return self.tells / self.seconds


def load(iris, each: int, at_once: int = 100, **asked) -> Loaded:
    """`each` messages to each of `sessions`, [(caller, team)], or of `claudes`, [command], at most `at_once` at a time."""
    told = _run("tell_load", {"each": each, "at_once": at_once} | asked, iris, 900)
    return Loaded(len(told["micros"]), told["seconds"], told["micros"])


def callers(count: int, team: str, name="s") -> list:
    """So many sessions with one team: for load()."""
    return [(f"{name}{number}@bench", team) for number in range(count)]


# Lanes without Iris.

def bare_pipe(**more) -> dict:
    return {"claude": [lean_claude(), *CLAUDE_ARGUMENTS]} | more


def claude_there() -> str:
    """The remote command that starts an account's claude."""
    return " ".join(["exec", "~/.local/bin/claude", *CLAUDE_ARGUMENTS])


def bare_ssh(ssh: list, **more) -> dict:
    """`ssh`: the start of the command line, up to the host."""
    return {"claude": [*ssh, claude_there()]} | more
