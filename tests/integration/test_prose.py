"""What a caller sends is prose: no text is a command of claude's."""

import json

import pytest

from integration.mcp_client import McpClient

# What the stub lists, as the real one does, and takes for a command at the beginning of a line.
COMMANDS = ["clear", "compact", "context", "init", "login", "review", "usage"]


@pytest.fixture
def teams(iris):
    iris.write_config({"teams": {"app": iris.local_team(), "web": iris.local_team()}})


def test_a_message_that_begins_with_a_commands_name_is_read_by_claude(iris, teams):
    for name in COMMANDS:
        for text in (f"/{name}", f"/{name} returns 500, please look", f"/{name}\nand look"):
            assert iris.answer("app", text) == f"ECHO:  {text}"
    assert iris.answer("app", "COUNT") == str(3 * len(COMMANDS) + 1)


def test_what_is_shown_is_the_senders_own_text(iris, teams):
    done = iris.tell("app", "/clear it", timeout_ms=-1)
    assert done.returncode == 0
    [tell] = json.loads(iris.run("tells", "--json").stdout)["tells"]
    assert tell["message"] == "/clear it"


def test_so_over_mcp(iris, teams):
    with McpClient(iris, "web") as client:
        client.initialize()
        for tool in ("send_message", "ask_message"):
            answer = client.call(tool, toTeam="app", fromTeam="web", message="/clear please")
            assert answer == "ECHO:  /clear please"


def test_a_message_that_is_sent_again_is_the_same_one(iris, teams):
    id = "00000000-0000-4000-8000-000000000001"
    for _ in range(2):
        done = iris.run("tell", "app", "/clear\nCOUNT", "--id", id)
        assert (done.returncode, done.stdout) == (0, "1\n"), done.stderr
