"""One agent that two coordinators use, of two people or two IRIS_HOMEs, with one account on a host."""

import json

import pytest

from integration.iris_fixtures import Iris, ended_cleanly


@pytest.fixture
def desk(iris, scratch, sshd, remote_user):
    """Another coordinator; both have the team `gpu` of one account."""
    folder = scratch / "desk"
    folder.mkdir()
    other = Iris(folder)
    for one in (iris, other):
        one.write_config({"teams": {"gpu": sshd().team(remote_user)}})
    with ended_cleanly(other, "the other one"):
        yield other


def test_an_agent_that_works_for_another_coordinator_stays_until_that_is_said_to_be_no_matter(iris, desk):
    assert iris.answer("gpu", "COUNT") == "1"
    told = desk.start_tell("gpu", "BLOCKS 1\nWAIT 300", as_json=True)
    desk.wait_for_status(lambda s: s.get("sessions") and s["sessions"][0]["answerBytes"] > 0)
    working = desk.link()
    assert working["agent"] == iris.link()["agent"]

    stopped = iris.run("stop", "--agents")
    assert stopped.returncode == 1, stopped.stdout
    assert "agents stopped: 0\n" in stopped.stdout and "coordinator stopped\n" in stopped.stdout
    for words in ("permission_denied: agent on ", "1 of team gpu (", "`iris stop --agents --force`"):
        assert words in stopped.stderr, stopped.stderr
    [session] = desk.status()["sessions"]
    assert session["state"] == "busy" and told.poll() is None
    assert desk.link()["agent"] == working["agent"] and desk.link()["losses"] == 0

    assert iris.answer("gpu", "COUNT") == "2"
    stopped = iris.run("stop", "--agents", "--force")
    assert stopped.returncode == 0, stopped.stderr
    assert ": stopped\nagents stopped: 1\n" in stopped.stdout
    assert "and with it 1 open message of other coordinators" in stopped.stdout
    out, _ = told.communicate(timeout=60)
    assert json.loads(out)["failure"]["kind"] == "cancelled", out


def test_an_agent_of_which_others_want_nothing_just_now_is_stopped(iris, desk):
    assert iris.answer("gpu", "COUNT") == "1"
    assert desk.answer("gpu", "COUNT") == "1"
    stopped = iris.run("stop", "--agents")
    assert stopped.returncode == 0, stopped.stderr
    assert desk.answer("gpu", "COUNT") == "2"  # By another life of it; nothing is lost.
