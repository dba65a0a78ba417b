"""The network of the test bed: what it does to those who talk over it, and that it goes away."""

import os
import pathlib
import signal
import statistics
import subprocess
import sys
import time

import pytest

from integration.test_testbed import wait_until
from testbed import network as networks
from testbed import processes

TESTS = pathlib.Path(__file__).resolve().parents[1]


class Echo:
    """A connection through ssh to a `cat`, over the network."""

    def __init__(self, far):
        self.ssh = subprocess.Popen([*far.network.client, *far.sshd.command(far.user), "exec cat"],
                                    stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        os.set_blocking(self.ssh.stdout.fileno(), False)
        assert self.say(b"first\n", within=30) is not None

    def say(self, line: bytes, within: float):
        """Seconds until it came back; None: not within so many."""
        began = time.monotonic()
        self.ssh.stdin.write(line)
        self.ssh.stdin.flush()
        return self.hear(line, within, began)

    def hear(self, line: bytes, within: float, began=None):
        began = began or time.monotonic()
        heard = b""
        while not heard.endswith(line):
            if time.monotonic() - began > within:
                return None
            heard += self.ssh.stdout.read() or b""
            time.sleep(0.001)
        return time.monotonic() - began

    def end(self):
        self.ssh.kill()
        self.ssh.communicate()


@pytest.fixture
def echo(far):
    one = Echo(far)
    yield one
    one.end()


def test_packets_take_as_long_as_was_said(far, echo):
    quick = statistics.median(echo.say(b"x\n", within=30) for _ in range(5))
    far.network.set(delay=100)
    slow = statistics.median(echo.say(b"x\n", within=30) for _ in range(5))
    assert 0.2 <= slow < 0.2 + quick + 2, (quick, slow)


def test_a_lost_packet_is_late_and_not_lost(far, echo):
    far.network.set(loss=100)
    assert echo.say(b"x\n", within=0.5) is None
    far.network.set(loss=0)
    assert echo.hear(b"x\n", within=30) is not None


@pytest.mark.parametrize("what", ["to_host", "to_client", "both"])
def test_what_is_swallowed_arrives_after_the_mending(far, echo, what):
    far.network.swallow(what)
    assert echo.say(b"x\n", within=0.5) is None
    assert echo.ssh.poll() is None
    far.network.mend()
    assert echo.hear(b"x\n", within=60) is not None


def test_a_reset_ends_the_connection_at_both_ends(far, echo):
    assert [p.info.cmdline for p in far.user.processes() if p.info.cmdline == "cat"]
    far.network.reset()
    assert echo.say(b"x\n", within=0.5) is None
    assert echo.ssh.wait(30) == 255
    wait_until(lambda: not far.user.processes(), timeout=30)
    refused = subprocess.run([*far.network.client, *far.sshd.command(far.user), "true"],
                             stdin=subprocess.DEVNULL, capture_output=True, timeout=60)
    assert b"Connection refused" in refused.stderr
    far.network.mend()
    assert subprocess.run([*far.network.client, *far.sshd.command(far.user), "true"],
                          stdin=subprocess.DEVNULL, timeout=60).returncode == 0


def test_what_no_link_knows_is_refused(far):
    with pytest.raises(AssertionError, match="unknown: dealy"):
        far.network.set(dealy=3)


def test_the_sides_meet_only_over_the_network(far):
    script = "import socket; socket.create_connection(('10.77.0.2', %d), 2)" % far.sshd.port
    def reached(side):
        return subprocess.run([*side, sys.executable, "-c", script], stderr=subprocess.DEVNULL).returncode == 0
    assert reached(far.network.client)
    assert not reached([])


KILLED_RUN = """
import os, pathlib, signal, subprocess, sys
from testbed import network
one = network.Network(pathlib.Path(sys.argv[1]))
left = subprocess.Popen([*one.host, "sleep", "600"], stdout=subprocess.DEVNULL)
print(os.getpid(), left.pid, one._link.pid, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_what_a_killed_run_left_is_removed(scratch):
    done = subprocess.run([sys.executable, "-c", KILLED_RUN, scratch], cwd=TESTS, stdout=subprocess.PIPE, text=True,
                          timeout=60)
    assert done.returncode == -signal.SIGKILL
    run, left, link = map(int, done.stdout.split())
    def remains():
        return list(pathlib.Path("/run/netns").glob(f"iris-t-{run}-*"))
    assert len(remains()) == 2 and processes.process_info(left)
    wait_until(lambda: not processes.process_info(link), timeout=30)
    networks.remove_strays()
    assert not remains() and not processes.process_info(left)
