"""What somebody who waits sees before the answer comes, at a terminal and in an MCP client."""

import json
import re
import shlex

import pytest

from integration.mcp_client import McpClient
from testbed import binaries
from testbed.waiting import wait_until

THROTTLE = binaries.REPOSITORY / "tests/testbed/throttle.py"


def uploaded(seen):
    """The byte counts of the upload that were shown, in MiB, without repeats."""
    units = {"B": 1 / 1048576, "KiB": 1 / 1024, "MiB": 1}
    counts = [float(number) * units[unit]
              for number, unit in re.findall(r"uploading[^\r]*: ([\d.]+) (B|KiB|MiB) of ", seen)]
    return [count for i, count in enumerate(counts) if i == 0 or count != counts[i - 1]]


@pytest.fixture
def slow_team(iris, sshd, remote_user):
    """The team `gpu`, without an agent yet and behind a link that takes half a megabyte a second."""
    team = sshd().team(remote_user)
    proxy = shlex.quote(f"ProxyCommand=/usr/bin/python3 {THROTTLE} %h %p 500000")
    team["remote"] = team["remote"].replace("ssh ", f"ssh -o {proxy} ", 1)
    iris.write_config({"teams": {"gpu": team, "app": iris.local_team()}})


def test_an_upload_over_a_slow_connection_shows_how_far_it_is(slow_team, tell_at_terminal):
    terminal = tell_at_terminal("gpu", "hello")
    assert terminal.finish() == "ECHO: hello\n"
    counts = uploaded(terminal.seen)
    assert len(counts) >= 3, terminal.seen
    assert counts == sorted(counts)
    last = terminal.seen.rpartition("\r\x1b[K")[2]
    assert re.fullmatch(r"turn: [^\r]*\r\n", last), "the line is gone at the end"


def test_an_mcp_client_is_told_how_far_an_upload_is(iris, slow_team):
    with McpClient(iris, "app") as client:
        client.initialize()
        told = client.start_call("send_message", token="t", toTeam="gpu", fromTeam="app", message="hello")
        assert client.result(told) == ("ECHO: hello", False)
        progress = client.progress("t")
    counts = [float(count) for p in progress for count in re.findall(r"uploading.*?, ([\d.]+) of [\d.]+ MiB", p["message"])]
    assert len(set(counts)) >= 3, progress
    assert counts == sorted(counts)
    numbers = [p["progress"] for p in progress]
    assert numbers == sorted(set(numbers))


def test_who_waits_for_a_process_is_told(iris, tell_at_terminal):
    iris.write_config({"settings": {"maxProcesses": 1},
                       "teams": {"a": iris.local_team(), "b": iris.local_team()}})
    held = iris.project / "held"
    held.touch()
    busy = iris.start_tell("a", 'TOOL Bash {"command":"while test -e held; do sleep 0.1; done"}')
    iris.wait_for_status(lambda s: any(x["state"] == "busy" for x in s.get("sessions", [])))
    terminal = tell_at_terminal("b", "hello")
    terminal.read_until(lambda seen: "waiting for a free process (1 of 1 busy)" in seen)
    held.unlink()
    assert terminal.finish() == "ECHO: hello\n"
    assert busy.wait(60) == 0


def lines_shown(seen) -> list:
    """What stood on the progress line, one after the other."""
    return [line.split("\r\n")[0] for line in seen.split("\r\x1b[K")[1:]]


# A tool whose command is long, and does what a terminal must not obey.
LONG = "until test -e go; do sleep 0.1; done; echo freed; : \x1b[2J 世界地図" + "x" * 150


@pytest.mark.parametrize("columns", [40, 80, 200])
def test_a_terminal_shows_the_tool_and_the_seconds_on_one_line_however_narrow_it_is(iris, tell_at_terminal, columns):
    iris.write_config({"teams": {"a": iris.local_team()}})
    terminal = tell_at_terminal("a", f"TOOL Bash {json.dumps({'command': LONG})}", columns)
    terminal.read_until(lambda seen: any("runs Bash: until" in line and "2 s" in line for line in lines_shown(seen)))
    (iris.project / "go").touch()
    assert terminal.finish() == "Using a tool.\n\nTOOL-DONE: freed\n"
    shown = [line for line in lines_shown(terminal.seen) if "runs Bash" in line]
    assert all(len(line) + sum(ord(c) > 0x2E7F for c in line) < columns for line in shown), shown
    assert all(" · " in line and line.rstrip("s").split(" · ")[1].strip().isdigit() for line in shown), shown
    assert "\x1b[2J" not in terminal.seen


def test_an_mcp_client_is_told_the_tool_the_seconds_and_the_last_words(iris):
    iris.write_config({"teams": {"a": iris.local_team(), "app": iris.local_team()}})
    command = "until test -e go; do sleep 0.1; done"
    with McpClient(iris, "app") as client:
        client.initialize()
        told = client.start_call("send_message", token="t", toTeam="a",
                                 message=f"TOOL Bash {json.dumps({'command': command})}")
        said = re.compile(rf"runs Bash: {re.escape(command)}, \d+ s; said: Using a tool\.")
        wait_until(lambda: any(said.fullmatch(p["message"]) for p in client.progress("t")))
        (iris.project / "go").touch()
        assert client.result(told)[1] is False
