"""`iris stop --agents` reaches the hosts where agents were put, also those that are not linked, or names them."""

import pytest

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
def agent(iris, server, remote_user):
    """The pid of the agent of `gpu`, which an earlier coordinator has put there."""
    iris.write_config({"teams": {"gpu": server.team(remote_user), "here": iris.local_team()}})
    assert iris.answer("gpu", "COUNT") == "1"
    pid = iris.link()["agent"]["pid"]
    assert iris.run("stop").returncode == 0
    assert processes.process_info(pid)
    return pid


def is_gone(pid):
    return wait_until(lambda: processes.process_info(pid) is None, 20)


def test_an_agent_of_an_earlier_coordinator_is_ended_though_its_team_is_gone(iris, server, remote_user, agent):
    iris.write_config({"teams": {"here": iris.local_team()}})
    stopped = iris.run("stop", "--agents")
    assert stopped.returncode == 0, stopped.stderr
    assert f"agent on {remote_user.name}@127.0.0.1:{server.port}: stopped\nagents stopped: 1\n" in stopped.stdout
    assert is_gone(agent)

    before = server.position()
    again = iris.run("stop", "--agents")
    assert again.returncode == 0, again.stderr
    assert again.stdout == "agents stopped: 0\nno coordinator runs\n"
    assert server.connections(remote_user, before) == 0  # It is known that there is none.


def test_a_host_that_is_not_reached_is_named_and_tried_again_next_time(iris, server, remote_user, agent):
    server.stop()
    stopped = iris.run("stop", "--agents")
    assert stopped.returncode == 1, stopped.stdout
    assert "agents stopped: 0\n" in stopped.stdout
    assert f"unreachable: agent on {remote_user.name}@127.0.0.1:{server.port}: " in stopped.stderr
    assert processes.process_info(agent)

    server.start_again()
    assert iris.answer("here", "hello") == "ECHO: hello"  # Another coordinator runs, and has no link to it.
    stopped = iris.run("stop", "--agents")
    assert stopped.returncode == 0, stopped.stderr
    assert "agents stopped: 2\n" in stopped.stdout
    assert is_gone(agent)


def test_where_there_was_never_a_coordinator_none_is_started(iris):
    stopped = iris.run("stop", "--agents")
    assert (stopped.returncode, stopped.stdout) == (0, "no coordinator runs\n"), stopped.stderr


def test_without_a_usable_configuration_it_says_that_agents_may_run(iris, agent):
    iris.config.write_text("{")
    stopped = iris.run("stop", "--agents")
    assert stopped.returncode == 3, stopped.stdout
    assert "agents may run" in stopped.stderr
    iris.write_config({"teams": {"here": iris.local_team()}})
    assert iris.run("stop", "--agents").returncode == 0
    assert is_gone(agent)
