"""A link that is lost comes back by itself, and says what it does meanwhile."""

import json
import os
import signal

import pytest

from integration.iris_fixtures import only_link
from programs import words
from testbed import processes
from testbed import sshd as daemons
from testbed.waiting import wait_until


@pytest.fixture(autouse=True)  # So it outlives `iris`, which ends its agents through it.
def server(own_sshd):
    return own_sshd


@pytest.fixture
def working(server, iris, remote_user):
    """`gpu` works on a long answer, so that its link is wanted."""
    iris.write_config({"teams": {"gpu": server.team(remote_user)}})
    assert iris.answer("gpu", "hello") == "ECHO: hello"
    iris.start_tell("gpu", "BLOCKS 1\nWAIT 60")
    iris.wait_for_status(lambda s: s["sessions"][0]["answerBytes"] > 0)
    return iris.link()


def wait_for_link(iris, condition, timeout=90):
    return only_link(iris.wait_for_status(lambda s: condition(only_link(s)), timeout))


def is_new(before):
    return lambda link: link["state"] == "up" and link["sshPid"] != before["sshPid"]


def status_text(iris):
    return iris.run("status").stdout


def test_a_link_whose_ssh_is_killed_comes_back_by_itself(iris, working):
    assert working["losses"] == 0
    os.kill(working["sshPid"], signal.SIGKILL)
    link = wait_for_link(iris, is_new(working))
    assert link["losses"] == 1
    assert link["agent"] == working["agent"]
    assert "was lost 1 time and came back" in status_text(iris)


def test_a_message_that_is_under_way_goes_on_by_the_way_that_the_configuration_says_now(server, iris, remote_user, scratch):
    iris.write_config({"teams": {"gpu": server.team(remote_user)}})
    told = iris.start_tell("gpu", "SLOW 3", as_json=True)
    iris.wait_for_status(lambda s: s.get("sessions") and s["sessions"][0]["answerBytes"] > 0)
    server.stop()
    wait_for_link(iris, lambda link: link["state"] != "up")
    folder = scratch / "moved"
    folder.mkdir()
    moved = daemons.Sshd(folder)
    try:
        iris.write_config({"teams": {"gpu": moved.team(remote_user)}})
        assert iris.answer("gpu", "COUNT") == "2"
        answer = json.loads(told.communicate(timeout=60)[0])["answer"]
        assert answer.split() == words.SLOW_TEXT.split()
    finally:
        iris.run("stop", "--agents", "--force")
        moved.stop()


def test_an_ssh_client_that_hangs_is_noticed_and_ended(iris, working):
    os.kill(working["sshPid"], signal.SIGSTOP)
    wait_for_link(iris, lambda link: link["state"] == "suspect")
    link = wait_for_link(iris, is_new(working))
    assert link["losses"] == 1
    assert not processes.process_info(working["sshPid"])


def test_a_host_that_goes_and_comes_is_waited_for(iris, server, working):
    server.stop()
    link = wait_for_link(iris, lambda link: link["state"] == "waiting" and
                         link["failure"]["kind"] == "unreachable")
    assert "refused" in link["failure"]["detail"]
    assert link["retryInMs"] <= 30_000
    server.start_again()
    link = wait_for_link(iris, is_new(working))
    assert link["losses"] == 1
    assert link["agent"] == working["agent"]


@pytest.mark.parametrize("command", ["wake", "takeover"])
def test_who_wakes_or_takes_over_hears_that_the_host_is_away(server, iris, remote_user, command):
    iris.write_config({"teams": {"gpu": server.team(remote_user)}})
    told = iris.start_tell("gpu", "BLOCKS 1\nWAIT 5")
    iris.wait_for_status(lambda s: s.get("sessions") and s["sessions"][0]["answerBytes"] > 0)
    server.stop()
    wait_for_link(iris, lambda link: link.get("failure", {}).get("kind") == "unreachable")
    failed = iris.run(command, "gpu", "--json")
    assert failed.returncode == 1, failed.stdout
    assert json.loads(failed.stdout)["failure"]["kind"] == "unreachable", failed.stdout
    server.start_again()
    out, err = told.communicate(timeout=90)
    assert told.returncode == 0, err
    assert "block 1" in out


def test_a_sleep_by_force_that_does_not_reach_the_host_says_what_goes_on_there(server, iris, working):
    server.stop()
    wait_for_link(iris, lambda link: link.get("failure", {}).get("kind") == "unreachable")
    failed = iris.run("sleep", "gpu", "--force")
    assert failed.returncode == 1, failed.stdout
    assert ", which the team may have, goes on, and can be cancelled by its id" in failed.stderr, failed.stderr
    server.start_again()
    iris.wait_for_status(lambda s: s["sessions"][0]["state"] == "busy" and only_link(s)["state"] == "up")


def test_a_link_that_drops_while_nobody_uses_it_is_no_problem(server, iris, remote_user):
    iris.write_config({"teams": {"gpu": server.team(remote_user)}})
    assert iris.answer("gpu", "hello") == "ECHO: hello"
    server.stop()
    wait_for_link(iris, lambda link: link["state"] == "down")
    text = status_text(iris)
    assert "not connected" in text and "fix:" not in text, text
    server.start_again()
    assert iris.answer("gpu", "hello") == "ECHO: hello"


def test_a_key_that_stops_working_blocks_the_link_until_somebody_asks(iris, server, working):
    server.refuse_key()
    os.kill(working["sshPid"], signal.SIGKILL)
    link = wait_for_link(iris, lambda link: link["state"] == "blocked")
    assert link["failure"]["kind"] == "auth"
    assert link["failure"]["fix"] in status_text(iris)
    server.accept_key()

    def is_up_once_asked():  # The first may come too soon after the refused login.
        iris.tell("gpu", "hello", timeout_ms=-1)
        return is_new(working)(iris.link())
    wait_until(is_up_once_asked, 90)
    assert iris.link()["agent"] == working["agent"]


def test_stopping_the_agents_of_wanted_links_does_not_bring_them_back(iris, working):
    done = iris.run("stop", "--agents")
    assert done.returncode == 0, done.stderr
    assert not [p for p in iris.processes() if "iris-agent" in p.info.cmdline]
