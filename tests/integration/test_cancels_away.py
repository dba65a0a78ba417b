"""What is cancelled while its host is away: either it ends there once the host is back, or it is not said to be
cancelled."""

import json
import os
import signal

import pytest

from testbed.waiting import wait_until

FOR_EVER = 'TOOL Bash {"command":"while :; do date >>$HOME/ticks; sleep 0.2; done"}'


@pytest.fixture(autouse=True)  # So it outlives `iris`, which ends its agents through it.
def server(own_sshd):
    return own_sshd


def leave(iris, text) -> str:
    left = iris.run("tell", "gpu", text, "--timeout", -1)
    assert left.returncode == 0, left.stderr
    return left.stdout.strip()


def ticks(user) -> int:
    file = user.home / "ticks"
    return file.read_text().count("\n") if file.exists() else 0


def wait_until_it_ticks(user):
    before = ticks(user)
    wait_until(lambda: ticks(user) > before, 60)


def go_away(iris, server):
    server.stop()
    iris.wait_for_status(lambda status: all(
        link["state"] != "up" for link in status["links"] if "gpu" in link["teams"]))


def expect_it_ends(iris, user):
    """The next message is not stuck behind the one that was cancelled, which runs no more."""
    assert iris.answer("gpu", "hello") == "ECHO: hello"
    wait_until(lambda: not [p for p in user.processes() if "ticks" in p.info.cmdline], 60)


def kill_coordinator(iris):
    """As a loss of power does."""
    os.kill(iris.status()["pid"], signal.SIGKILL)


def test_a_sleep_by_force_that_does_not_reach_the_host_loses_no_answer(iris, server, remote_user):
    iris.write_config({"teams": {"gpu": server.team(remote_user)}})
    held = leave(iris, 'TOOL Bash {"command":"touch $HOME/ticks; until test -e $HOME/go; do sleep 0.1; done; echo gone"}')
    wait_until(lambda: (remote_user.home / "ticks").exists(), 60)
    go_away(iris, server)
    slept = iris.run("sleep", "gpu", "--force")
    assert slept.returncode == 1, slept.stdout
    assert f"message {held}, which the team may have, goes on" in slept.stderr, slept.stderr
    remote_user.write("go", "")
    server.start_again()
    answered = iris.run("tells", held, "--wait")
    assert answered.returncode == 0 and "gone" in answered.stdout, answered.stderr


def test_what_a_stop_did_not_reach_is_cancelled_when_the_host_is_back(iris, server, remote_user):
    iris.write_config({"teams": {"gpu": server.team(remote_user)}})
    leave(iris, FOR_EVER)
    wait_until_it_ticks(remote_user)
    go_away(iris, server)
    iris.run("stop", "--agents")
    server.start_again()
    expect_it_ends(iris, remote_user)


@pytest.mark.parametrize("meanwhile", ["elsewhere", "not configured"])
def test_a_cancel_is_for_the_host_that_has_the_message_whatever_is_configured_meanwhile(
        iris, server, remote_users, meanwhile):
    user, other = remote_users(), remote_users()
    here = {"here": iris.local_team()}
    before = {"teams": {"gpu": server.team(user)} | here}
    after = {"teams": {"gpu": server.team(other)} | here if meanwhile == "elsewhere" else here}
    iris.write_config(before)
    left = leave(iris, FOR_EVER)
    wait_until_it_ticks(user)
    go_away(iris, server)
    assert iris.run("cancel", left).returncode == 0
    kill_coordinator(iris)
    iris.write_config(after)
    server.start_again()
    if meanwhile == "elsewhere":
        assert iris.answer("gpu", "COUNT") == "1"
    else:
        assert iris.answer("here", "COUNT") == "1"
    wait_until_it_ticks(user)
    iris.write_config(before)
    expect_it_ends(iris, user)


def test_a_cancel_of_what_a_stopped_agent_has_outlives_the_coordinator_and_says_to_look_first(iris, server, remote_user):
    """The agent reads the message before it hears of the cancel: sent again, it would run twice."""
    iris.write_config({"teams": {"gpu": server.team(remote_user)}})
    assert iris.answer("gpu", "COUNT") == "1"
    agent = iris.link()["agent"]["pid"]
    os.kill(agent, signal.SIGSTOP)
    try:
        left = leave(iris, 'TOOL Bash {"command":"date >>$HOME/ticks"}')
        wait_until(lambda: [tell["state"] for tell in json.loads(iris.run("tells", "--json").stdout)["tells"]
                            if tell["tellId"] == left] == ["running"], 60)
        cancel = iris.start("cancel", left)
        kill_coordinator(iris)
        out, err = cancel.communicate(timeout=60)
        assert cancel.returncode == 0, out + err
    finally:
        os.kill(agent, signal.SIGCONT)
    ended = iris.run("tells", left)
    assert ended.returncode == 1 and ended.stderr.startswith("cancelled: "), ended.stderr
    assert "fix: Look at what the team did before you send the message again." in ended.stderr
    assert iris.answer("gpu", "hello") == "ECHO: hello"
