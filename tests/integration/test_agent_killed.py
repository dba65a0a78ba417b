"""The agent dies under a running turn: the caller gets the whole answer all the same, once."""

import os
import signal

import pytest

from testbed.waiting import wait_until



@pytest.fixture
def team(iris):
    iris.write_config({"teams": {"app": iris.local_team()}})
    return "app"


def kill_the_agent(iris):
    agents = [process for process in iris.processes() if "iris-agent serve" in process.info.cmdline]
    assert len(agents) == 1, iris.processes()
    os.kill(agents[0].pid, signal.SIGKILL)


def tell_and_kill_the_agent(iris, team, text) -> str:
    tell = iris.start_tell(team, text)
    wait_until(lambda: any(session["state"] == "busy" for session in iris.status()["sessions"]))
    kill_the_agent(iris)
    out, err = tell.communicate(timeout=180)
    assert tell.returncode == 0, out + err
    return out


def test_while_claude_speaks(iris, team):
    assert iris.answer(team, "COUNT") == "1"
    answer = tell_and_kill_the_agent(iris, team, "SLOW 6")
    assert answer.split() == [f"word{number}" for number in range(20)]
    assert iris.answer(team, "COUNT") == "3"


def test_while_a_tool_runs(iris, team):
    assert iris.answer(team, "COUNT") == "1"
    assert tell_and_kill_the_agent(iris, team, "TOOL 6").count("TOOL-DONE") == 1
    assert iris.answer(team, "COUNT") == "3"
