"""`iris stop --agents` reaches the hosts where agents were put, also those that are not linked, or names them."""

import os
import signal
import uuid

import pytest

from testbed import processes
from testbed.waiting import wait_until


@pytest.fixture(autouse=True)  # So it outlives `iris`, which ends its agents through it.
def server(own_sshd):
    return own_sshd


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


def test_an_agent_that_is_just_being_put_on_a_host_is_ended_too(iris, server, remote_user):
    remote_user.write(".bashrc", "echo >$HOME/begun; while [ ! -e $HOME/go ]; do sleep 0.1; done\n")
    team = server.team(remote_user, remoteOptions={"connectTimeout": 60_000})
    iris.write_config({"teams": {"gpu": team, "here": iris.local_team()}})
    assert iris.run("tell", "gpu", "hello", "--detach").returncode == 0
    assert wait_until(lambda: (remote_user.home / "begun").exists(), 60)
    stopping = iris.start("stop", "--agents")
    # It has begun: whoever waited has heard of it.
    assert wait_until(lambda: "cancelled" in iris.run("tells", "--all", "--json").stdout, 60)
    (remote_user.home / "go").touch()
    out, err = stopping.communicate(timeout=120)
    assert stopping.returncode == 0, out + err
    assert "agents stopped: 1\n" in out
    assert wait_until(lambda: not remote_user.processes(), 20)


def test_an_agent_whose_coordinator_was_killed_before_it_greeted_is_ended_too(iris, server, remote_user):
    team = server.team(remote_user, remoteOptions={"connectTimeout": 60_000})
    iris.write_config({"teams": {"gpu": team, "here": iris.local_team()}})
    assert iris.run("wake", "gpu").returncode == 0  # Its program is there from now on.
    assert iris.run("stop", "--agents").returncode == 0
    wait_until(lambda: not remote_user.processes(), 20)

    assert iris.answer("here", "hello") == "ECHO: hello"
    coordinator = iris.status()["pid"]
    remote_user.write(".bashrc", "echo >$HOME/begun; while [ ! -e $HOME/go ]; do sleep 0.1; done\n")
    iris.start("wake", "gpu")
    wait_until(lambda: (remote_user.home / "begun").exists(), 60)
    os.kill(coordinator, signal.SIGSTOP)  # It is to hear nothing of what is started now.
    (remote_user.home / "go").touch()
    wait_until(lambda: any(" serve" in process.info.cmdline for process in remote_user.processes()), 60)
    os.kill(coordinator, signal.SIGKILL)
    wait_until(lambda: processes.process_info(coordinator) is None, 20)

    stopped = iris.run("stop", "--agents")
    assert stopped.returncode == 0, stopped.stderr
    assert f"agent on {remote_user.name}@127.0.0.1:{server.port}: stopped\n" in stopped.stdout
    wait_until(lambda: not remote_user.processes(), 20)

    before = server.position()
    assert iris.run("stop", "--agents").stdout == "agents stopped: 0\nno coordinator runs\n"
    assert server.connections(remote_user, before) == 0


def test_an_attempt_that_no_host_answered_is_remembered_by_nobody(iris, server, remote_user):
    iris.write_config({"teams": {"gpu": server.team(remote_user), "here": iris.local_team()}})
    server.stop()
    assert iris.failure("gpu")["kind"] == "unreachable"
    assert iris.answer("here", "hello") == "ECHO: hello"
    assert iris.run("stop").returncode == 0
    stopped = iris.run("stop", "--agents")
    assert stopped.returncode == 0, stopped.stderr


def test_what_a_variable_in_the_way_stands_for_is_in_no_file(iris, server, remote_user):
    canary = f"canary-{uuid.uuid4()}"
    team = server.team(remote_user)
    team["remote"] += " -o SetEnv=IRIS_T_TOKEN=${IRIS_T_TOKEN}"
    iris.write_config({"teams": {"gpu": team, "here": iris.local_team()}})
    token = {"IRIS_T_TOKEN": canary}
    done = iris.run("tell", "gpu", "hello", env=token)
    assert done.returncode == 0, done.stderr
    assert iris.run("stop", env=token).returncode == 0
    assert [str(path) for path in iris.folder.rglob("*") if path.is_file() and not path.is_symlink()
            and canary.encode() in path.read_bytes()] == []

    iris.write_config({"teams": {"here": iris.local_team()}})
    lacking = iris.run("stop", "--agents")
    assert lacking.returncode == 1, lacking.stdout
    assert "IRIS_T_TOKEN is not set" in lacking.stderr
    assert remote_user.processes()
    stopped = iris.run("stop", "--agents", env=token)
    assert stopped.returncode == 0, stopped.stderr
    assert "agents stopped: 1\n" in stopped.stdout
    assert wait_until(lambda: not remote_user.processes(), 20)


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


def test_an_agent_that_greeted_and_could_not_be_used_is_ended_by_any_way(iris, sshd, remote_user):
    server = sshd("AllowStreamLocalForwarding no")
    iris.write_config({"teams": {"gpu": server.team(remote_user, remoteOptions={"linkMode": "forward"})}})
    assert iris.tell("gpu", "hello").returncode == 1
    assert remote_user.processes()
    stopped = iris.run("stop", "--agents")
    assert (stopped.returncode, stopped.stderr) == (0, ""), stopped.stderr
    assert "agents stopped: 1" in stopped.stdout, stopped.stdout
    assert wait_until(lambda: not remote_user.processes(), 20)
