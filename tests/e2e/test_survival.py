"""The main faults, while the real claude works on a message."""

import json
import os
import signal

import pytest

TEXT = "BLOCKS 1\nSLOW {seconds}"


@pytest.fixture
def victims(request):
    """Names of those who are killed in the middle of the answer."""
    return request.param


@pytest.mark.parametrize("victims", [["sshPid"], ["coordinator"], ["agent"], ["agent", "coordinator"]],
                         indirect=True, ids="+".join)
def test_the_answer_arrives_once_and_whole(iris, ssh_team, victims):
    told = iris.start_tell(ssh_team.name, TEXT.format(seconds=6), as_json=True)
    status = iris.wait_for_status(lambda s: any(x["answerBytes"] for x in s.get("sessions", [])), timeout=60)
    [link] = status["links"]
    pids = {"sshPid": link["sshPid"], "agent": link["agent"]["pid"], "coordinator": status["pid"]}
    for victim in victims:
        os.kill(pids[victim], signal.SIGKILL)
    outcome = json.loads(told.communicate(timeout=90)[0])
    assert outcome.get("answer") == iris.answer(ssh_team.name, TEXT.format(seconds=0.1)), outcome
    assert iris.answer(ssh_team.name, "COUNT") == "3"
