"""Nobody says who asks: that is the team in whose folder one works, or else the folder itself."""

import json
import socket

import pytest

from integration.mcp_client import McpClient


@pytest.fixture
def folders(iris):
    """app, reached by a link, with web inside it; and notes, which is nobody's."""
    for name in ("data/app/web/css", "notes"):
        (iris.home / name).mkdir(parents=True)
    (iris.home / "app").symlink_to(iris.home / "data/app")
    iris.write_config({"teams": {"app": {"path": str(iris.home / "app"), "description": "the app"},
                                 "web": {"path": str(iris.home / "data/app/web")}, "gpu": iris.local_team()}})
    return iris.home


def works_in(folder) -> dict:
    return {"CLAUDE_PROJECT_DIR": str(folder)}


def pairs(iris):
    return {(session["from"], session["to"]) for session in iris.status().get("sessions", [])}


@pytest.mark.parametrize("folder, caller", [("data/app", "app"), ("app/web/css", "web"), ("data/app/web", "web"),
                                            ("notes", "notes@HOST"), ("nowhere", "nowhere@HOST")])
def test_a_client_is_who_works_in_its_folder(iris, folders, folder, caller):
    caller = caller.replace("HOST", socket.gethostname())
    with McpClient(iris, **works_in(folders / folder)) as client:
        assert f"You are {caller}" in client.initialize()["instructions"]
        assert client.call("send_message", toTeam="gpu", message="COUNT") == "1"
        [team] = json.loads(client.call("team_status", team="gpu"))["teams"]
        assert team["session"] == "ready"
        quick = client.call("quick_message", toTeam="gpu", message="COUNT", fromTeam=caller)
        assert client.call("tell_wait", tellId=quick) == "2"
    assert pairs(iris) == {(caller, "gpu")}
    told = iris.run("tell", "gpu", "COUNT", env=works_in(folders / folder))
    assert told.stdout == "3\n", told.stderr  # One conversation, whichever way it is asked.


def test_the_working_directory_counts_where_claude_says_no_folder(iris, folders):
    told = iris.run("tell", "gpu", "COUNT")
    assert told.stdout == "1\n", told.stderr
    assert pairs(iris) == {(iris.caller, "gpu")}


def test_whoever_starts_a_client_for_a_team_says_so(iris, folders):
    with McpClient(iris, "web", **works_in(folders / "notes")) as client:
        assert "You are web." in client.initialize()["instructions"]
        client.call("send_message", toTeam="gpu", message="hello")
    assert pairs(iris) == {("web", "gpu")}
    with McpClient(iris, "wep") as client:
        client.initialize()
        failure = client.failure("send_message", toTeam="gpu", message="hello")
        assert '"wep"' in failure and "Did you mean web?" in failure
        iris.write_config({"teams": {"wep": iris.local_team(), "gpu": iris.local_team()}})
        assert client.call("send_message", toTeam="gpu", message="hello") == "ECHO: hello"


def test_who_speaks_for_another_is_refused_and_no_team_is_named(iris, folders):
    with McpClient(iris, **works_in(folders / "notes")) as client:
        client.initialize()
        for other in ("app", "web", "cli", "nobody"):
            failure = client.failure("send_message", toTeam="gpu", fromTeam=other, message="hello")
            assert failure.startswith("bad_request: you are notes@") and f'"{other}"' in failure
            assert {"app", "web", "gpu"} & set(failure.replace('"', " ").split()) <= {other}, failure
    for other in ("web", "nobody"):
        told = iris.run("tell", "gpu", "hello", "--from", other, env=works_in(folders / "data/app"))
        assert told.returncode == 2 and f'is app, and not "{other}"' in told.stderr, told.stderr
    assert pairs(iris) == set()


def test_the_command_lines_old_conversations_go_on(iris, folders):
    assert iris.answer("gpu", "COUNT", from_="cli") == "1"
    assert iris.answer("gpu", "COUNT") == "1"
    assert iris.answer("gpu", "COUNT", from_="cli") == "2"
    assert pairs(iris) == {("cli", "gpu"), (iris.caller, "gpu")}


def test_a_client_stays_who_it_was_when_its_coordinator_and_the_configuration_change(iris, folders):
    with McpClient(iris, **works_in(folders / "notes")) as client:
        client.initialize()
        assert client.call("send_message", toTeam="gpu", message="COUNT") == "1"
        config = json.loads(iris.config.read_text())
        config["teams"]["notes"] = {"path": str(folders / "notes")}
        iris.write_config(config)
        assert iris.run("stop").returncode == 0
        assert client.call("send_message", toTeam="gpu", message="COUNT") == "2"
    with McpClient(iris, **works_in(folders / "notes")) as client:
        assert "You are notes." in client.initialize()["instructions"]


@pytest.fixture
def one_folder(iris):
    """coder and reviewer work in it; gpu elsewhere."""
    gpu = iris.home / "gpu"
    gpu.mkdir()
    iris.write_config({"teams": {"coder": iris.local_team(), "reviewer": iris.local_team(),
                                 "gpu": {"path": str(gpu)}}})
    return iris.project


def inside_claude_of(iris, team) -> dict:
    """The environment of what the team's claude starts."""
    [session] = [session for session in iris.status()["sessions"] if session["to"] == team]
    return works_in(iris.project) | {"CLAUDE_CODE_SESSION_ID": session["sessionId"]}


@pytest.mark.parametrize("team, other", [("coder", "reviewer"), ("reviewer", "coder")])
def test_of_teams_with_one_folder_each_ones_claude_speaks_for_itself(iris, one_folder, team, other):
    for name in ("coder", "reviewer"):
        iris.answer(name, "hello", from_="cli")
    inside = inside_claude_of(iris, team)
    assert iris.run("stop").returncode == 0  # The next coordinator knows them too.
    for bound_to in (None, other):
        with McpClient(iris, *filter(None, [bound_to]), **inside) as client:
            assert f"You are {team}." in client.initialize()["instructions"]
            client.call("send_message", toTeam="gpu", message="hello")
            assert f"you are {team}, and cannot speak for" in client.failure(
                "send_message", toTeam="gpu", message="hello", fromTeam=other)
    told = iris.run("tell", "gpu", "COUNT", env=inside)
    assert told.stdout == "3\n", told.stderr
    told = iris.run("tell", "gpu", "COUNT", "--from", other, env=inside)
    assert told.returncode != 0 and f'the claude that asks is {team}, and not "{other}"' in told.stderr, told
    assert pairs(iris) == {("cli", "coder"), ("cli", "reviewer"), (team, "gpu")}


def test_whoever_else_works_in_the_folder_of_two_teams_may_name_either(iris, one_folder):
    with McpClient(iris, **works_in(one_folder)) as client:
        assert "You are coder." in client.initialize()["instructions"]
        assert client.call("send_message", toTeam="gpu", message="COUNT") == "1"
        quick = client.call("quick_message", toTeam="gpu", message="COUNT", fromTeam="reviewer")
        assert client.call("tell_wait", tellId=quick, fromTeam="reviewer") == "1"
        assert "cannot speak for" in client.failure("send_message", toTeam="coder", message="x", fromTeam="gpu")
    told = iris.run("tell", "gpu", "COUNT", "--from", "reviewer", env=works_in(one_folder))
    assert told.stdout == "2\n", told.stderr
    assert pairs(iris) == {("coder", "gpu"), ("reviewer", "gpu")}
