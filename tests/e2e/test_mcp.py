"""MCP clients that others wrote → `iris mcp` → ssh → the real claude, as an account that is not root."""

import json
import pathlib
import subprocess

import pytest

from programs.claude_driver import Claude, Program
from testbed import npm

SDK_CLIENT = pathlib.Path(__file__).with_name("mcp_client.mjs")


@pytest.fixture
def asker(iris, ssh_team):
    """The team that asks."""
    config = json.loads(iris.config.read_text())
    config["teams"]["asker"] = iris.local_team()
    iris.write_config(config)
    return "asker"


def message(text: str, **more) -> dict:
    return {"toTeam": "there", "message": text} | more


def answer_in(result: dict) -> str:
    """The team's answer in what a real claude's tool has returned: it shows the model structuredContent alone."""
    told = json.loads(result["result"].removeprefix("TOOL-DONE: "))
    assert told["turn"]["costUsd"] >= 0, told
    return told["answer"]


def by_sdk(iris, *calls) -> dict:
    """What the SDK's client heard from `iris mcp` to these (tool, arguments)."""
    plan = {"command": str(iris.program), "args": ["mcp", "--team", "asker"], "env": iris.env,
            "calls": [{"name": name, "arguments": arguments} for name, arguments in calls]}
    done = subprocess.run(["node", SDK_CLIENT, npm.mcp_sdk()], input=json.dumps(plan), cwd=iris.home,
                          capture_output=True, text=True, timeout=180)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""  # The client complains here of what is no MCP.
    return json.loads(done.stdout)


def test_the_sdks_client_gets_the_answer_of_a_real_claude(iris, ssh_team, asker):
    heard = by_sdk(iris,
                   ("send_message", message('TOOL Bash {"command":"id -un"}')),
                   ("ask_message", message("COUNT")),
                   ("list_teams", {}))
    assert heard["server"]["name"] == "iris"
    assert {"send_message", "ask_message", "quick_message", "list_teams", "team_status", "team_wake",
            "team_sleep"} <= {tool["name"] for tool in heard["tools"]}
    sent, asked, teams = [result["content"][0]["text"] for result in heard["results"]]
    assert sent == f"Using a tool.\n\nTOOL-DONE: {ssh_team.user}"
    assert asked == "2"
    assert "there" in teams and "asker" in teams
    assert heard["progress"]


def test_a_failure_reaches_the_sdks_client_as_one(iris, asker):
    [failed] = by_sdk(iris, ("send_message", message("ERR 400")))["results"]
    assert failed["isError"] is True
    assert failed["content"][0]["text"].startswith("claude_error: ")


@pytest.fixture
def start_asker(iris, api, asker, scratch):
    """start_asker(command, *args) is the real claude as a client of the MCP server that this starts."""
    running = []

    def start(command, *args):
        home = scratch / "asker"
        home.mkdir()
        server = {"command": str(command), "args": list(map(str, args)), "env": iris.env}
        running.append(Claude(Program("real", npm.claude(), api.claude_env(), ""), home, iris.project,
                              ["--mcp-config", json.dumps({"mcpServers": {"iris": server}}), "--strict-mcp-config",
                               "--allowedTools", "mcp__iris__send_message"], {"CLAUDE_CODE_TMPDIR": str(home)}))
        return running[-1]
    yield start
    for claude in running:
        claude.kill()


@pytest.fixture
def real_asker(iris, start_asker):
    """The real claude as a client of `iris mcp`."""
    return start_asker(iris.program, "mcp")


def test_a_real_claude_asks_another_one_on_a_host(ssh_team, real_asker):
    asked = message('TOOL Bash {"command":"id -un"}')
    result = real_asker.ask(f"TOOL mcp__iris__send_message {json.dumps(asked)}", timeout=180)
    assert result["is_error"] is False, result
    assert answer_in(result) == f"Using a tool.\n\nTOOL-DONE: {ssh_team.user}"
    init = real_asker.wait_for("system", where=lambda line: line["subtype"] == "init")
    assert {"name": "iris", "status": "connected"}.items() <= init["mcp_servers"][0].items()
    assert real_asker.end() == 0


def test_a_real_claude_that_asks_for_the_stateless_era_falls_back_to_initialize(iris, scratch, start_asker):
    heard, said = scratch / "heard", scratch / "said"
    claude = start_asker("/bin/sh", "-c", 'tee "$0" | "$1" mcp | tee "$2"', heard, iris.program, said)
    result = claude.ask(f"TOOL mcp__iris__send_message {json.dumps(message('hello'))}", timeout=180)
    assert answer_in(result) == "ECHO: hello"
    assert claude.end() == 0

    requests = [r for r in map(json.loads, heard.read_text().splitlines()) if "id" in r]
    answers = {a["id"]: a for a in map(json.loads, said.read_text().splitlines()) if "id" in a}
    discover, initialize = requests[:2]
    assert discover["method"] == "server/discover"
    assert "2026-07-28" in json.dumps(discover["params"])
    refused = answers[discover["id"]]
    assert refused.keys() == {"jsonrpc", "id", "error"}
    assert refused["error"]["code"] == -32601
    assert (initialize["method"], initialize["params"]["protocolVersion"]) == ("initialize", "2025-11-25")
    assert answers[initialize["id"]]["result"]["protocolVersion"] == "2025-11-25"


def test_a_real_claude_is_told_of_a_failure(real_asker):
    result = real_asker.ask(f"TOOL mcp__iris__send_message {json.dumps(message('hello', toTeam='nobody'))}",
                            timeout=180)
    assert "bad_request" in result["result"]
    (returned,) = real_asker.lines("user")
    assert returned["message"]["content"][0]["is_error"] is True


def test_of_teams_with_one_folder_a_real_claude_speaks_for_its_own(iris, api, local_team):
    """What claude says of its conversation to the programs that it starts is what Iris knows it by."""
    iris.write_config({"teams": {"coder": iris.local_team(), "reviewer": iris.local_team(), "gpu": {"path": str(iris.home)}}})
    asks = json.dumps({"command": f"{iris.program} tell gpu hello 2>/dev/null"})
    assert iris.answer("reviewer", f"TOOL Bash {asks}", from_="cli") == "Using a tool.\n\nTOOL-DONE: ECHO: hello"
    pairs = {(session["from"], session["to"]) for session in iris.status()["sessions"]}
    assert pairs == {("cli", "reviewer"), ("reviewer", "gpu")}
