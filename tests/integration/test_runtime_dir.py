"""The directory of the sockets goes: by a log-out and the next log-in, or a cleaner. Iris is found again."""

import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys

import pytest

from chaos.faults import is_coordinator
from integration.test_tells import Gate, tells
from testbed.waiting import wait_until


# Until it is killed, or we are.
_HOLDER = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("PRAGMA locking_mode = EXCLUSIVE")
connection.execute("BEGIN EXCLUSIVE")
print("held", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def runtime(iris):
    return pathlib.Path(iris.env["XDG_RUNTIME_DIR"]) / "iris"


def coordinators(iris):
    return [p.pid for p in iris.processes() if is_coordinator(p)]


def test_the_coordinator_is_found_again_with_its_work_whoever_asks_first(iris, runtime):
    iris.write_config({"teams": {"app": iris.local_team(), "web": iris.local_team()}})
    gate = Gate(iris.folder / "gate")
    told = iris.start_tell("app", gate.message)
    pid = iris.wait_for_status(lambda s: any(x["answerBytes"] for x in s.get("sessions", [])))["pid"]
    [id] = tells(iris)
    for ask in (lambda: iris.status()["pid"] == pid,
                lambda: id in tells(iris),
                lambda: iris.answer("web", "PWD") == str(iris.project)):
        shutil.rmtree(runtime)
        assert ask()
        assert coordinators(iris) == [pid]
    shutil.rmtree(runtime)
    gate.touch()
    out, err = told.communicate(timeout=60)
    assert out.removesuffix("\n") == gate.answer, err
    stopped = iris.run("stop")
    assert "coordinator stopped" in stopped.stdout, stopped
    assert coordinators(iris) == []
    assert iris.run("status").stdout.startswith("no coordinator runs")
    # The agent looks every few seconds, too, and the next coordinator finds it.
    wait_until(lambda: any(runtime.rglob("agent.sock")))
    assert iris.answer("web", "PWD") == str(iris.project)


def test_whoever_holds_the_store_is_named(iris):
    iris.write_config({"teams": {"app": iris.local_team()}})
    assert iris.answer("app", "COUNT") == "1"
    assert iris.run("stop").returncode == 0
    with subprocess.Popen([sys.executable, "-c", _HOLDER, iris.iris_home / "iris.db"],
                          stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        try:
            assert holder.stdout.readline() == b"held\n"
            refused = iris.run("tells")
        finally:
            holder.kill()
    assert refused.returncode != 0 and f"locked by pid {holder.pid}" in refused.stderr, refused
    assert iris.run("tells").returncode == 0


def test_what_ssh_of_a_killed_coordinator_leaves_is_swept(iris, runtime, sshd, remote_user):
    iris.write_config({"teams": {"gpu": sshd().team(remote_user)}})
    assert iris.answer("gpu", "COUNT") == "1"

    def of_ssh():
        return {p for p in runtime.rglob("*") if re.fullmatch("[cfl][0-9a-f]{8}", p.name)}
    status = iris.status()
    left = of_ssh()
    assert left
    ssh, coordinator = status["links"][0]["sshPid"], status["pid"]
    # Stopped first: else it cleaned up behind its ssh, or ssh behind itself.
    for victim, how in ((coordinator, signal.SIGSTOP), (ssh, signal.SIGKILL), (coordinator, signal.SIGKILL)):
        os.kill(victim, how)
    assert iris.answer("gpu", "COUNT") == "2"
    assert not of_ssh() & left
