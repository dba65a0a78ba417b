"""A coordinator with a newer agent meets an older one at work: it becomes the newer one, and no turn notices."""

import json
import subprocess
import uuid

import pytest

from testbed import binaries, processes

SLOW = "SLOW 5"


@pytest.fixture(params=["local", "ssh"])
def teams(request, iris, scratch, sshd, remote_users):
    """teams(older) configures the team `app`, with the older or the newer build of the agent for its host."""
    entry = iris.local_team() if request.param == "local" else sshd().team(remote_users())
    older = binaries.agent_in(scratch / "older")

    def configure(old, **more):
        settings = {"settings": {"agentBundle": str(older)}} if old else {}
        iris.write_config(settings | {"teams": {"app": entry | more}})
    return configure


def build_of(program) -> str:
    said = subprocess.run([binaries.program(program), "version"], capture_output=True, text=True, check=True)
    return said.stdout.removeprefix("iris-agent ").partition(" handover")[0]


def agent_of(status) -> dict:
    [link] = status["links"]
    return link["agent"]


def test_while_claude_waits_for_a_permission(iris, teams):
    teams(old=True, grantPermission="ask")
    tell_id = str(uuid.uuid4())
    told = iris.start("tell", "app", "PERMIT", "--id", tell_id)
    before = iris.wait_for_status(lambda s: any(x["permissions"] for x in s.get("sessions", [])))
    iris.run("stop")
    told.communicate(timeout=60)
    teams(old=False, grantPermission="ask")
    iris.run("tells")  # Starts the coordinator, which goes on with what is open.
    after = iris.wait_for_status(lambda s: any(x["permissions"] for x in s.get("sessions", [])))
    assert agent_of(after)["build"] == build_of("agent/iris-agent"), after
    assert after["sessions"][0]["permissions"] == before["sessions"][0]["permissions"]
    assert after["sessions"][0]["childPid"] == before["sessions"][0]["childPid"]
    assert "waits for a permission" in after["sessions"][0]["stall"]
    [request] = after["sessions"][0]["permissions"]
    assert iris.run("answer", request["id"], "allow").returncode == 0
    later = iris.run("tells", tell_id, "--wait", "--json")
    assert json.loads(later.stdout)["answer"] == "Using a tool.\n\nTOOL-DONE: permitted"


def test_in_the_middle_of_a_turn(iris, teams):
    teams(old=True)
    assert iris.answer("app", "COUNT") == "1"
    tell_id = str(uuid.uuid4())
    told = iris.start("tell", "app", SLOW, "--id", tell_id)
    before = iris.wait_for_status(lambda s: any(x["answerBytes"] for x in s["sessions"]))
    [session] = before["sessions"]
    assert agent_of(before)["build"] == build_of("agent/iris-agent-older")

    iris.run("stop")
    told.communicate(timeout=60)
    teams(old=False)
    later = iris.run("tell", "app", SLOW, "--id", tell_id, "--json")
    assert "".join(json.loads(later.stdout)["answer"].split()) == "".join(f"word{i}" for i in range(20))

    after = iris.status()
    assert agent_of(after)["build"] == build_of("agent/iris-agent"), after
    assert agent_of(after)["upgradeRefused"] == ""
    assert agent_of(after)["pid"] == agent_of(before)["pid"]
    assert after["sessions"][0]["childPid"] == session["childPid"]
    assert processes.process_info(session["childPid"]) is not None
    assert iris.answer("app", "COUNT") == "3"

    # A coordinator with the older build joins what is there.
    iris.run("stop")
    teams(old=True)
    assert iris.answer("app", "COUNT") == "4"
    assert agent_of(iris.status()) == agent_of(after)
