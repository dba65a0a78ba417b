"""An agent from before there was an Upgrade, and a coordinator of today: it is used as it is, which is said, and replaced when
it is idle."""

import json
import os
import signal
import uuid

import pytest

from programs import words
from testbed import binaries

OLD = "agent/iris-agent-before-upgrade"
SLOW = "SLOW 4"


@pytest.fixture(params=["local", "ssh"])
def team(request, iris, scratch, sshd, remote_users):
    """The team `app`, whose host gets the old agent until team.renew()."""
    return Team(iris, scratch, iris.local_team() if request.param == "local" else sshd().team(remote_users()))


class Team:
    def __init__(self, iris, scratch, entry):
        self.iris = iris
        old = binaries.agent_in(scratch / "old", OLD)
        self._teams = {"teams": {"app": entry}}
        iris.write_config({"settings": {"agentBundle": str(old)}} | self._teams)

    def renew(self):
        """The next coordinator brings the agent of today."""
        self.iris.write_config(self._teams)

    def is_asked(self, text=SLOW):
        """A message that it has begun to answer: who waits, its id, and the status."""
        tell_id = str(uuid.uuid4())
        told = self.iris.start("tell", "app", text, "--id", tell_id, "--json")
        return told, tell_id, self.iris.wait_for_status(lambda s: any(x["answerBytes"] for x in s.get("sessions", [])))


def agent_of(status) -> dict:
    [link] = status["links"]
    return link["agent"]


def child_of(status) -> int:
    [session] = status["sessions"]
    return session["childPid"]


def answer_in(outcome: str) -> str:
    return "".join(json.loads(outcome)["answer"].split())


WORDS = words.SLOW_TEXT.replace(" ", "")


def test_it_is_used_as_it_is_and_the_status_says_why(iris, team):
    assert iris.answer("app", "COUNT") == "1"
    agent = agent_of(iris.status())
    assert agent["build"].endswith(" build 0"), agent
    assert "too old" in agent["upgradeRefused"], agent
    assert f"the agent stays {agent['build']}, because it is too old" in iris.run("status").stdout
    assert iris.answer("app", "COUNT") == "2"


@pytest.mark.parametrize("team", ["ssh"], indirect=True)
def test_a_link_that_is_killed(iris, team):
    assert iris.answer("app", "COUNT") == "1"
    before = iris.status()
    iris.run("stop")
    team.renew()  # Both connections offer it the newer build.
    told, _, busy = team.is_asked()
    os.kill(busy["links"][0]["sshPid"], signal.SIGKILL)
    assert answer_in(told.communicate(timeout=90)[0]) == WORDS
    assert iris.answer("app", "COUNT") == "3"
    after = iris.status()
    assert (agent_of(after)["pid"], child_of(after)) == (agent_of(before)["pid"], child_of(before))


def test_a_message_that_is_cancelled(iris, team):
    told, tell_id, _ = team.is_asked("BLOCKS 2\nHANG")
    assert iris.run("cancel", tell_id).stdout == f"{tell_id} is cancelled\n"
    assert json.loads(told.communicate(timeout=90)[0])["failure"]["kind"] == "cancelled"
    assert iris.answer("app", "COUNT") == "2"


def test_a_coordinator_that_is_killed_and_comes_back_with_a_newer_build(iris, team):
    assert iris.answer("app", "COUNT") == "1"
    told, tell_id, before = team.is_asked()
    os.kill(before["pid"], signal.SIGKILL)
    told.kill()
    team.renew()
    assert answer_in(iris.run("tell", "app", SLOW, "--id", tell_id, "--json").stdout) == WORDS
    assert iris.answer("app", "COUNT") == "3"
    after = iris.status()
    assert (agent_of(after)["pid"], child_of(after)) == (agent_of(before)["pid"], child_of(before))
    assert "too old" in agent_of(after)["upgradeRefused"]

    # Nothing runs there any more, and another link comes.
    os.kill(child_of(after), signal.SIGKILL)
    iris.wait_for_status(lambda s: child_of(s) == 0)
    iris.run("stop")
    assert iris.answer("app", "COUNT") == "4"
    last = agent_of(iris.status())
    assert last["pid"] != agent_of(before)["pid"] and last["upgradeRefused"] == "", last
