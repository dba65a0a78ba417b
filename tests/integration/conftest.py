"""Fixtures: `sshd`, `remote_user`, `iris`, `far`. Each leaves nothing behind, and says so if it had to kill."""

import contextlib
import os

import pytest

from integration.iris_fixtures import Iris
from testbed import network as networks
from testbed import remote_user as accounts
from testbed import sshd as daemons
from testbed.scratch import scratch_folder


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
    yield one
    leftovers = one.stop()
    assert not leftovers, f"left behind by iris: {list(map(str, leftovers))}"


class Far:
    """A network with Iris on one side, `iris`, and an account's host on the other: `sshd`, `user`."""

    def __init__(self, folder, network, user):
        (folder / "sshd").mkdir()
        self.network, self.user = network, user
        self.sshd = daemons.Sshd(folder / "sshd", address=networks.HOST, inside=network.host)
        self.iris = Iris(folder, inside=network.client)
        self.iris.write_config({"teams": {"gpu": self.sshd.team(user)}})

    def stop(self) -> list:
        self.network.mend()
        self.network.set(delay=0, jitter=0, loss=0, rate=0)
        leftovers = self.iris.stop()
        self.sshd.stop()
        return leftovers


@pytest.fixture
def far(scratch, remote_users):
    """A host with the team `gpu` at the other end of a network, for one test."""
    with networks.network(scratch) as network:
        one = Far(scratch, network, remote_users())
        yield one
        leftovers = one.stop()
    assert not leftovers, f"left behind by iris: {list(map(str, leftovers))}"
