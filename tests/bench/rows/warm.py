"""A warm message, on the shortest way and by ssh: by our own client, by `iris mcp`, and by the MCP SDK."""

import json
import pathlib
import shutil
import subprocess

import pytest

from bench import drive, stage
from bench.figures import Figure, at_most, at_most_floor
from testbed import npm

SDK_LOOP = pathlib.Path(__file__).parents[1] / "sdk_loop.mjs"
TEAMS = ("local", "forward", "stdio")
FLOOR_OF = {"local": "pipe", "forward": "ssh", "stdio": "ssh"}
OWN_MS = {"local": 0.30, "forward": 0.45, "stdio": 0.45}
MCP_FLOORS = {"local": 4, "forward": 3, "stdio": 3}


def _figures_of(lane, floor, goal):
    return [Figure(f"{lane}: p50", "ms", f"{floor}: p50", goal),
            Figure(f"{lane}: p99 / p50", "times", None, at_most(4))]


FIGURES = [
    *(Figure(f"{lane}: {what}", unit) for lane in ("pipe", "ssh") for what, unit in (("p50", "ms"), ("p99 / p50", "times"))),
    *(figure for team in TEAMS for figure in _figures_of(f"own {team}", FLOOR_OF[team], at_most(OWN_MS[team]))),
    *(figure for team in TEAMS
      for figure in _figures_of(f"mcp {team}", FLOOR_OF[team], at_most_floor(MCP_FLOORS[team]))),
    Figure("pipe, by Node: p50", "ms"),
    Figure("sdk local: p50", "ms", "pipe, by Node: p50"),
    Figure("sdk forward: p50", "ms"),
]


def sdk():
    """The folder of the MCP SDK; None: it or Node cannot be had."""
    try:
        return npm.mcp_sdk() if shutil.which("node") else None
    except (Exception, pytest.fail.Exception) as why:  # pylint: disable=broad-except
        print(f"without the SDK: {why}")
        return None


def by_sdk(folder, iris, team, rounds) -> dict:
    """{"sdk": [microseconds], "pipe": [microseconds]} by a program of Node's, in alternation."""
    plan = {"command": str(iris.program), "args": ["mcp"], "env": iris.env, "team": team, "text": "hello",
            "claude": [str(drive.lean_claude()), *drive.CLAUDE_ARGUMENTS], "warmup": 50, "rounds": rounds}
    done = subprocess.run(["node", SDK_LOOP, folder], input=json.dumps(plan), cwd=iris.home, capture_output=True,
                          text=True, timeout=120 + rounds)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def median_ms(micros) -> float:
    return drive.percentile(micros, 50) / 1000


def samples(bench):
    with stage.iris_and_host(bench) as there:
        iris = there.iris
        there.write_config(**{mode: there.team(remoteOptions={"linkMode": mode}) for mode in TEAMS[1:]})
        iris.greet(*TEAMS)
        modes = {link["mode"] for link in iris.status()["links"]}
        assert modes == set(TEAMS), modes  # So that nobody compares one with itself.
        lanes = ({f"own {team}": {"team": team} for team in TEAMS}
                 | {f"mcp {team}": {"team": team, "mcp": [iris.program, "mcp"]} for team in TEAMS}
                 | {"pipe": drive.bare_pipe(), "ssh": drive.bare_ssh(there.ssh)})
        modules = sdk()
        for _ in range(bench.rounds):
            micros = drive.loop(iris, lanes, rounds=bench.count(400))
            sample = {}
            for lane, took in micros.items():
                sample[f"{lane}: p50"] = median_ms(took)
                sample[f"{lane}: p99 / p50"] = drive.percentile(took, 99) / drive.percentile(took, 50)
            if modules:
                local, forward = (by_sdk(modules, iris, team, bench.count(400)) for team in ("local", "forward"))
                sample |= {"pipe, by Node: p50": median_ms(local["pipe"]), "sdk local: p50": median_ms(local["sdk"]),
                           "sdk forward: p50": median_ms(forward["sdk"])}
            yield sample
