"""The real claude asks before it uses a tool."""

import json
import os
import signal

import pytest

from e2e.conftest import settings
from testbed.waiting import wait_until

# Its own rules let it look, and not write.
WRITES = 'TOOL Bash {"command":"echo written > made-by-tool && cat made-by-tool"}'


def settings_without_rules(api) -> str:
    rules = json.loads(settings(api))
    del rules["permissions"]
    return json.dumps(rules)


@pytest.fixture
def asking_team(iris, api, ssh_team):
    config = json.loads(iris.config.read_text())
    config["teams"][ssh_team.name]["grantPermission"] = "ask"
    iris.write_config(config)
    ssh_team.write_settings(settings_without_rules(api))
    return ssh_team


def tell(iris, team):
    told = iris.start_tell(team.name, WRITES, as_json=True)
    wait_until(lambda: json.loads(iris.run("answer", "--json").stdout)["permissions"])
    [request] = json.loads(iris.run("answer", "--json").stdout)["permissions"]
    assert request["asks"].startswith("Bash: echo written"), request
    return told, request["id"]


def outcome(told) -> dict:
    return json.loads(told.communicate(timeout=90)[0])


def test_what_is_allowed_runs_and_what_is_denied_does_not(iris, asking_team):
    told, id = tell(iris, asking_team)
    assert iris.run("answer", id, "deny", "--message", "not on Fridays").returncode == 0
    assert "not on Fridays" in outcome(told)["answer"]
    told, id = tell(iris, asking_team)
    assert iris.run("answer", id, "allow").returncode == 0
    assert "TOOL-DONE: written" in outcome(told)["answer"]


def test_the_agent_dies_while_it_waits(iris, asking_team):
    told, _ = tell(iris, asking_team)
    [link] = iris.status()["links"]
    os.kill(link["agent"]["pid"], signal.SIGKILL)
    failed = outcome(told)
    assert failed["failure"]["kind"] == "permission_denied", failed
    assert failed["partial"].startswith("Using a tool."), failed
    assert iris.answer(asking_team.name, "COUNT") == "2"


def test_each_turn_of_one_process_has_its_own_denials_and_its_own_cost(iris, api, local_team):
    local_team.write_settings(settings_without_rules(api))
    turns, children = [], set()
    for prompt in (WRITES, WRITES.replace("made-by-tool", "made-again"), "COUNT"):
        told = iris.tell(local_team.name, prompt, as_json=True)
        assert told.returncode == 0, told.stdout
        turns.append(json.loads(told.stdout)["turn"])
        children.add(iris.status()["sessions"][0]["childPid"])
    assert len(children) == 1
    denied = [[tool["input"] for tool in turn.get("denied", [])] for turn in turns]
    assert [len(of_turn) for of_turn in denied] == [1, 1, 0], turns
    assert "made-by-tool" in denied[0][0] and "made-again" in denied[1][0], denied
    first, second, third = [turn["costUsd"] for turn in turns]
    assert first == second > third > 0, turns  # The same work twice, then half of it.
