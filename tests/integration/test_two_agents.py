"""Two agents of one account, each with a data directory of its own: what the one runs the other leaves alone."""

import json

import pytest

from testbed import processes


@pytest.fixture
def team_in(sshd, remote_user):
    """team_in(name) is the team `gpu` by way of the agent in that directory."""
    def team(name):
        place = remote_user.make_folder(name)
        place.chmod(0o700)
        return {"gpu": sshd().team(remote_user, remoteOptions={"agentDir": str(place)})}
    return team


def test_the_claude_of_a_living_agent_is_no_survivor(iris, remote_user, team_in):
    iris.write_config({"teams": team_in("d1")})
    assert iris.answer("gpu", "COUNT") == "1"
    first = iris.link()["agent"]["pid"]
    [session] = iris.status()["sessions"]
    claude = session["childPid"]
    go_on = remote_user.home / "go-on"
    told = iris.start_tell("gpu", f"BLOCKS 1\nWAIT {go_on}", as_json=True)
    iris.wait_for_status(lambda s: s["sessions"][0]["answerBytes"] > 0)
    assert iris.run("stop").returncode == 0
    out, _ = told.communicate(timeout=180)
    assert json.loads(out)["failure"]["kind"] == "dropped", "the team goes on"

    iris.write_config({"teams": team_in("d2")})
    for _ in range(2):
        failure = iris.failure("gpu", "COUNT")
        assert failure["kind"] == "wrong_host" and "runs under another agent on " in failure["detail"], failure
    assert iris.link()["agent"]["pid"] != first
    assert iris.run("stop").returncode == 0
    assert processes.process_info(claude) and processes.process_info(first)

    iris.write_config({"teams": team_in("d1")})
    go_on.touch()
    assert iris.answer("gpu", "COUNT") == "3"
    assert iris.link()["agent"]["pid"] == first
    [session] = iris.status()["sessions"]
    assert session["childPid"] == claude, "its conversation went on all the time"


def test_what_one_agent_was_given_is_not_given_to_the_other_and_both_are_named(iris, team_in):
    iris.write_config({"teams": team_in("d1")})
    left = iris.run("tell", "gpu", "SLOW 30", "--timeout", -1)
    assert left.returncode == 0, left.stderr
    iris.wait_for_status(lambda s: any(session["answerBytes"] for session in s["sessions"]))
    assert iris.run("stop").returncode == 0

    iris.write_config({"teams": team_in("d2")})
    told = iris.run("tells", left.stdout.strip(), "--wait")
    assert told.returncode == 1, told.stdout
    assert "wrong_host: " in told.stderr
    assert "/d1 on " in told.stderr and "/d2 now" in told.stderr, told.stderr
