"""A team's claude may run `iris`, which starts a coordinator and an agent where none runs. They work for others as well, so
they outlive that claude, and what was given to them is done."""

import json
import os
import shlex
import signal

import pytest

from integration.iris_fixtures import Iris, ended_cleanly
from testbed import processes
from testbed.waiting import wait_until


@pytest.fixture
def inner(iris):
    """Another Iris of the same person, with the team `x` on this machine. Nothing of it runs."""
    folder = iris.folder / "inner"
    folder.mkdir()
    one = Iris(folder)
    one.write_config({"teams": {"x": one.local_team()}})
    with ended_cleanly(one, "the inner iris"):
        yield one


def tool(command: str) -> str:
    """A message whose turn runs this in a shell."""
    return f"TOOL Bash {json.dumps({'command': command})}"


def leaves(iris, text: str) -> str:
    """The command of a shell that leaves a message for `x` of this Iris, and prints its id."""
    env = [f"{name}={value}" for name, value in iris.env.items()]
    return shlex.join(["env", *env, str(iris.program), "tell", "x", text, "--detach"])


def ids_in(text: str) -> list:
    return list(dict.fromkeys(word for word in text.split() if len(word) == 36))


def session_of(iris, team) -> dict:
    """Of a team whose claude is at work."""
    def sessions(status):
        return [s for s in status.get("sessions", []) if s["to"] == team and s["tellInFlight"] and s["childPid"]]
    [session] = sessions(iris.wait_for_status(sessions))
    return session


def keeper_of(iris, session: dict) -> int:
    [pid] = [p.pid for p in iris.processes()
             if "iris-agent keeper" in p.info.cmdline and session["sessionId"] in p.info.cmdline]
    return pid


def agent_of(iris) -> int:
    [pid] = [p.pid for p in iris.processes() if "iris-agent serve" in p.info.cmdline]
    return pid


def kill(pid: int):
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: processes.process_info(pid) is None)


def are_below(pid: int, *daemons) -> bool:
    return set(daemons) <= {process.pid for process in processes.descendants(pid)}


def is_gone(pid: int):
    wait_until(lambda: processes.process_info(pid) is None)


def test_a_coordinator_and_an_agent_outlive_the_team_that_has_started_them(iris, inner):
    iris.write_config({"teams": {"l": iris.local_team()}})
    go, end = inner.folder / "go", inner.folder / "end"
    first, second = leaves(inner, f"WAIT {go}\nCOUNT"), leaves(inner, "COUNT")
    turn = iris.start_tell("l", tool(f"{first} && {second}; until test -e {end}; do sleep 0.1; done"))
    keeper = keeper_of(iris, session_of(iris, "l"))
    # Nobody asks the inner Iris before the tool has: whoever is first starts its coordinator.
    wait_until(lambda: [p for p in inner.processes() if "iris-agent keeper" in p.info.cmdline])
    session_of(inner, "x")
    coordinator, agent = inner.status()["pid"], agent_of(inner)
    assert are_below(keeper, coordinator, agent)

    end.touch()
    out, err = turn.communicate(timeout=60)
    assert turn.returncode == 0, out + err
    held, queued = ids_in(out)
    slept = iris.run("sleep", "l")
    assert slept.returncode == 0, slept.stderr
    is_gone(keeper)

    assert (inner.status()["pid"], agent_of(inner)) == (coordinator, agent)
    go.touch()
    assert inner.run("tells", held, "--wait").stdout == "1\n"
    assert inner.run("tells", queued, "--wait").stdout == "2\n"


@pytest.mark.parametrize("agent_too", [False, True], ids=["coordinator", "both"])
def test_those_that_take_the_place_of_killed_ones_outlive_the_team_too(iris, agent_too):
    other = iris.home / "other"
    other.mkdir()
    iris.write_config({"teams": {"l": iris.local_team(), "x": {"path": str(other)}}})
    begun, start, said, end, go = (iris.folder / name for name in ("begun", "start", "said", "end", "go"))
    leave = leaves(iris, f"WAIT {go}\nCOUNT")
    own = iris.answer("l", tool(f"touch {begun}; until test -e {start}; do sleep 0.1; done; "
                                f"{leave} >{said}.new 2>&1; mv {said}.new {said}; "
                                f"until test -e {end}; do sleep 0.1; done"), timeout_ms=-1)
    wait_until(begun.exists)
    keeper = keeper_of(iris, session_of(iris, "l"))
    kill(iris.status()["pid"])
    if agent_too:
        kill(agent_of(iris))
    start.touch()
    wait_until(said.exists)
    [left] = ids_in(said.read_text())
    session_of(iris, "x")
    coordinator, agent = iris.status()["pid"], agent_of(iris)
    assert are_below(keeper, coordinator, *([agent] if agent_too else []))

    end.touch()
    answered = iris.run("tells", own, "--wait")
    assert "TOOL-DONE" in answered.stdout, answered.stderr
    slept = iris.run("sleep", "l")
    assert slept.returncode == 0, slept.stderr
    is_gone(keeper)

    assert (iris.status()["pid"], agent_of(iris)) == (coordinator, agent)
    go.touch()
    assert iris.run("tells", left, "--wait").stdout == "1\n"
