"""An administrator's limits on processes, open files and file sizes: named, survived, and over when they are raised."""

import contextlib
import json
import os
import subprocess

import pytest

from integration.iris_fixtures import ended_cleanly
from integration.users_iris import UsersIris
from programs import words
from testbed import processes


@pytest.fixture
def iris(scratch, sshd, remote_users):
    """Iris as an ordinary user runs it: local teams `app` and `web`, and `gpu` on a host."""
    one = UsersIris(scratch / "u", remote_users())
    gpu = sshd().team(remote_users())
    one.lend_key(gpu)
    one.write_config({"settings": {"agentBundle": one.older_agent()},
                      "teams": {name: one.local_team() for name in ("app", "web")} | {"gpu": gpu}})
    with ended_cleanly(one):
        yield one


def expect_limit(failure, name, value):
    assert failure["kind"] == "busy_limit", failure
    assert name in failure["fix"] and "report" not in failure["fix"] and "nstall" not in failure["fix"], failure
    assert f"is {value})" in failure["detail"], failure


@contextlib.contextmanager
def limit(iris, pid, which, value):
    """A limit of a process that runs, lowered for a `with`."""
    def prlimit(*options):
        # As its user: root in a container may have no right to.
        return subprocess.run(["prlimit", f"--pid={pid}", *options], check=True, capture_output=True, text=True,
                              user=iris.user.uid, group=iris.user.uid, extra_groups=[]).stdout

    def set_to(soft):
        prlimit(f"--{which}={soft}:")

    before = prlimit(f"--{which}", "--noheadings", "--raw", "--output=SOFT").strip()
    set_to(value)
    try:
        yield
    finally:
        set_to(before)


def open_files(pid):
    return max(map(int, os.listdir(f"/proc/{pid}/fd"))) + 1


def agent_pid(iris):
    [link] = [link for link in iris.status()["links"] if link["key"] == "local"]
    return link["agent"]["pid"]


def expect_alive(iris, pid):
    """That very process, and it works."""
    assert processes.process_info(pid), "it ended"
    assert iris.answer("app", "hello") == "ECHO: hello"
    assert pid in (iris.status()["pid"], agent_pid(iris))


def test_the_coordinator_survives_a_limit_on_processes(iris):
    iris.answer("app", "hello")
    pid = iris.status()["pid"]
    with limit(iris, pid, "nproc", 1):
        expect_limit(iris.failure("gpu"), "ulimit -u", 1)
        expect_alive(iris, pid)
    assert iris.answer("gpu", "hello") == "ECHO: hello"
    expect_alive(iris, pid)


def test_the_coordinator_survives_a_limit_on_open_files(iris):
    iris.answer("app", "hello")
    pid = iris.status()["pid"]
    files = open_files(pid) + 2  # A front end gets in, ssh does not start.
    with limit(iris, pid, "nofile", files):
        expect_limit(iris.failure("gpu"), "ulimit -n", files)
    expect_alive(iris, pid)
    assert iris.answer("gpu", "hello") == "ECHO: hello"


def test_the_agent_survives_a_limit_on_processes(iris):
    iris.answer("app", "hello")
    pid = agent_pid(iris)
    with limit(iris, pid, "nproc", 1):
        expect_limit(iris.failure("web"), "ulimit -u", 1)
        offered = iris.offer_upgrade()
        assert offered.returncode == 1 and "busy_limit" in offered.stderr, offered.stderr
        expect_alive(iris, pid)
    assert iris.answer("web", "hello") == "ECHO: hello"
    assert iris.offer_upgrade().returncode == 0
    expect_alive(iris, pid)  # In place.


def test_the_agent_survives_a_limit_on_open_files(iris):
    iris.answer("app", "hello")
    pid = agent_pid(iris)
    files = open_files(pid) + 2
    with limit(iris, pid, "nofile", files):
        expect_limit(iris.failure("web"), "ulimit -n", files)
        expect_alive(iris, pid)
    assert iris.answer("web", "hello") == "ECHO: hello"


def test_the_limit_of_a_shell_on_the_size_of_files_is_not_that_of_the_coordinator(iris):
    done = iris.run_under(["prlimit", "--fsize=1000000:"], "tell", "app", "BIG 3000000")
    assert done.returncode == 0, done.stderr
    assert done.stdout.removesuffix("\n") == words.big(3000000)


def test_an_answer_beyond_the_hard_limit_on_the_size_of_files_is_a_failure_and_the_coordinator_lives(iris):
    done = iris.run_under(["prlimit", "--fsize=2000000:2000000"], "tell", "gpu", "hello")
    assert done.returncode == 0, done.stderr
    pid = iris.status()["pid"]
    failure = iris.failure("gpu", "BIG 6000000")
    assert failure["kind"] == "storage" and "ulimit -f" in failure["fix"], failure
    assert "is 2000000)" in failure["detail"], failure
    assert iris.answer("gpu", "hello") == "ECHO: hello"
    assert iris.status()["pid"] == pid


@pytest.mark.parametrize("option,name", [("--nproc=1", "ulimit -u"), ("--nofile=8", "ulimit -n")])
def test_what_cannot_even_start_says_why(iris, option, name):
    done = iris.run_under(["prlimit", option], "tell", "app", "hello", "--json")
    assert done.returncode == 1, done.stdout + done.stderr
    failure = json.loads(done.stdout)["failure"]
    assert failure["kind"] == "busy_limit" and name in failure["fix"], failure
