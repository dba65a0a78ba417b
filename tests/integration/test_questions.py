"""Teams that wait for each other: what would wait for ever is refused, and what is refused is answered all the same."""

import json

import pytest


@pytest.fixture
def ends(iris):
    """Files: a turn with "WAIT ends[team]" ends once there is that one."""
    return {team: iris.folder / f"end_{team}" for team in ("a", "b", "c")}


def in_turns_of(iris, *teams) -> dict:
    """By team: what a program has in its environment in the turn that the team is in."""
    def in_flight(status):
        return {s["to"]: s["sessionId"] for s in status.get("sessions", []) if s["tellInFlight"]}
    status = iris.wait_for_status(lambda s: set(in_flight(s)) >= set(teams))
    return {team: {"CLAUDE_CODE_SESSION_ID": id} for team, id in in_flight(status).items()}


def session(status, team):
    return next((s for s in status.get("sessions", []) if s["to"] == team), None)


def refused(iris, id, turn) -> dict:
    """As what `iris tells ID --wait` fails there."""
    fetched = iris.run("tells", id, "--wait", "--json", env=turn, timeout=60)
    assert fetched.returncode == 1, fetched.stdout + fetched.stderr
    return json.loads(fetched.stdout)["failure"]


def answered(process):
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    return out


def test_an_answer_is_not_waited_for_by_its_id_in_a_turn_that_its_team_waits_for(iris, ends):
    iris.write_config({"teams": {name: iris.local_team() for name in ("a", "b")}})
    iris.says_from = "cli"  # So that all of them are in the same two conversations.
    turn_of_a = iris.start_tell("a", f"WAIT {ends['a']}")
    asked = iris.answer("b", f"WAIT {ends['b']}", timeout_ms=-1)
    turns = in_turns_of(iris, "a", "b")
    back = iris.start("tell", "a", "hello", "--from", "cli", env=turns["b"])
    iris.wait_for_status(lambda s: session(s, "a")["tellsWaiting"] == 1)
    failure = refused(iris, asked, turns["a"])
    assert failure["kind"] == "bad_request", failure
    assert f"iris tells {asked}" in failure["fix"]
    again = iris.run("tell", "b", f"WAIT {ends['b']}", "--id", asked, "--from", "cli", env=turns["a"], timeout=60)
    assert "bad_request: message " + asked in again.stderr, again

    ends["a"].touch()
    answered(turn_of_a)
    assert answered(back) == "ECHO: hello\n"
    ends["b"].touch()
    assert iris.run("tells", asked, "--wait").stdout == f"ECHO: WAIT {ends['b']}\n"


def test_the_last_process_is_not_left_to_a_turn_that_waits_for_an_answer_by_its_id(iris, ends):
    iris.write_config({"settings": {"maxProcesses": 2},
                       "teams": {name: iris.local_team() for name in ("a", "b", "c")}})
    iris.says_from = "cli"
    turn_of_a, turn_of_b = (iris.start_tell(team, f"WAIT {ends[team]}") for team in ("a", "b"))
    turns = in_turns_of(iris, "a", "b")
    asks = iris.start("tell", "c", "hello", "--from", "cli", env=turns["a"])
    iris.wait_for_status(lambda s: session(s, "c") and session(s, "c")["state"] == "waiting")
    sent = iris.answer("c", "again", timeout_ms=-1)
    failure = refused(iris, sent, turns["b"])
    assert failure["kind"] == "busy_limit", failure
    assert f"iris tells {sent}" in failure["fix"]

    ends["b"].touch()
    answered(turn_of_b)
    assert answered(asks) == "ECHO: hello\n"
    assert iris.run("tells", sent, "--wait").stdout == "ECHO: again\n"
    ends["a"].touch()
    answered(turn_of_a)
