"""Bounds that are held by hand on a quiet machine: pytest -s tests/bench/check_bounds.py (as root)."""

import concurrent.futures
import os
import pathlib
import signal
import statistics
import subprocess
import time

import pytest

from integration import test_network
from integration.far import far_away
from integration.iris_fixtures import Iris, ended_cleanly
from testbed import processes
from testbed import remote_user as accounts
from testbed import sshd as daemons
from testbed.scratch import scratch_folder

TICKS = os.sysconf("SC_CLK_TCK")
SESSIONS = 1000


@pytest.fixture
def far_iris():
    """(Iris, the entry of a team on a host behind ssh, its account)."""
    with scratch_folder() as folder, accounts.user(folder) as user:
        (folder / "sshd").mkdir()
        sshd = daemons.Sshd(folder / "sshd")
        try:
            with ended_cleanly(Iris(folder)) as iris:
                yield iris, sshd.team(user), user
        finally:
            sshd.stop()


def milliseconds_until_told(iris, team) -> float:
    """From SIGKILL for the team's claude until `iris tell` has printed the failure and ended."""
    told = iris.start_tell(team, "BLOCKS 1\nWAIT 60", as_json=True)
    def pid(status):
        return next((one["childPid"] for one in status.get("sessions", [])
                     if one["to"] == team and one["answerBytes"]), 0)
    claude = pid(iris.wait_for_status(pid))
    began = time.monotonic()
    os.kill(claude, signal.SIGKILL)
    out, _ = told.communicate(timeout=30)
    took = (time.monotonic() - began) * 1000
    assert told.returncode == 1 and '"child_exited"' in out and "block 1" in out, out
    return took


def milliseconds_of_floor() -> float:
    """The same for a bare child, whose parent waits for it and prints a line."""
    with subprocess.Popen(["sh", "-c", "sleep 60 & echo $!; wait $!; echo ended"], stdout=subprocess.PIPE) as shell:
        pid = int(shell.stdout.readline())
        began = time.monotonic()
        os.kill(pid, signal.SIGKILL)
        shell.stdout.read()
        return (time.monotonic() - began) * 1000


def test_a_caller_hears_of_a_dead_child_in_a_tenth_of_a_second(far_iris):
    iris, team, _ = far_iris
    iris.write_config({"teams": {"gpu": team, "here": iris.local_team()}})
    took = {name: [] for name in ("floor", "here", "gpu")}
    for _ in range(11):
        took["floor"].append(milliseconds_of_floor())
        for name in ("here", "gpu"):
            took[name].append(milliseconds_until_told(iris, name))
    print({name: f"{statistics.median(some):.1f} ms, at most {max(some):.1f}" for name, some in took.items()})
    assert statistics.median(took["here"]) <= 100 and statistics.median(took["gpu"]) <= 100


def resident_mib(pid) -> float:
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    return next(int(line.split()[1]) / 1024 for line in status.splitlines() if line.startswith("VmRSS"))


def cpu_seconds(pid) -> float:
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def test_a_thousand_idle_sessions_on_one_link_cost_next_to_nothing(far_iris):
    iris, team, user = far_iris
    names = [f"t{i}" for i in range(40)]
    iris.write_config({"settings": {"maxProcesses": SESSIONS},
                       "teams": {name: team | {"path": user.make_folder(name).as_posix(), "idleTimeout": 3_600_000}
                                 for name in names}})
    pairs = [(a, b) for a in names for b in names if a != b][:SESSIONS]
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        # One who works in a folder of its own is a caller of its own.
        told = list(pool.map(lambda pair: iris.run("tell", pair[1], "hello", timeout=300,
                                                   env={"CLAUDE_PROJECT_DIR": f"/src/{pair[0]}"}), pairs))
    assert {done.stdout for done in told} == {"ECHO: hello\n"}, {done.stderr for done in told}
    [link] = iris.status()["links"]
    [coordinator] = [p.pid for p in iris.processes() if p.info.cmdline.split(" ")[0].endswith("/iris")
                     and " serve" in p.info.cmdline]
    agent = link["agent"]["pid"]
    assert sum(s["state"] == "ready" for s in iris.status()["sessions"]) == SESSIONS
    before = {pid: cpu_seconds(pid) for pid in (coordinator, agent)}
    time.sleep(20)
    used = {pid: (cpu_seconds(pid) - before[pid]) / 20 for pid in before}
    print(f"{SESSIONS} idle sessions: coordinator {resident_mib(coordinator):.0f} MiB, {used[coordinator]:.2%} CPU; "
          f"agent {resident_mib(agent):.0f} MiB, {used[agent]:.2%} CPU")
    assert resident_mib(coordinator) <= 96 and resident_mib(agent) <= 64
    assert used[coordinator] < 0.01 and used[agent] < 0.01
    assert processes.process_info(agent)


def test_a_link_that_returns_takes_ssh_two_round_trips_and_a_tenth_of_a_second():
    with far_away() as far:
        far.iris.answer("gpu", "hello")
        far.network.set(delay=test_network.ROUND_TRIP_MS / 2)
        rounds = [(test_network.seconds_to_connect(far), test_network.seconds_to_reattach(far)) for _ in range(5)]
    connect, reattach = (statistics.median(some) * 1000 for some in zip(*rounds))
    print(f"ssh alone {connect:.0f} ms, to the answer over a link that returned {reattach:.0f} ms")
    assert reattach <= connect + 2 * test_network.ROUND_TRIP_MS + 100
