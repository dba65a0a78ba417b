"""Every command's --json is what docs/iris.schema.json says, also where it fails."""

import json

import pytest

from testbed import json_schema
from testbed.waiting import wait_until


@pytest.fixture(autouse=True)
def teams(iris):
    iris.write_config({"teams": {"app": iris.local_team(), "web": iris.local_team(description="the site"),
                                 "ask": iris.local_team(grantPermission="ask")}})


def reply(iris, schema, *args, code=0) -> dict:
    """What `iris ARGS… --json` says; it says it on stdout alone."""
    done = iris.run(*args, "--json")
    assert done.returncode == code, done.stdout + done.stderr
    assert done.stderr == "", done.stderr
    said = json_schema.check_reply(schema, done.stdout)
    assert said["ok"] == (code == 0), said
    return said


def test_messages(iris):
    assert reply(iris, "tell", "tell", "app", "hello")["answer"] == "ECHO: hello"
    assert reply(iris, "tell", "tell", "app", 'STRUCTURED {"sum":3}')["structured"] == {"sum": 3}
    failed = reply(iris, "tell", "tell", "app", "BLOCKS 1\nCRASH 3", code=1)
    assert failed["partial"] and failed["state"] == "settled"
    assert reply(iris, "tell", "tell", "nobody", "hello", code=2)["failure"]["kind"] == "bad_request"

    late = reply(iris, "tell", "tell", "web", "HANG", "--timeout", "2s", code=4)
    assert late["state"] in ("queued", "running") and late["failure"]["kind"] == "timeout"
    queued = reply(iris, "tell", "tell", "web", "x" * 500, "--detach")
    assert queued["state"] == "queued" and "answer" not in queued
    listed = {tell["tellId"]: tell for tell in reply(iris, "tells", "tells", "--all")["tells"]}
    assert listed[queued["tellId"]]["messageTruncated"] and not listed[late["tellId"]]["messageTruncated"]
    assert listed[failed["tellId"]]["failure"]["kind"] == "child_exited"
    assert reply(iris, "tell", "tells", late["tellId"], code=4)["failure"]["kind"] == "timeout"

    assert reply(iris, "cancel", "cancel", queued["tellId"][:8])["cancelled"]
    again = reply(iris, "cancel", "cancel", queued["tellId"], code=1)
    assert (again["wasSettled"], again["outcome"]) == (True, "cancelled")
    assert "no message" in reply(iris, "cancel", "cancel", "nonsense", code=2)["failure"]["detail"]
    newest = iris.answer("web", "HANG", timeout_ms=-1)
    assert reply(iris, "cancel", "cancel", "--last")["tellId"] == newest
    assert reply(iris, "tell", "tells", "nonsense", code=2)["failure"]["kind"] == "bad_request"


def test_permissions(iris):
    assert reply(iris, "answer", "answer")["permissions"] == []
    told = iris.start_tell("ask", "PERMIT", as_json=True)
    wait_until(lambda: reply(iris, "answer", "answer")["permissions"])
    [request] = reply(iris, "answer", "answer")["permissions"]
    shown = reply(iris, "answer", "answer", request["id"])
    assert not shown["inputTruncated"] and json.loads(shown["input"])
    json_schema.check_reply("status", iris.run("status", "--json").stdout)
    assert reply(iris, "answer", "answer", request["id"], "allow")["wasFirst"]
    out, _ = told.communicate(timeout=120)
    json_schema.check_reply("tell", out)
    assert reply(iris, "answer", "answer", request["id"], "deny", code=2)["failure"]["detail"]


def test_sessions_and_the_coordinator(iris):
    assert reply(iris, "status", "status") == {"schema": 1, "ok": True, "running": False}
    assert reply(iris, "stop", "stop")["wasRunning"] is False
    assert [team["name"] for team in reply(iris, "teams", "teams")["teams"]] == ["app", "ask", "web"]
    assert reply(iris, "version", "version")["version"]
    woken = reply(iris, "wake", "wake", "app")
    assert woken["childPid"] > 0 and not woken["wasReady"]
    assert reply(iris, "wake", "wake", "app")["wasReady"]
    [session] = reply(iris, "status", "status", "app")["sessions"]
    assert session["childPid"] == woken["childPid"]
    assert reply(iris, "wake", "takeover", "app")["childPid"] > 0
    iris.start_tell("app", "HANG")
    iris.wait_for_status(lambda s: s["sessions"][0]["tellInFlight"])
    assert reply(iris, "sleep", "sleep", "app", code=1)["failure"]["kind"] == "busy_limit"
    assert reply(iris, "sleep", "sleep", "app", "--force")["wasRunning"]
    assert reply(iris, "wake", "wake", "nobody", code=2)["team"] == "nobody"
    assert reply(iris, "stop", "stop")["wasRunning"] is True
    stopped = reply(iris, "stop", "stop", "--agents")  # By a coordinator that is started for it.
    assert (stopped["wasRunning"], stopped["agentsStopped"]) == (False, 1)


def test_failures_before_anything_is_asked(iris):
    for args in (["stauts"], ["tell"], ["tells", "--wait"], ["tell", "app", "x", "--timeout", "soon"]):
        assert reply(iris, "tells", *args, code=2)["failure"]["kind"] == "bad_request"
    iris.config.write_text('{"teams": {"app": {"pth": "/e"}}}')
    for args in (["tell", "app", "hello"], ["teams"], ["tells"], ["answer"], ["cancel", "--last"], ["wake", "app"]):
        done = iris.run(*args, "--json")
        assert (done.returncode, done.stderr) == (3, ""), done
        assert json_schema.check_reply("tells", done.stdout)["failure"]["fix"]


def test_the_schema_itself_is_checked():
    schema = json_schema.of_iris()

    def wrong(name, value):
        return list(json_schema.violations(value, schema["$defs"][name], schema))
    good = {"schema": 1, "ok": True, "version": "0.1.0"}
    assert wrong("version", good) == []
    assert wrong("version", good | {"schema": 2})
    assert wrong("version", good | {"ok": 1})
    assert wrong("version", good | {"version_number": 1})
    assert wrong("version", {"schema": 1, "ok": True})
    assert wrong("version", {"schema": 1, "ok": False}), "a failure says why"
    assert wrong("version", good | {"failure": {"kind": "x", "detail": "", "fix": ""}})
    assert wrong("moment", "2026-11-30 00:19:42") and not wrong("moment", "2026-11-30T00:19:42Z")
    assert wrong("tells", {"schema": 1, "ok": True, "tells": [{"tell_id": "x"}]})
    snake = [name for part in schema["$defs"].values() for name in part.get("properties", {}) if "_" in name]
    assert snake == [], "names are in camelCase"
