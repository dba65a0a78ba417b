"""Where a row takes place: an Iris of the measured build, with the lean claude, and hosts for it."""

import contextlib
import pathlib
from typing import NamedTuple

from bench import drive
from integration.iris_fixtures import Iris, ended_cleanly
from testbed import binaries
from testbed import network as networks
from testbed import remote_user as accounts
from testbed.scratch import scratch_folder
from testbed.sshd import Sshd


class Bench(NamedTuple):
    """How a row is measured."""

    programs: pathlib.Path  # A bazel-bin: whose iris and agent.
    rounds: int = 5
    share: float = 1.0  # Of all counts and times: less for a look whether a row works.
    below: str = "/tmp"  # Where all files lie, those of the store too.

    def count(self, whole: int) -> int:
        return max(1, round(whole * self.share))

    @property
    def iris(self) -> pathlib.Path:
        return (self.programs / "coordinator/iris").resolve()

    @property
    def agent(self) -> pathlib.Path:
        return (self.programs / "agent/iris-agent").resolve()


class BenchIris(Iris):
    """Of the build of `bench`; its claude is the lean one."""

    def __init__(self, folder, bench: Bench, inside=()):
        super().__init__(folder, inside)
        self._program = bench.iris
        claude = folder / "bin/claude"
        claude.unlink()
        claude.symlink_to(drive.lean_claude())

    @property
    def program(self) -> pathlib.Path:
        return self._program

    def coordinator(self) -> int:
        """The pid of the one that runs."""
        return self.status()["pid"]

    def agent(self, team: str) -> int:
        """The pid of the agent of that team, whose link is up."""
        [link] = [link for link in self.status()["links"] if team in link["teams"]]
        assert link["state"] == "up", link
        return link["agent"]["pid"]

    def greet(self, *teams):
        """Each of them answers, and so is warm."""
        for team in teams:
            assert self.answer(team, "hello") == "ECHO: hello"


@contextlib.contextmanager
def iris_here(bench: Bench, processes_max=1000):
    """A BenchIris with the team `local`, on this machine."""
    with scratch_folder(bench.below) as folder, ended_cleanly(BenchIris(folder, bench)) as iris:
        iris.write_config({"settings": {"maxProcesses": processes_max}, "teams": {"local": iris.local_team()}})
        yield iris


class HostAndIris(NamedTuple):
    iris: BenchIris
    sshd: Sshd
    user: accounts.RemoteUser  # Its ~/.local/bin/claude is the lean one.
    ssh: list  # The start of a command line that runs something there.

    def team(self, **more) -> dict:
        return self.sshd.team(self.user, **more)

    def packed_team(self, **more) -> dict:
        """The same by `ssh -C`: another link."""
        team = self.team(**more)
        return team | {"remote": team["remote"].replace("ssh ", "ssh -C ", 1)}

    def write_config(self, **teams):
        """Teams on the host, and `local`."""
        self.iris.write_config({"settings": {"maxProcesses": 1000}, "teams": {"local": self.iris.local_team()} | teams})


@contextlib.contextmanager
def iris_and_host(bench: Bench, network=None):
    """A HostAndIris: behind a sshd on loopback, or on the two ends of `network`. The teams are `local` and `host`."""
    accounts.remove_strays()
    with scratch_folder(bench.below) as folder, accounts.user(folder, claude=False) as user:
        user.put_claude(drive.lean_claude())
        (folder / "sshd").mkdir()
        where = {} if network is None else {"address": networks.HOST, "inside": network.host}
        before = [] if network is None else network.client
        sshd = Sshd(folder / "sshd", "MaxSessions 300", **where)
        try:
            with ended_cleanly(BenchIris(folder, bench, inside=before)) as iris:
                stage = HostAndIris(iris, sshd, user, [*before, *sshd.command(user)])
                stage.write_config(host=stage.team())
                yield stage
        finally:
            sshd.stop()


def bench_of(programs=None, **more) -> Bench:
    """Of what was built here, if not said otherwise."""
    return Bench(pathlib.Path(programs) if programs else binaries.bin_dir(), **more)
