"""A configuration that cannot be used: whoever asks hears why, and what runs goes on with the last good one."""

import json

import pytest

from integration.mcp_client import McpClient

IN_FORCE = "the last good one is in force"


@pytest.fixture
def good(iris):
    config = {"teams": {"app": iris.local_team(description="the app"), "web": iris.local_team()}}
    iris.write_config(config)
    return config


def break_config(iris, text="{"):
    iris.config.write_text(text)
    iris.config.chmod(0o600)


def say(client, message):
    return client.call("send_message", toTeam="app", fromTeam="web", message=message)


def test_a_client_starts_lists_the_tools_hears_what_is_wrong_and_heals(iris):
    break_config(iris)
    with McpClient(iris, "web") as client:
        opened = client.initialize()
        assert str(iris.config) in opened["instructions"]
        assert len(client.request("tools/list")["result"]["tools"]) == 10
        for tool, arguments in (("list_teams", {}), ("team_status", {"fromTeam": "web"}),
                                ("send_message", {"toTeam": "app", "fromTeam": "web", "message": "hello"})):
            failure = client.failure(tool, **arguments)
            assert failure.startswith(f"bad_request: {iris.config}:1:"), failure
        iris.write_config({"teams": {"app": iris.local_team(), "web": iris.local_team()}})
        assert say(client, "hello") == "ECHO: hello"
        assert client.notes == []


def test_all_that_is_wrong_is_said_at_once_with_its_line(iris):
    break_config(iris, '{"teams": {\n"app": {"pth": "/x"},\n"web": {"path": "/y", "colour": "red"}},\n"setings": {}}')
    done = iris.run("teams")
    assert done.returncode == 3
    places = [f"{iris.config}:2: teams.app.pth: ", f"{iris.config}:2: teams.app: has no path",
              f"{iris.config}:3: teams.web.colour: ", f"{iris.config}:4: setings: "]
    assert all(place in done.stderr for place in places), done.stderr
    with McpClient(iris) as client:
        client.initialize()
        failure = client.failure("list_teams")
        assert all(place in failure for place in places), failure


def test_while_the_file_is_broken_the_last_good_one_is_in_force_and_every_answer_says_so(iris, good):
    with McpClient(iris, "web") as client:
        assert "app – the app" in client.initialize()["instructions"]
        assert say(client, "hello") == "ECHO: hello"
        assert client.notes == []
        break_config(iris)
        assert say(client, "hello") == "ECHO: hello"
        client.call("list_teams")
        client.failure("send_message", toTeam="nobody", fromTeam="web", message="x")
        assert len(client.notes) == 3
        assert all(IN_FORCE in note and f"{iris.config}:1:" in note for note in client.notes)

        done = iris.tell("app", "hello")
        assert (done.returncode, done.stdout) == (0, "ECHO: hello\n")
        assert f"{iris.config}:1:" in done.stderr and "last good configuration is in force" in done.stderr
        assert "app" in iris.run("teams").stdout
        assert iris.status()["configProblem"]["kind"] == "bad_request"
        assert IN_FORCE in iris.run("status").stdout

        iris.write_config(good)
        client.notes.clear()
        assert say(client, "hello") == "ECHO: hello"
        assert client.notes == []
        assert iris.tell("app", "hello").stderr.startswith("turn: ")
        assert "configProblem" not in iris.status()


def test_a_coordinator_that_is_started_anew_needs_a_file_that_is_right(iris, good):
    assert iris.answer("app", "hello") == "ECHO: hello"
    break_config(iris)
    assert iris.run("stop").returncode == 0
    assert iris.tell("app", "hello").returncode == 3
    iris.write_config(good)
    assert iris.answer("app", "COUNT") == "2"


def test_the_instructions_name_the_team_whose_folder_the_client_works_in(iris):
    iris.write_config({"teams": {"app": {"path": str(iris.project)}, "web": iris.local_team(path=str(iris.folder))}})
    id = json.loads(iris.tell("web", "hello", from_="app", timeout_ms=-1, as_json=True).stdout)["tellId"]
    iris.wait_for_status(lambda status: status["sessions"][0]["state"] == "ready")
    with McpClient(iris, CLAUDE_PROJECT_DIR=str(iris.project)) as client:
        text = client.initialize()["instructions"]
        assert "You are app" in text and "Teams: web" in text and id in text, text
        [send] = [t for t in client.request("tools/list")["result"]["tools"] if t["name"] == "send_message"]
        assert send["_meta"]["anthropic/alwaysLoad"] is True
