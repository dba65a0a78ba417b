"""A `claude` that is a wrapper and sets CLAUDE_CONFIG_DIR itself, as people with two accounts have it: its transcripts
are not where the agent looks for them."""

import os
import signal

import pytest

from testbed.waiting import wait_until


@pytest.fixture
def team(iris):
    wrapper = iris.home / "claude-work"
    wrapper.write_text(f'#!/bin/sh\nexport CLAUDE_CONFIG_DIR={iris.home}/work\nexec {iris.folder}/bin/claude "$@"\n')
    wrapper.chmod(0o755)
    iris.write_config({"teams": {"app": iris.local_team(claudePath=str(wrapper))}})
    return "app"


def test_its_conversation_goes_on_after_each_sleep(iris, team):
    for number in range(1, 4):
        assert iris.answer(team, "COUNT") == str(number)
        assert iris.run("sleep", team).returncode == 0


def test_its_conversation_goes_on_with_another_agent(iris, team):
    assert iris.answer(team, "COUNT") == "1"
    assert iris.run("stop", "--agents").returncode == 0
    assert iris.answer(team, "COUNT") == "2"


def test_what_it_may_have_got_from_an_agent_that_was_killed_is_ambiguous_and_runs_once(iris, team):
    assert iris.answer(team, "COUNT") == "1"
    status = iris.status()
    [session] = status["sessions"]
    [link] = status["links"]
    ran = iris.home / "ran"
    os.kill(session["childPid"], signal.SIGSTOP)
    try:
        told = iris.start_tell(team, f'TOOL Bash {{"command":"echo ran >> {ran}"}}')
        wait_until(lambda: "claude has the message" in iris.run("tells", "--json").stdout, 60)
        os.kill(link["agent"]["pid"], signal.SIGKILL)
    finally:
        os.kill(session["childPid"], signal.SIGCONT)
    out, err = told.communicate(timeout=180)
    assert told.returncode == 1 and "ambiguous: " in err, out + err
    wait_until(ran.exists)
    assert iris.answer(team, "COUNT") == "3"
    assert ran.read_text() == "ran\n"
