"""settings.maxProcesses: no more children than that, and who gives way to whom."""

import pytest

from testbed import processes


@pytest.fixture
def teams(iris):
    """Three local teams, two processes."""
    iris.write_config({"settings": {"maxProcesses": 2},
                       "teams": {name: iris.local_team() for name in ("a", "b", "c")}})


def session(status, team):
    [found] = [s for s in status["sessions"] if s["to"] == team]
    return found


def state(status, team):
    return next((s["state"] for s in status.get("sessions", []) if s["to"] == team), None)


def children(iris):
    return [p for p in iris.processes() if "--input-format" in p.info.cmdline and "keeper" not in p.info.cmdline]


def test_the_session_used_longest_ago_gives_way(iris, teams):
    pids = {team: int(iris.answer(team, "PID")) for team in ("a", "b")}
    assert int(iris.answer("a", "PID")) == pids["a"]
    pids["c"] = int(iris.answer("c", "PID"))
    assert processes.process_info(pids["b"]) is None
    assert processes.process_info(pids["a"]) and processes.process_info(pids["c"])
    assert len(children(iris)) == 2
    assert session(iris.status(), "b")["state"] == "stopped"
    assert iris.answer("b", "COUNT") == "2"  # It resumes where it was.
    assert processes.process_info(pids["a"]) is None


def test_where_all_are_busy_the_tell_waits_and_everybody_can_see_it(iris, teams):
    held = iris.project / "held"
    held.touch()
    slow = iris.start_tell("a", 'TOOL Bash {"command":"while test -e held; do sleep 0.1; done"}')
    slower = iris.start_tell("b", "SLOW 600")
    iris.wait_for_status(lambda s: state(s, "a") == state(s, "b") == "busy")
    waits = iris.start_tell("c", "PWD")
    status = iris.wait_for_status(lambda s: state(s, "c") == "waiting")
    assert session(status, "c")["tellsWaiting"] == 1
    assert len(children(iris)) == 2

    held.unlink()
    out, err = waits.communicate(timeout=180)
    assert (waits.returncode, out) == (0, f"{iris.project}\n"), err
    assert slow.wait(60) == 0
    assert slower.poll() is None, "a busy session was put to sleep"
    status = iris.status()
    assert (state(status, "a"), state(status, "b"), state(status, "c")) == ("stopped", "busy", "ready")
    assert len(children(iris)) == 2


def test_many_tells_to_more_teams_than_processes_are_all_answered(iris, teams):
    tells = [(iris.start_tell(team, f"from {i}"), f"ECHO: from {i}\n") for i in range(4) for team in ("a", "b", "c")]
    for tell, expected in tells:
        out, err = tell.communicate(timeout=180)
        assert (tell.returncode, out) == (0, expected), err
    assert len(children(iris)) <= 2
