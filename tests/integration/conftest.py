"""Fixtures: `sshd`, `own_sshd`, `keys`, `remote_user`, `iris`, `far`. Each leaves nothing behind, and says so if it had to
kill."""

import contextlib
import os
import subprocess

import pytest

from integration.far import far_away
from integration.iris_fixtures import Iris, ended_cleanly
from testbed import remote_user as accounts
from testbed import sshd as daemons
from testbed.scratch import scratch_folder
from testbed.terminal import Terminal
from testbed.waiting import wait_until


@pytest.fixture
def scratch():
    with scratch_folder() as folder:
        yield folder


@pytest.fixture(scope="session")
def sshd():
    """sshd(*lines) is the running sshd with these lines in its configuration."""
    assert os.geteuid() == 0, "accounts and sshd need root"
    accounts.remove_strays()
    running = {}
    with scratch_folder() as folder:
        def start(*lines):
            if lines not in running:
                own = folder / str(len(running))
                own.mkdir()
                running[lines] = daemons.Sshd(own, *lines)
            return running[lines]
        yield start
        for daemon in running.values():
            daemon.stop()


@pytest.fixture
def own_sshd(scratch):
    """A running sshd of this test's own: it may be stopped and started, and nobody else writes its log."""
    folder = scratch / "sshd"
    folder.mkdir()
    one = daemons.Sshd(folder)
    yield one
    one.stop()


@pytest.fixture
def keys(scratch, server):
    """The environment of a shell whose ssh-agent has the key to the test's `server`."""
    socket = scratch / "agent.sock"
    agent = subprocess.Popen(["ssh-agent", "-D", "-a", socket], stdout=subprocess.DEVNULL)
    env = {"SSH_AUTH_SOCK": str(socket)}

    def has_key():
        with contextlib.suppress(subprocess.TimeoutExpired):
            return subprocess.run(["ssh-add", "-q", server.identity], env=env, timeout=10,
                                  stderr=subprocess.DEVNULL).returncode == 0
    try:
        wait_until(has_key, 60)
        yield env
    finally:
        agent.kill()
        agent.wait()


@pytest.fixture
def remote_users():
    """remote_users(**options) is a new account; all are gone after the test."""
    with scratch_folder() as folder, contextlib.ExitStack() as made:
        yield lambda **options: made.enter_context(accounts.user(folder, **options))


@pytest.fixture
def remote_user(remote_users):
    """An account with the stub as ~/.local/bin/claude."""
    return remote_users()


@pytest.fixture
def iris(scratch, sshd, remote_users):
    """Iris for one test. It ends before the accounts go: what it leaves there is found too."""
    one = Iris(scratch)
    with ended_cleanly(one):
        yield one


@pytest.fixture
def tell_at_terminal(iris):
    """tell_at_terminal(team, text) is `iris tell` with its stderr at a terminal, so many columns wide."""
    with contextlib.ExitStack() as running:
        def tell(team, text, columns=80):
            terminal = Terminal([iris.program, "tell", team, text], columns=columns, env=iris.env, cwd=iris.home)
            running.callback(terminal.close)
            return terminal
        yield tell


@pytest.fixture
def make_far():
    """make_far() gives, for a `with`, a host with the team `gpu` at the other end of a network."""
    return far_away


@pytest.fixture
def far():
    with far_away() as one:
        yield one
