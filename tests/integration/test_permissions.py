"""A team's claude asks before it uses a tool: the request waits, whoever dies, until a person answers it."""

import json
import os
import signal
import uuid

import pytest

from integration.mcp_client import McpClient
from testbed.waiting import wait_until

# The stub's word: asks whether it may run `echo permitted`.
PERMIT = "PERMIT"
ALLOWED = "Using a tool.\n\nTOOL-DONE: permitted"


@pytest.fixture(params=["local", "ssh"])
def team(request, iris, sshd, remote_users):
    entry = iris.local_team() if request.param == "local" else sshd().team(remote_users())
    iris.write_config({"teams": {"app": entry | {"grantPermission": "ask"}}})
    return request.param


def waiting(iris) -> list:
    return json.loads(iris.run("answer", "--json").stdout)["permissions"]


class Asking:
    """A message whose claude has asked."""

    def __init__(self, iris):
        self.iris, self.tell_id = iris, str(uuid.uuid4())
        self.told = iris.start("tell", "app", PERMIT, "--id", self.tell_id, "--json")
        wait_until(lambda: waiting(iris))
        [self.request] = waiting(iris)
        self.status = iris.status()

    def answer(self, *words, id=None):
        return self.iris.run("answer", id or self.request["id"], *words)

    def outcome(self) -> dict:
        return json.loads(self.told.communicate(timeout=120)[0])

    def outcome_later(self) -> dict:
        """Asked for anew, by whoever knows the id."""
        self.told.communicate(timeout=120)
        return json.loads(self.iris.run("tells", self.tell_id, "--wait", "--json").stdout)

    def agent(self) -> int:
        [link] = self.status["links"]
        return link["agent"]["pid"]

    def claude(self) -> int:
        [session] = self.status["sessions"]
        return session["childPid"]


def kill(pid):
    os.kill(pid, signal.SIGKILL)


def test_it_is_shown_and_the_first_answer_counts(iris, team):
    asking = Asking(iris)
    id = asking.request["id"]
    assert asking.request["asks"] == "Bash: echo permitted"
    assert (asking.request["from"], asking.request["to"]) == (iris.caller, "app")
    assert asking.request["tellId"] == asking.tell_id
    assert json.loads(asking.request["input"]) == {"command": "echo permitted"}
    assert f"app asks {iris.caller}: Bash: echo permitted; iris answer {id[:8]} allow|deny" in iris.run("status").stdout
    assert '"command": "echo permitted"' in iris.run("answer", id[:6]).stdout
    [session] = asking.status["sessions"]
    assert session["stall"].startswith("waits for a permission (Bash: echo permitted) for ")

    done = asking.answer("allow", id=id[:6])
    assert (done.returncode, done.stdout) == (0, f"allowed: app asks {iris.caller}: Bash: echo permitted\n"), done.stderr
    assert asking.outcome()["answer"] == ALLOWED
    assert waiting(iris) == []
    late = asking.answer("deny")
    assert late.returncode == 2
    assert "nothing that waits" in late.stderr


def test_what_is_denied_is_told_why_and_another_input_may_be_allowed(iris, team):
    denied = Asking(iris)
    assert denied.answer("deny", "--message", "not on Fridays").returncode == 0
    assert denied.outcome()["answer"] == "Using a tool.\n\nTOOL-DONE: not on Fridays"

    changed = Asking(iris)
    assert changed.answer("allow", "--input", "echo").returncode == 2
    assert changed.answer("allow", "--input", '{"command":"echo else"}').returncode == 0
    assert changed.outcome()["answer"] == "Using a tool.\n\nTOOL-DONE: else"


def test_a_model_that_waits_is_told_what_a_person_can_do(iris, team):
    config = json.loads(iris.config.read_text())
    config["teams"]["me"] = iris.local_team()
    iris.write_config(config)
    with McpClient(iris, "me") as client:
        client.initialize()
        call = client.start_call("send_message", token=1, toTeam="app", fromTeam="me", message=PERMIT)
        wait_until(lambda: waiting(iris))
        [request] = waiting(iris)
        id = request["id"]
        [shown] = json.loads(client.call("team_status", fromTeam="me", team="app"))["teams"]
        assert shown["asksPermission"] == [{"asks": "Bash: echo permitted", "answerWith": f"iris answer {id} allow|deny"}]
        wait_until(lambda: any(f"iris answer {id[:8]} allow|deny" in p["message"] for p in client.progress(1)))
        assert iris.run("answer", id, "allow").returncode == 0
        assert client.result(call) == (ALLOWED, False)


def test_it_waits_for_the_next_coordinator(iris, team):
    asking = Asking(iris)
    kill(asking.status["pid"])
    wait_until(lambda: waiting(iris))
    assert [request["id"] for request in waiting(iris)] == [asking.request["id"]]
    assert asking.answer("allow").returncode == 0
    assert asking.outcome_later()["answer"] == ALLOWED
    assert iris.answer("app", "COUNT") == "2"


def test_it_waits_for_the_link(iris, team):
    asking = Asking(iris)
    [link] = asking.status["links"]
    if team == "ssh":
        kill(link["sshPid"])
        iris.wait_for_status(lambda s: s["links"][0]["losses"] == 1 and s["links"][0]["state"] == "up")
    wait_until(lambda: waiting(iris))
    assert asking.answer("allow").returncode == 0
    assert asking.outcome()["answer"] == ALLOWED


def test_its_agent_dies(iris, team):
    asking = Asking(iris)
    kill(asking.agent())
    outcome = asking.outcome()
    assert outcome["failure"]["kind"] == "permission_denied", outcome
    assert "waited for a permission" in outcome["failure"]["detail"]
    assert outcome["partial"].startswith("Using a tool."), outcome
    assert waiting(iris) == []
    assert iris.answer("app", "COUNT") == "2"


def test_its_claude_dies(iris, team):
    asking = Asking(iris)
    kill(asking.claude())
    outcome = asking.outcome()
    assert outcome["failure"]["kind"] == "child_exited", outcome
    assert outcome["partial"] == "Using a tool."
    assert waiting(iris) == []
    assert iris.answer("app", "COUNT") == "2"


def test_its_message_is_cancelled(iris, team):
    asking = Asking(iris)
    assert iris.run("cancel", asking.tell_id).returncode == 0
    assert asking.outcome()["failure"]["kind"] == "cancelled"
    assert waiting(iris) == []
    assert iris.answer("app", "COUNT") == "2"


def test_a_team_that_is_not_to_ask_is_denied_at_once(iris):
    iris.write_config({"teams": {"app": iris.local_team()}})
    assert "nobody can be asked" in iris.answer("app", PERMIT)


def test_bad_words(iris):
    iris.write_config({"teams": {"app": iris.local_team(grantPermission="yes")}})
    refused = iris.run("teams")
    assert refused.returncode == 3
    assert "teams.app.grantPermission" in refused.stderr and "skipPermissions" in refused.stderr
    iris.write_config({"teams": {"app": iris.local_team()}})
    assert iris.run("answer").stdout == "no permission requests\n"
    for words, code, said in [(["abc", "allow"], 2, "too short"), (["abcd", "allow"], 2, "nothing that waits"),
                              (["abcd", "perhaps"], 2, "perhaps"), (["--message", "x"], 2, "VERDICT")]:
        done = iris.run("answer", *words)
        assert (done.returncode, said in done.stderr) == (code, True), done
