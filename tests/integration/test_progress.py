"""What somebody at a terminal sees of a tell before its answer comes."""

import contextlib
import re
import shlex

import pytest

from testbed import binaries
from testbed.terminal import Terminal

THROTTLE = binaries.REPOSITORY / "tests/testbed/throttle.py"


@pytest.fixture
def tell_at_terminal(iris):
    """tell_at_terminal(team, text) is `iris tell` with its stderr at a terminal."""
    with contextlib.ExitStack() as running:
        def tell(team, text):
            terminal = Terminal([iris.program, "tell", team, text], env=iris.env, cwd=iris.home)
            running.callback(terminal.close)
            return terminal
        yield tell


def uploaded(seen):
    """The byte counts of the upload that were shown, in MiB, without repeats."""
    units = {"B": 1 / 1048576, "KiB": 1 / 1024, "MiB": 1}
    counts = [float(number) * units[unit]
              for number, unit in re.findall(r"uploading[^\r]*: ([\d.]+) (B|KiB|MiB) of ", seen)]
    return [count for i, count in enumerate(counts) if i == 0 or count != counts[i - 1]]


def test_an_upload_over_a_slow_connection_shows_how_far_it_is(iris, sshd, remote_user, tell_at_terminal):
    team = sshd().team(remote_user)
    proxy = shlex.quote(f"ProxyCommand=/usr/bin/python3 {THROTTLE} %h %p 500000")
    team["remote"] = team["remote"].replace("ssh ", f"ssh -o {proxy} ", 1)
    iris.write_config({"teams": {"gpu": team}})

    terminal = tell_at_terminal("gpu", "hello")
    assert terminal.finish() == "ECHO: hello\n"
    counts = uploaded(terminal.seen)
    assert len(counts) >= 3, terminal.seen
    assert counts == sorted(counts)
    assert terminal.seen.endswith("\r\x1b[K"), "the line is gone at the end"


def test_who_waits_for_a_process_is_told(iris, tell_at_terminal):
    iris.write_config({"settings": {"maxProcesses": 1},
                       "teams": {"a": iris.local_team(), "b": iris.local_team()}})
    busy = iris.start_tell("a", "SLOW 3")
    iris.wait_for_status(lambda s: any(x["state"] == "busy" for x in s.get("sessions", [])))
    terminal = tell_at_terminal("b", "hello")
    terminal.read_until(lambda seen: "waiting for a free process (1 of 1 busy)" in seen)
    assert terminal.finish() == "ECHO: hello\n"
    assert busy.wait(10) == 0
