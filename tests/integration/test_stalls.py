"""Why nothing seems to happen: `iris status` and `team_status` name it, on this machine and on a host."""

import json

import pytest

from integration.mcp_client import McpClient


@pytest.fixture(autouse=True)  # So it outlives `iris`, which ends its agents through it.
def server(own_sshd):
    return own_sshd


def stalls(status):
    return {s["to"]: s["stall"] for s in status["sessions"]}


def test_a_tell_that_stands_still_says_what_it_waits_for(iris, server, remote_user):
    teams = {name: iris.local_team() for name in ("model", "tool", "text", "quick")}
    iris.write_config({"teams": teams | {"gpu": server.team(remote_user)}})
    for team, words in (("model", "HANG"), ("tool", "TOOL 300"), ("text", "BLOCKS 1\nWAIT 300"), ("gpu", "TOOL 300"),
                        ("quick", "SLOW 40")):
        iris.start_tell(team, words)
    # All at once: it takes 10 s until a silence is unusual. Before that a link that still comes up is what they wait for.
    status = iris.wait_for_status(lambda s: len(s.get("sessions", [])) == 5 and
                                  all(stalls(s)[t] and "is away" not in stalls(s)[t]
                                      for t in ("model", "tool", "text", "gpu")))
    said = stalls(status)
    assert said["model"].startswith("waits for the model (")
    assert said["tool"].startswith("a tool runs (Bash) for ")
    assert said["text"].startswith("silent (the text stopped in the middle) for ")
    assert said["gpu"].startswith("a tool runs (Bash) for ")
    assert said["quick"] == ""
    assert f"{iris.caller} to tool: {said['tool'][:20]}" in iris.run("status").stdout

    with McpClient(iris, "quick") as client:
        client.initialize()
        [own] = json.loads(client.call("team_status", fromTeam="quick", team="gpu"))["teams"]
        teams = json.loads(client.call("list_teams"))["teams"]
    assert own["session"] == "none" and "stall" not in own  # What others ask is not quick's to see.
    named = {t["name"]: t.get("stall", "") for t in teams}
    assert named["gpu"].startswith("a tool runs (Bash) for ") and named["quick"] == ""

    server.stop()
    away = iris.wait_for_status(lambda s: "is away" in stalls(s)["gpu"])
    assert stalls(away)["tool"].startswith("a tool runs (Bash) for ")
    server.start_again()
    iris.wait_for_status(lambda s: stalls(s)["gpu"].startswith("a tool runs (Bash) for "))
