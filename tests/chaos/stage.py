"""Where a chaos run takes place: Iris on a small disk, teams here and on a host that is linked twice."""

import contextlib
import shutil

from integration.far import far_away
from testbed import binaries, disk

HERE, THERE = ["l0", "l1", "l2"], ["r0", "r1", "r2"]
# One fewer than there are sessions, so that now and then one is put to sleep for another. A claude and a host may take
# long to answer: where many runs share a machine, that is no finding.
_SETTINGS = {"maxProcesses": 14, "sessionInitTimeout": 300_000}
_REMOTE_OPTIONS = {"connectTimeout": 60_000}


class Stage:
    """A Far with these teams. `store_disk` has what the coordinator keeps."""

    def __init__(self, far):
        self.iris, self.user, self.network, self.disk = far.iris, far.user, far.network, far.disk
        self._sshd = far.sshd
        self.store_disk = disk.Disk(self.iris.iris_home, 0, mib=192)
        self._folders = {name: self.iris.home / name for name in HERE}
        for folder in self._folders.values():
            folder.mkdir()
        self._folders |= {name: self.user.make_folder(name) for name in THERE}
        self._older = self.iris.folder / "older"
        self._older.mkdir()
        shutil.copy(binaries.program("agent/iris-agent-older"), self._older / "iris-agent")
        self.configure()

    def configure(self, older=False):
        """The teams; with the older build of the agent for hosts that have none."""
        teams = {name: {"path": str(self._folders[name])} for name in HERE}
        teams |= {name: self._sshd.team(self.user, path=self._folders[name], remoteOptions=_REMOTE_OPTIONS)
                  for name in THERE}
        # Other words for ssh: another link to the same host.
        teams["r2"]["remote"] = teams["r2"]["remote"].replace("ssh ", "ssh -o Compression=yes ", 1)
        settings = _SETTINGS | ({"agentBundle": str(self._older)} if older else {})
        self.iris.write_config({"teams": teams, "settings": settings})

    def homes(self) -> dict:
        """Of each team, the home and the project folder of its claude."""
        return ({name: (self.iris.home, self._folders[name]) for name in HERE}
                | {name: (self.user.home, self._folders[name]) for name in THERE})

    def mend(self):
        self.network.mend()
        self.network.set(delay=0, jitter=0, loss=0, rate=0)


@contextlib.contextmanager
def a_stage(seed: int):
    with far_away(seed=seed) as far:
        try:
            yield Stage(far)
        finally:
            far.iris.stop()  # Before its disk goes.
            disk.unmount_below(far.iris.folder)
