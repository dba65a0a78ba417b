"""A link that is lost comes back by itself, and says what it does meanwhile."""

import os
import signal

import pytest

from integration.iris_fixtures import only_link
from testbed import processes
from testbed import sshd as daemons
from testbed.waiting import wait_until


@pytest.fixture(autouse=True)  # So it outlives `iris`, which ends its agents through it.
def server(scratch):
    """An sshd of this test's own, to be stopped and started."""
    folder = scratch / "sshd"
    folder.mkdir()
    one = daemons.Sshd(folder)
    yield one
    one.stop()


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
