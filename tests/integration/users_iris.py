"""`UsersIris`: Iris as an ordinary user runs it; limits and other people's files do not bind root."""

import os
import pathlib
import shutil
import subprocess

from integration.iris_fixtures import Iris
from testbed import binaries

PROGRAMS = {"iris": "coordinator/iris", "iris-agent": "agent/iris-agent", "claude": "tests/programs/claude_stub"}


class UsersIris(Iris):
    """Iris of `user` (a RemoteUser), with programs of its own: the built ones may lie where only root can go."""

    def __init__(self, folder: pathlib.Path, user):
        folder.mkdir()
        self.user = user
        super().__init__(folder, inside=("setpriv", f"--reuid={user.uid}", f"--regid={user.uid}", "--clear-groups"))
        for name, target in PROGRAMS.items():
            (folder / "bin" / name).unlink(missing_ok=True)
            shutil.copy(binaries.program(target), folder / "bin" / name)
        for path in (folder, *folder.rglob("*")):
            os.chown(path, user.uid, user.uid)

    def own(self, path: pathlib.Path, mode: int):
        path.chmod(mode)
        os.chown(path, self.user.uid, self.user.uid)

    def lend_key(self, team: dict):
        """Makes the key of a team (Sshd.team()) this user's."""
        key = self.folder / "key"
        shutil.copy(team["remoteOptions"]["identity"], key)
        self.own(key, 0o600)
        team["remoteOptions"]["identity"] = str(key)

    def older_agent(self) -> str:
        """A folder with an agent that is older than the one beside `iris`."""
        folder = binaries.agent_in(self.folder / "older")
        self.own(folder, 0o700)
        self.own(folder / "iris-agent", 0o700)
        return str(folder)

    def offer_upgrade(self) -> subprocess.CompletedProcess:
        """What a bridge of a newer build does."""
        return subprocess.run([*self._inside, self.folder / "bin/iris-agent", "upgrade", "--home", self.iris_home],
                              env=self.env, cwd=self.home, timeout=180, capture_output=True, text=True)

    def run_under(self, before, *args) -> subprocess.CompletedProcess:
        """`iris ARGS…` with `before` (prlimit …) between the user and the program: who becomes a user whose limit is
        reached may not start anything."""
        return subprocess.run([*self._inside, *before, self.program, *args], env=self.env, cwd=self.home, timeout=180,
                              stdin=subprocess.DEVNULL, capture_output=True, text=True)

    @property
    def program(self) -> pathlib.Path:
        return self.folder / "bin/iris"

    def write_config(self, config: dict):
        super().write_config(config)
        self.own(self.config, 0o600)
