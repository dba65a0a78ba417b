"""The real claude asks before it uses a tool."""

import json
import os
import signal

import pytest

from e2e.conftest import settings
from testbed.waiting import wait_until

# Its own rules let it look, and not write.
WRITES = 'TOOL Bash {"command":"echo written > made-by-tool && cat made-by-tool"}'


@pytest.fixture
def asking_team(iris, api, ssh_team):
    config = json.loads(iris.config.read_text())
    config["teams"][ssh_team.name]["grantPermission"] = "ask"
    iris.write_config(config)
    rules = json.loads(settings(api))
    del rules["permissions"]
    ssh_team.write_settings(json.dumps(rules))
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
