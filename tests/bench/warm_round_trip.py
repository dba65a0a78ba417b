#!/usr/bin/env python3
"""How long a warm team takes to answer, beside the floor. README.md says what is measured.

By hand, as root, after `bazel build //...`:  PYTHONPATH=tests /usr/bin/python3 -m bench.warm_round_trip
"""

import argparse
import contextlib
import json
import pathlib
import subprocess

from integration.iris_fixtures import Iris
from programs.claude_driver import STREAM_JSON
from testbed import binaries, remote_user as accounts
from testbed.scratch import scratch_folder
from testbed.sshd import Sshd

# As the agent starts it.
CLAUDE_ARGUMENTS = [*STREAM_JSON, "--replay-user-messages"]
FLOOR_OF = {"local": "bare pipe", "ssh, forward": "bare ssh", "ssh, stdio": "bare ssh"}


class Lane:
    """What one lane took, in microseconds."""

    def __init__(self, micros: list):
        self._micros = sorted(micros)

    def percentile(self, p: float) -> float:
        return self._micros[min(len(self._micros) - 1, int(len(self._micros) * p / 100))]


@contextlib.contextmanager
def _hosts(folder: pathlib.Path):
    """Two hosts with a stub each: one that forwards sockets and one that refuses to."""
    with contextlib.ExitStack() as cleanup:
        hosts = []
        for name, lines in (("forward", []), ("stdio", ["AllowStreamLocalForwarding no"])):
            own = folder / name
            own.mkdir()
            sshd = Sshd(own, *lines)
            cleanup.callback(sshd.stop)
            hosts.append((sshd, cleanup.enter_context(accounts.user(own))))
        yield hosts


def _lanes(iris: Iris, hosts) -> dict:
    (forward_sshd, forward_user), _ = hosts
    iris.write_config({"teams": {"local": iris.local_team()} | {
        name: sshd.team(user) for name, (sshd, user) in zip(("forward", "stdio"), hosts)}})
    for team in ("local", "forward", "stdio"):
        assert iris.answer(team, "hello") == "ECHO: hello"
        # What runs, so that nobody compares one mode with itself.
        [link] = [link for link in iris.status()["links"] if team in link["teams"]]
        assert link["mode"] == team, link
    over_ssh = " ".join(["exec", "~/.local/bin/claude", *CLAUDE_ARGUMENTS])
    return {"local": {"team": "local"}, "ssh, forward": {"team": "forward"}, "ssh, stdio": {"team": "stdio"},
            "bare pipe": {"command": [str(binaries.claude_stub()), *CLAUDE_ARGUMENTS]},
            "bare ssh": {"command": [*forward_sshd.command(forward_user), over_ssh]}}


def measure(rounds: int, warmup: int = 30) -> dict:
    """{lane's name: Lane}"""
    with scratch_folder() as folder, _hosts(folder) as hosts:
        iris = Iris(folder)
        try:
            plan = {"rounds": rounds, "warmup": warmup, "text": "hello", "lanes": _lanes(iris, hosts)}
            done = subprocess.run([binaries.program("tests/bench/tell_loop")], input=json.dumps(plan), cwd=iris.home,
                                  env=iris.env, capture_output=True, text=True, timeout=60 + rounds)
            assert done.returncode == 0, done.stderr
        finally:
            iris.stop()
    return {name: Lane(micros) for name, micros in json.loads(done.stdout).items()}


def table(lanes: dict) -> str:
    rows = [f"{'lane':14} {'p50 µs':>8} {'p99 µs':>8}   {'p50 / floor':>11}"]
    for name, lane in lanes.items():
        floor = FLOOR_OF.get(name)
        ratio = f"{lane.percentile(50) / lanes[floor].percentile(50):11.2f} × {floor}" if floor else ""
        rows.append(f"{name:14} {lane.percentile(50):8.0f} {lane.percentile(99):8.0f}   {ratio}")
    return "\n".join(rows)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=2000)
    print(table(measure(parser.parse_args().rounds)))
