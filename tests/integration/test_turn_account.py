"""What a turn cost and what it was denied stands beside its answer, wherever that is shown."""

import json
import re

import pytest

from integration.mcp_client import McpClient

PERMIT = "PERMIT"  # The stub's word: wants to run `echo permitted`.
DENIED = "1 use of a tool was denied: Bash: echo permitted."
ASK = '"grantPermission": "ask"'


@pytest.fixture(params=["local", "ssh"])
def team(request, iris, sshd, remote_users):
    entry = iris.local_team() if request.param == "local" else sshd().team(remote_users())
    iris.write_config({"teams": {"gpu": entry, "web": iris.local_team()}})


def test_a_denied_tool_is_said_with_the_key_that_would_have_asked(iris, team):
    told = iris.tell("gpu", PERMIT)
    assert told.returncode == 0
    assert DENIED in told.stderr and ASK in told.stderr, told.stderr
    outcome = json.loads(iris.tell("gpu", PERMIT, as_json=True).stdout)
    assert outcome["ok"] and outcome["turn"]["denied"] == [{"tool": "Bash", "input": "echo permitted"}]
    assert ASK in outcome["turn"]["deniedFix"]
    again = iris.run("tells", outcome["tellId"])
    assert DENIED in again.stderr and ASK in again.stderr
    assert f"{iris.caller} to gpu: last turn: " in iris.run("status").stdout
    assert DENIED in iris.run("status").stdout and ASK in iris.run("status").stdout
    [session] = iris.status()["sessions"]
    assert session["lastTurn"]["denials"] == 1
    [listed] = [t for t in json.loads(iris.run("tells", "--all", "--json").stdout)["tells"]
                if t["tellId"] == outcome["tellId"]]
    assert listed["turn"] == outcome["turn"]


def test_over_mcp_too(iris, team):
    with McpClient(iris, "web") as client:
        client.initialize()
        result = client.answer(client.start_call("send_message", toTeam="gpu", message=PERMIT))["result"]
        text, note = (block["text"] for block in result["content"])
        assert DENIED in note and ASK in note
        assert result["structuredContent"]["answer"] == text and result["structuredContent"]["note"] == note
        assert result["structuredContent"]["turn"]["denied"] == [{"tool": "Bash", "input": "echo permitted"}]
        [shown] = json.loads(client.call("team_status", team="gpu"))["teams"]
        assert shown["lastTurn"]["denials"] == 1


def test_what_a_person_denied_is_no_matter_of_the_configuration(iris):
    iris.write_config({"teams": {"gpu": iris.local_team(grantPermission="ask")}})
    told = iris.start("tell", "gpu", PERMIT)
    status = iris.wait_for_status(lambda s: any(x["permissions"] for x in s.get("sessions", [])))
    assert iris.run("answer", status["sessions"][0]["permissions"][0]["id"], "deny").returncode == 0
    _, err = told.communicate(timeout=60)
    assert DENIED in err and ASK not in err, err


def test_each_turn_costs_what_it_cost_and_not_what_its_claude_has_spent_by_now(iris, team):
    costs = []
    for _ in range(3):
        told = iris.tell("gpu", 'TOOL Bash {"command":"true"}')
        assert re.search(r"^turn: [\d.]+ s, 1 tool, \$0\.0005, 10 tokens in, 25 out$", told.stderr, re.M), told.stderr
        outcome = json.loads(iris.tell("gpu", "hello", as_json=True).stdout)
        costs.append(outcome["turn"]["costUsd"])
        assert outcome["turn"]["tools"] == 0 and outcome["turn"]["seconds"] >= 0
    assert costs == [0.00054] * 3
    # Another coordinator, and another claude, go on with that.
    assert iris.run("stop").returncode == 0
    assert json.loads(iris.tell("gpu", "hello", as_json=True).stdout)["turn"]["costUsd"] == 0.00054
    assert iris.tell("gpu", "CRASH 3").returncode == 1
    assert json.loads(iris.tell("gpu", "hello", as_json=True).stdout)["turn"]["costUsd"] == 0.00054


def test_a_failed_turn_has_its_cost_too(iris, team):
    outcome = json.loads(iris.tell("gpu", "ISERROR 500", as_json=True).stdout)
    assert outcome["failure"]["kind"] == "claude_error"
    assert outcome["turn"]["costUsd"] == 0.00054
