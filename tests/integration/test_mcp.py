"""`iris mcp`: MCP over stdio, as a client on a pipe sees it."""

import json
import os
import signal
import statistics
import subprocess
import sys
import time

import pytest

from integration.mcp_client import McpClient
from programs import words
from testbed import processes
from testbed.waiting import wait_until


@pytest.fixture
def teams(iris):
    iris.write_config({"teams": {"app": iris.local_team(description="the app"), "web": iris.local_team()}})


@pytest.fixture
def connect(iris, teams):
    """connect() is a new client of the team web that is initialized; all of them are closed with the test."""
    clients = []

    def new(version=None, team="web", **env):
        client = McpClient(iris, team, **env)
        clients.append(client)
        if version is not False:
            client.initialize(*([version] if version else []))
        return client

    yield new
    for client in clients:
        if client.process.poll() is None:
            client.close()


def say(client, message, **arguments):
    """The arguments of a message from web to app."""
    return client.call("send_message", toTeam="app", fromTeam="web", message=message, **arguments)


def start_say(client, message, **more):
    return client.start_call("send_message", toTeam="app", fromTeam="web", message=message, **more)


def mcp_processes(iris):
    return [p for p in iris.processes() if p.info.cmdline.startswith(f"{iris.program} mcp")]


def busy(status):
    return any(session["state"] == "busy" for session in status["sessions"])


@pytest.mark.parametrize("version", ["2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05"])
def test_every_version_with_initialize(connect, version):
    client = connect(version=False)
    discover = client.request("server/discover", {"_meta": {
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientCapabilities": {}}})
    assert discover["error"]["code"] == -32601  # Sends every client on to initialize.
    result = client.initialize(version)
    assert result["protocolVersion"] == version
    assert result["serverInfo"]["name"] == "iris"
    assert list(result["capabilities"]) == ["tools"]
    assert client.request("ping")["result"] == {}
    assert say(client, "hello") == "ECHO: hello"


def test_the_tools(connect):
    tools = {tool["name"]: tool for tool in connect().request("tools/list")["result"]["tools"]}
    assert list(tools) == ["send_message", "ask_message", "quick_message", "tell_status", "tell_wait",
                           "tell_cancel", "list_teams", "team_status", "team_wake", "team_sleep"]
    assert tools["send_message"]["inputSchema"]["required"] == ["toTeam", "message"]
    assert tools["list_teams"]["annotations"]["readOnlyHint"]
    assert tools["ask_message"]["_meta"]["anthropic/maxResultSizeChars"] == 500000


def test_what_a_team_answers_is_the_whole_result(connect):
    client = connect()
    assert client.call("ask_message", toTeam="app", fromTeam="web", message="SPLIT") == words.SPLIT_TEXT
    assert say(client, "COUNT") == "2"
    assert say(client, "BIG 4000000") == words.big(4_000_000)
    assert say(client, "BIGCJK 300000") == words.big_cjk(300_000)


def test_a_message_of_eight_mebibytes_arrives_and_a_longer_one_is_refused(connect):
    client = connect()
    text = "SUM " + "ż" * ((8 << 19) - 2)
    assert len(text.encode()) == 8 << 20
    assert say(client, text) == words.sum_of(text.removeprefix("SUM "))
    failure = client.failure("send_message", toTeam="app", fromTeam="web", message=text + "x")
    assert failure.startswith("bad_request: ")


def test_twenty_calls_at_once_are_answered_each(connect):
    client = connect()
    ids = [start_say(client, f"SUM {number}", id=f"call {number}") for number in range(20)]
    for number, id in enumerate(ids):
        assert client.result(id) == (words.sum_of(str(number)), False)
    assert say(client, "COUNT") == "21"


def test_two_clients_with_the_same_ids_share_the_coordinator_and_not_the_answers(iris, connect):
    one, other = connect(), connect(team="app")
    start_say(one, "WAIT 1\nSUM one", id=7)
    other.start_call("send_message", id=7, toTeam="web", fromTeam="app", message="WAIT 1\nSUM other")
    other.notify("notifications/cancelled", requestId=7)
    assert one.result(7) == (words.sum_of("one"), False)
    assert other.request("ping")["result"] == {}
    assert not other.answered(7)
    assert len([p for p in iris.processes() if p.info.cmdline.endswith(" serve")]) == 1


def test_cancel_stops_the_waiting_and_not_the_work(connect):
    client = connect()
    assert say(client, "COUNT") == "1"
    slow = start_say(client, "SLOW 1")
    client.notify("notifications/cancelled", requestId=slow, reason="enough")
    assert say(client, "COUNT") == "3"
    assert not client.answered(slow)


def test_progress_says_what_is_going_on(connect):
    client = connect()
    text, failed = client.result(start_say(client, "SLOW 1", token="first"))
    assert text.split() == words.SLOW_TEXT.split() and not failed
    progress = client.progress("first")
    numbers = [p["progress"] for p in progress]
    assert numbers == sorted(set(numbers)) and numbers
    assert all(p["message"] for p in progress), progress


def test_timeouts_are_those_of_the_original(iris, connect):
    client = connect()
    assert say(client, "COUNT", timeout=0) == "1"
    waited = client.failure("send_message", toTeam="app", fromTeam="web", message="SLOW 1", timeout=200)
    assert waited.startswith("timeout: no answer within 200 ms")
    for text in (say(client, "COUNT", timeout=-1),
                 client.call("quick_message", toTeam="app", fromTeam="web", message="COUNT")):
        assert len(text) == 36
    assert say(client, "COUNT") == "5"


def test_an_id_that_was_returned_leads_to_the_answer(iris, connect):
    client = connect()
    id = client.call("quick_message", toTeam="app", fromTeam="web", message="SUM later")
    told = iris.run("tell", "app", "SUM later", "--from", "web", "--id", id, env=iris.works_for("web"))
    assert told.stdout.strip() == words.sum_of("later")


def test_the_beginning_of_an_id_is_not_enough_for_a_model(connect):
    client = connect()
    id = client.call("quick_message", toTeam="app", fromTeam="web", message="SUM later")
    for tool in ("tell_wait", "tell_status", "tell_cancel"):
        failure = client.failure(tool, tellId=id[:8], fromTeam="web")
        assert "fix: Give the whole id, as quick_message, tell_status" in failure, failure
    assert client.call("tell_wait", tellId=id.upper(), fromTeam="web") == words.sum_of("later")


def test_a_failure_is_an_error_with_kind_fix_and_the_partial_answer(connect):
    client = connect()
    failure = client.failure("send_message", toTeam="app", fromTeam="web", message="CRASH 7")
    assert failure.startswith("child_exited: ")
    assert words.PARTIAL_TEXT in failure
    assert client.failure("send_message", toTeam="app", fromTeam="web", message="ISERROR 500") \
        .startswith("claude_error: ")


@pytest.mark.parametrize("caller", ["nobody", "cli", "app"])
def test_who_speaks_for_another_is_refused_and_told_of_none(connect, caller):
    failure = connect().failure("send_message", toTeam="app", fromTeam=caller, message="hello")
    assert failure == f'bad_request: you are web, and cannot speak for "{caller}"\nfix: Leave fromTeam out.'


def test_bad_arguments_are_tool_errors_and_a_bad_tool_is_not(connect):
    client = connect()
    assert "every answer is kept" in client.failure("send_message", toTeam="app", fromTeam="web", message="x",
                                             persist=True)
    assert "is missing" in client.failure("send_message", toTeam="app")
    assert client.failure("send_message", toTeam="apq", fromTeam="web", message="x") \
        .startswith("bad_request: ")
    assert client.answer(client.start_call("no_such_tool"))["error"]["code"] == -32602
    assert client.request("no/such/method")["error"]["code"] == -32601


def test_teams_wake_show_and_sleep(connect):
    client = connect()
    teams = json.loads(client.call("list_teams"))["teams"]
    assert [(team["name"], team.get("description")) for team in teams] == [("app", "the app"), ("web", None)]

    def session():
        [team] = json.loads(client.call("team_status", fromTeam="web", team="app"))["teams"]
        return team["session"]

    assert session() == "none"
    woken = json.loads(client.call("team_wake", team="app", fromTeam="web"))
    assert not woken["wasReady"]
    assert session() == "ready"
    assert say(client, "PID") == str(woken["childPid"])
    assert say(client, "COUNT") == "2"
    assert json.loads(client.call("team_sleep", team="app", fromTeam="web"))["wasRunning"]
    assert processes.process_info(woken["childPid"]) is None
    assert session() == "stopped"
    assert say(client, "COUNT") == "3"


def test_bad_lines_are_answered_and_disturb_nothing(connect):
    client = connect()
    client.start_bad(b"nonsense\n\n{\n[]\n\xff\xfe\n" + b"x" * (17 << 20) + b"\n")
    codes = [client.answer(None)["error"]["code"] for _ in range(5)]
    assert sorted(codes) == [-32700] * 3 + [-32600] * 2
    assert say(client, "hello") == "ECHO: hello"


@pytest.mark.parametrize("half", ["\\ud83d", "\\ude80"])
def test_half_a_character_reaches_the_team_as_a_replacement(connect, half):
    client = connect()
    call = {"name": "send_message", "arguments": {"toTeam": "app", "fromTeam": "web", "message": "cut HALF end"}}
    line = json.dumps({"jsonrpc": "2.0", "id": 70, "method": "tools/call", "params": call})
    client.expect(70)
    client.write(line.replace("HALF", half).encode() + b"\n")
    assert client.result(70) == ("ECHO: cut \ufffd end", False)


def test_a_line_that_cannot_be_read_is_answered_under_its_id(connect):
    client = connect()
    for id, line in ((70, b'{"method":"ping","params":{"a":NaN},"jsonrpc":"2.0","id":70}'),
                     (71, b'{"jsonrpc":"2.0","id":71,"method":"ping",}'),
                     (72, b'{"method":"ping","params":{"a":"' + b"x" * (17 << 20) + b'"},"id":72,"jsonrpc":"2.0"}'),
                     (73, b'{"id":73,"params":' + b"[" * 100 + b"]" * 100 + b',"jsonrpc":"2.0","method":"ping"}')):
        client.expect(id)
        client.write(line + b"\n")
        assert client.answer(id)["error"]["code"] in (-32700, -32600)


def test_what_is_null_is_not_given_and_numbers_come_as_text_too(connect):
    client = connect()
    for nothing in (None, ""):
        client.expect(71)
        client.send({"id": 71, "method": "ping", "params": nothing})
        assert client.answer(71)["result"] == {}
        assert client.request("tools/list", {"cursor": nothing})["result"]["tools"]
        assert client.request("tools/call", {"name": "list_teams", "arguments": nothing})["result"]["content"]
        assert say(client, "hello", timeout=nothing, waitForLimit=nothing) == "ECHO: hello"
    assert say(client, "hello", timeout="20000", waitForLimit="true") == "ECHO: hello"
    assert len(say(client, "hello", timeout="-1")) == 36


def said_at_once(iris, version, *lines):
    """What `iris mcp` answers to `lines`, with stdin closed right behind them; the seconds that took."""
    opening = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {"protocolVersion": version}}
    text = "".join(json.dumps(line) + "\n" for line in (opening, *lines))
    began = time.monotonic()
    done = subprocess.run([iris.program, "mcp", "--team", "web"], env=iris.env, cwd=iris.home, input=text.encode(),
                          capture_output=True, timeout=180)
    assert done.returncode == 0
    return [json.loads(line) for line in done.stdout.splitlines()], time.monotonic() - began


def call_of(id, tool, **arguments):
    return {"jsonrpc": "2.0", "id": id, "method": "tools/call", "params": {
        "name": tool, "arguments": {"toTeam": "app", "fromTeam": "web"} | arguments}}


def test_what_is_said_before_the_end_of_input_is_done(iris, teams):
    answers, _ = said_at_once(iris, "2025-11-25", call_of(2, "quick_message", message="COUNT"))
    assert [answer["id"] for answer in answers] == [1, 2]
    assert iris.answer("app", "COUNT", from_="web") == "2"


def test_a_call_under_way_at_the_end_of_input_is_answered_if_it_is_short(iris, teams):
    iris.answer("app", "COUNT", from_="web")
    answers, _ = said_at_once(iris, "2025-11-25", call_of(2, "send_message", message="SLOW 0.2"))
    assert [answer["id"] for answer in answers] == [1, 2]
    assert answers[1]["result"]["content"][0]["text"].split() == words.SLOW_TEXT.split()

    answers, took = said_at_once(iris, "2025-11-25", call_of(2, "send_message", message="SLOW 20"))
    assert [answer["id"] for answer in answers] == [1]
    assert 2 <= took < 12, took  # It left while the team goes on.
    assert busy(iris.status())


def test_a_batch_is_answered_as_one_where_the_agreed_revision_has_them(iris, teams):
    iris.answer("app", "COUNT", from_="web")
    batch = [call_of(2, "send_message", message="SUM two"), {"jsonrpc": "2.0", "id": 3, "method": "ping"},
             {"jsonrpc": "2.0", "method": "notifications/initialized"},
             call_of(4, "send_message", message="SUM four")]
    [_, answers], _ = said_at_once(iris, "2025-03-26", batch)
    texts = {answer["id"]: answer["result"].get("content", [{"text": ""}])[0]["text"] for answer in answers}
    assert texts == {2: words.sum_of("two"), 3: "", 4: words.sum_of("four")}

    [_, refused], _ = said_at_once(iris, "2025-06-18", batch)
    assert refused["id"] is None and refused["error"]["code"] == -32600


@pytest.mark.parametrize("signal_number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_and_the_work_goes_on(iris, connect, signal_number):
    client = connect()
    assert say(client, "COUNT") == "1"
    start_say(client, "SLOW 8")
    iris.wait_for_status(busy)
    client.process.send_signal(signal_number)
    client.process.wait(60)
    assert busy(iris.status())  # It did not wait for the answer.
    assert mcp_processes(iris) == []
    assert iris.answer("app", "COUNT", from_="web") == "3"


def test_end_of_input_ends_it_soon_and_the_work_goes_on(iris, connect):
    client = connect()
    assert say(client, "COUNT") == "1"
    start_say(client, "SLOW 8")
    iris.wait_for_status(busy)
    client.close()
    assert busy(iris.status())
    assert mcp_processes(iris) == []
    assert iris.answer("app", "COUNT", from_="web") == "3"


def test_its_parents_death_ends_it_although_stdin_stays_open(iris, teams):
    reader, writer = os.pipe()  # Ours: the parent takes no end of it with it.
    parent = subprocess.Popen(
        [sys.executable, "-c", "import subprocess, sys; subprocess.run(sys.argv[1:])", iris.program, "mcp"],
        env=iris.env, cwd=iris.home, stdin=reader, stdout=subprocess.DEVNULL)
    try:
        wait_until(lambda: mcp_processes(iris))
        wait_until(lambda: mcp_processes(iris) and
                   len(os.listdir(f"/proc/{mcp_processes(iris)[0].pid}/task")) > 1)
        parent.send_signal(signal.SIGKILL)
        parent.wait()
        wait_until(lambda: not mcp_processes(iris))
    finally:
        os.close(reader)
        os.close(writer)


def test_a_killed_coordinator_is_replaced_and_what_it_worked_on_is_answered_once(iris, connect):
    client = connect()
    assert say(client, "COUNT") == "1"
    slow = start_say(client, "SLOW 2", token=1)
    iris.wait_for_status(busy)
    os.kill(iris.status()["pid"], signal.SIGKILL)
    text, failed = client.result(slow)
    assert not failed and text == say(client, "SLOW 0.1"), text
    assert say(client, "COUNT") == "4"  # Nothing was sent twice, and nobody had to initialize again.
    numbers = [p["progress"] for p in client.progress(1)]
    assert numbers == sorted(set(numbers))


def test_a_stopped_coordinator_stays_stopped_until_it_is_needed(iris, connect):
    client = connect()
    waiting = start_say(client, "SLOW 30")
    iris.wait_for_status(busy)
    assert iris.run("stop").returncode == 0
    text, failed = client.result(waiting)
    assert failed and text.startswith("dropped: "), text
    assert iris.status()["running"] is False
    assert client.process.poll() is None
    client.call("list_teams")


def test_the_first_answer_comes_within_10_ms_when_the_coordinator_runs(iris, connect):
    connect()
    line = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {
        "protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}}})

    def milliseconds(args, say=b""):
        began = time.perf_counter()
        process = subprocess.Popen(args, env=iris.env, cwd=iris.home, stdin=subprocess.PIPE,
                                   stdout=subprocess.PIPE)
        process.stdin.write(say)
        process.stdin.flush()
        process.stdout.readline()
        took = (time.perf_counter() - began) * 1000
        process.communicate()
        return took

    # Whatever else runs only adds, and adds to a program that does nothing too: a good round is
    # waited for, and one counts where that program's time has grown along.
    rounds = []
    for _ in range(20):
        pairs = [(milliseconds([iris.program, "mcp"], line.encode() + b"\n"), milliseconds(["/bin/echo"]))
                 for _ in range(20)]
        first_answer, nothing = (statistics.median(times) for times in zip(*pairs))
        rounds.append(f"{first_answer:.1f} ms to the first answer, {nothing:.1f} ms for /bin/echo")
        if first_answer <= max(10, 8 * nothing):
            return
    raise AssertionError(rounds)
