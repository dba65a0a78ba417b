"""The life of a message beside the one who sent it: asked for later, listed, announced, cancelled."""

import json
import os
import signal
import subprocess

import pytest

from integration.mcp_client import McpClient
from programs import words
from testbed import processes
from testbed.waiting import wait_until


@pytest.fixture(autouse=True)
def teams(iris):
    iris.write_config({"teams": {"app": iris.local_team(), "web": iris.local_team()}})


@pytest.fixture
def client(iris, teams):
    with McpClient(iris, "web") as one:
        one.initialize()
        yield one


@pytest.fixture
def gate(iris):
    """A message that is worked on until `gate.touch()`."""
    return Gate(iris.folder / "gate")


class Gate:
    answer = "Using a tool.\n\nTOOL-DONE: freed"

    def __init__(self, path):
        self.touch = path.touch
        command = f"until [ -e {path} ]; do sleep 0.1; done; echo freed"
        self.message = f"TOOL Bash {json.dumps({'command': command})}"


def tells(iris, *options) -> dict:
    """What `iris tells` lists, by id."""
    done = iris.run("tells", "--json", *options)
    assert done.returncode == 0, done.stderr
    return {tell["tellId"]: tell for tell in json.loads(done.stdout)["tells"]}


def settled(iris, id):
    return wait_until(lambda: tells(iris).get(id, {}).get("state") == "settled")


def detached(iris, text) -> str:
    return iris.answer("app", text, timeout_ms=-1)


def in_flight(iris) -> str:
    status = iris.wait_for_status(lambda s: any(x["tellInFlight"] for x in s.get("sessions", [])))
    return next(x["tellInFlight"] for x in status["sessions"] if x["tellInFlight"])


def kill_coordinator(iris):
    pid = iris.status()["pid"]
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: processes.process_info(pid) is None)


def test_a_client_that_is_killed_finds_its_answer_by_the_id(iris, gate):
    client = iris.start_tell("app", gate.message)
    id = in_flight(iris)
    client.kill()
    gate.touch()
    done = iris.run("tells", id, "--wait")
    assert (done.returncode, done.stdout) == (0, gate.answer + "\n"), done.stderr
    wait_until(lambda: id not in tells(iris))
    assert tells(iris, "--all")[id]["fetched"]


def test_an_answer_that_nobody_fetched_outlives_the_coordinator(iris):
    id = detached(iris, "BIG 3000000")
    settled(iris, id)
    kill_coordinator(iris)
    listed = tells(iris)[id]
    assert (listed["state"], listed["fetched"], listed["answerBytes"]) == ("settled", False, 3_000_000)
    assert words.big(3_000_000).startswith(listed["answer"]) and listed["answer"]
    assert iris.run("tells", id).stdout == words.big(3_000_000) + "\n"
    wait_until(lambda: id not in tells(iris))


def test_an_answer_that_could_not_be_written_counts_as_fetched_by_nobody(iris):
    def onto_a_full_disk(*args):
        done = subprocess.run(["sh", "-c", 'exec "$@" >/dev/full', "sh", *map(str, iris.command), *args],
                              env=iris.env, cwd=iris.home, timeout=180, stdin=subprocess.DEVNULL,
                              stderr=subprocess.PIPE, text=True)
        assert done.returncode == 1 and "stdout" in done.stderr, done.stderr
    id = detached(iris, "COUNT")
    settled(iris, id)
    onto_a_full_disk("tells", id)
    assert not tells(iris)[id]["fetched"]
    onto_a_full_disk("tell", "app", "COUNT", "--json")
    [other] = set(tells(iris)) - {id}
    for waits, answer in ((id, "1\n"), (other, "2\n")):
        assert iris.run("tells", waits).stdout == answer
    assert not tells(iris)


def test_an_answer_that_the_mcp_client_did_not_take_counts_as_fetched_by_nobody(iris, client, gate):
    reader, writer = os.pipe()
    mcp = subprocess.Popen([*iris.command, "mcp", "--team", "web"], env=iris.env, cwd=iris.home,
                           stdin=subprocess.PIPE, stdout=writer)
    os.close(writer)
    for id, method, params in (
            (1, "initialize", {"protocolVersion": "2025-11-25", "capabilities": {},
                               "clientInfo": {"name": "test", "version": "1"}}),
            (2, "tools/call", {"name": "send_message", "arguments": {"toTeam": "app", "message": gate.message}})):
        line = json.dumps({"jsonrpc": "2.0", "id": id, "method": method, "params": params})
        mcp.stdin.write(line.encode() + b"\n")
        mcp.stdin.flush()
    told = in_flight(iris)
    os.close(reader)
    gate.touch()
    mcp.wait(60)
    mcp.stdin.close()
    assert not tells(iris)[told]["fetched"]
    assert client.call("tell_wait", tellId=told, fromTeam="web") == gate.answer
    wait_until(lambda: told not in tells(iris))


def test_an_answer_that_was_printed_was_read_by_whoever_asked(iris):
    told = json.loads(iris.tell("app", "hello", as_json=True).stdout)["tellId"]
    assert told not in tells(iris)
    assert "to read" not in iris.run("status").stdout


def test_the_same_message_under_its_id_follows_it(iris):
    id = detached(iris, "COUNT")
    done = iris.run("tell", "app", "COUNT", "--id", id)
    assert (done.returncode, done.stdout) == (0, "1\n"), done.stderr
    assert iris.answer("app", "COUNT") == "2"


def test_a_message_that_waits_is_cancelled_and_its_neighbours_are_not(iris, gate):
    first = iris.start_tell("app", gate.message)
    in_flight(iris)
    second = iris.start_tell("app", "second")
    iris.wait_for_status(lambda s: s["sessions"][0]["tellsWaiting"] == 1)
    third = iris.start_tell("app", "COUNT")
    iris.wait_for_status(lambda s: s["sessions"][0]["tellsWaiting"] == 2)
    [id] = [id for id, tell in tells(iris).items() if tell["message"] == "second"]
    assert iris.run("cancel", id).stdout == f"{id} is cancelled\n"

    gate.touch()
    out, err = second.communicate(timeout=180)
    assert (second.returncode, out) == (1, "")
    assert "cancelled: the message was cancelled while it waited; the team never got it" in err
    assert first.wait(180) == 0
    assert third.communicate(timeout=180)[0] == "2\n"


def test_a_message_that_is_worked_on_is_cancelled_with_its_partial_text(iris):
    running = iris.start_tell("app", "BLOCKS 2\nHANG")
    id = in_flight(iris)
    behind = iris.start_tell("app", "COUNT")
    iris.wait_for_status(lambda s: s["sessions"][0]["tellsWaiting"] == 1)
    wait_until(lambda: tells(iris)[id]["answerBytes"] > 0)
    cancelled = iris.run("cancel", id)
    assert (cancelled.returncode, cancelled.stdout) == (0, f"{id} is cancelled\n"), cancelled.stderr

    out, err = running.communicate(timeout=180)
    assert running.returncode == 1 and out.startswith("block 1"), out
    assert "cancelled: " in err
    assert behind.communicate(timeout=180)[0] == "2\n"
    assert iris.run("tells", id).stdout == out  # Kept, though its end was told.


def test_answers_that_wait_are_announced_once_to_each_client(iris, client):
    quick = client.call("quick_message", toTeam="app", fromTeam="web", message="SUM quick")
    settled(iris, quick)
    assert client.call("send_message", toTeam="app", fromTeam="web", message="COUNT") == "2"
    assert client.notes == [f"1 answer waits: {quick} from app. tell_wait with the id as tellId gets it."]
    client.call("team_status", fromTeam="web")
    assert len(client.notes) == 1
    with McpClient(iris, "app") as of_another:
        of_another.initialize()
        of_another.call("team_status")
        assert of_another.notes == []
    with McpClient(iris, "web") as other:
        other.initialize()
        other.call("team_status", fromTeam="web")
        assert other.notes == client.notes

    assert client.call("tell_wait", tellId=quick, fromTeam="web") == words.sum_of("quick")
    assert client.call("tell_wait", tellId=quick, fromTeam="web", timeout=-1) == words.sum_of("quick")
    wait_until(lambda: quick not in tells(iris))
    with McpClient(iris, "web") as third:
        third.initialize()
        third.call("team_status", fromTeam="web")
        assert third.notes == []


def test_who_waited_too_little_goes_on_by_the_id(iris, client, gate):
    failure = client.failure("send_message", toTeam="app", fromTeam="web", message=gate.message, timeout=1000)
    id = in_flight(iris)
    assert f"tell_wait with tellId {id}" in failure
    # It is queued until its host is about to get it, which may take longer than that.
    wait_until(lambda: json.loads(client.call("tell_status", tellId=id, fromTeam="web"))["state"] == "running")
    [team] = json.loads(client.call("team_status", fromTeam="web", team="app"))["teams"]
    assert team["open"] == [id]
    assert client.failure("tell_wait", tellId=id, fromTeam="web", timeout=1).startswith("timeout: ")
    with McpClient(iris, "app") as other:
        other.initialize()
        assert other.failure("tell_status", tellId=id).startswith("permission_denied: ")
    gate.touch()
    assert client.call("tell_wait", tellId=id, fromTeam="web") == gate.answer
    status = json.loads(client.call("tell_status", tellId=id, fromTeam="web"))
    assert status["state"] == "settled" and status["message"].startswith("TOOL Bash")


def test_a_message_that_waits_is_cancelled_over_mcp(iris, client, gate):
    slow = client.start_call("send_message", toTeam="app", fromTeam="web", message=gate.message)
    in_flight(iris)
    queued = client.call("quick_message", toTeam="app", fromTeam="web", message="never")
    assert json.loads(client.call("tell_cancel", tellId=queued, fromTeam="web")) == {
        "tellId": queued, "cancelled": True}
    again = json.loads(client.call("tell_cancel", tellId=queued, fromTeam="web"))
    assert again == {"tellId": queued, "cancelled": False, "ended": "before the cancel: cancelled"}
    assert client.failure("tell_wait", tellId=queued, fromTeam="web").startswith("cancelled: ")
    gate.touch()
    assert client.result(slow) == (gate.answer, False)
    assert client.notes == []


def test_a_message_that_is_worked_on_is_cancelled_over_mcp(iris, client):
    slow = client.start_call("send_message", toTeam="app", fromTeam="web", message="HANG")
    id = in_flight(iris)
    assert json.loads(client.call("tell_cancel", tellId=id, fromTeam="web")) == {"tellId": id, "cancelled": True}
    text, failed = client.result(slow)
    assert failed and text.startswith("cancelled: ")
    assert client.call("send_message", toTeam="app", fromTeam="web", message="hello") == "ECHO: hello"
    assert client.notes == []


def test_what_is_open_when_the_coordinator_is_killed_can_be_waited_for(iris, client, gate):
    id = client.call("quick_message", toTeam="app", fromTeam="web", message=gate.message)
    assert in_flight(iris) == id
    kill_coordinator(iris)
    gate.touch()
    assert client.call("tell_wait", tellId=id, fromTeam="web") == gate.answer


def test_an_interrupted_tell_says_how_to_come_back(iris, gate):
    tell = iris.start_tell("app", gate.message)
    id = in_flight(iris)
    wait_until(lambda: processes.catches_interrupts(tell.pid))
    tell.send_signal(signal.SIGINT)
    out, err = tell.communicate(timeout=180)
    assert (tell.returncode, out) == (-signal.SIGINT, "")
    assert f"iris tells {id[:8]} --wait" in err
    gate.touch()
    assert iris.run("tells", id, "--wait").stdout == gate.answer + "\n"
