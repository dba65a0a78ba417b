"""`iris tell` to teams that the real claude works for."""

import json
import os
import signal

from e2e.conftest import settings
from programs import words


def child(iris) -> int:
    [session] = iris.status()["sessions"]
    return session["childPid"]


def test_a_tell_is_answered_and_the_session_outlives_the_agent(iris, team):
    assert iris.answer(team.name, "hello") == "ECHO: hello"
    assert iris.answer(team.name, "COUNT") == "2"
    assert iris.run("stop", "--agents").returncode == 0
    assert iris.answer(team.name, "COUNT") == "3"


def test_a_long_answer_arrives_byte_exact(iris, ssh_team):
    assert iris.answer(ssh_team.name, "BIGCJK 300000") == words.big_cjk(300_000)


def test_a_tool_runs_there_and_all_text_comes_back(iris, ssh_team):
    answer = iris.answer(ssh_team.name, 'THINK\nTOOL Bash {"command":"id -un"}')
    assert answer == f"Using a tool.\n\nTOOL-DONE: {ssh_team.user}"


def test_a_killed_claude_leaves_its_partial_text_and_the_next_tell_resumes(iris, team):
    assert iris.answer(team.name, "COUNT") == "1"
    told = iris.start_tell(team.name, "BLOCKS 1\nSLOW 30", as_json=True)
    iris.wait_for_status(lambda status: status["sessions"][0]["answerBytes"] > 0)
    os.kill(child(iris), signal.SIGKILL)
    outcome = json.loads(told.communicate(timeout=180)[0])
    assert outcome["failure"]["kind"] == "child_exited"
    assert outcome["partial"] == "block 1\n"
    assert iris.answer(team.name, "COUNT") == "3"


def test_an_api_error_and_a_missing_login_are_failures_of_their_own(iris, api, ssh_team):
    failed = json.loads(iris.tell(ssh_team.name, "ERR 400", as_json=True).stdout)
    assert failed["failure"]["kind"] == "claude_error"
    assert "400" in failed["failure"]["detail"]
    assert "refused again" in failed["failure"]["fix"]

    assert iris.run("stop", "--agents").returncode == 0
    ssh_team.write_settings(settings(api, ANTHROPIC_API_KEY=""))
    failed = json.loads(iris.tell(ssh_team.name, "hello", as_json=True).stdout)
    assert failed["failure"]["kind"] == "claude_not_logged_in"
