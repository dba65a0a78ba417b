"""Where a chaos run takes place: Iris on a small disk, teams here and in two accounts of a host, one of which is
linked twice."""

import contextlib

from integration.far import far_away
from testbed import binaries, disk
from testbed import remote_user as accounts

HERE, THERE = ["l0", "l1", "l2"], ["r0", "r1", "r2"]
# A claude and a host may take long to answer: where many runs share a machine, that is no finding.
_SETTINGS = {"sessionInitTimeout": 300_000}
_REMOTE_OPTIONS = {"connectTimeout": 60_000}


class Stage:
    """A Far with these teams and accounts. `store_disk` has what the coordinator keeps, and nothing of the agent here."""

    def __init__(self, far, other, processes_max: int):
        self._processes_max = processes_max
        self.iris, self.users, self.network, self.disk = far.iris, [far.user, other], far.network, far.disk
        self._sshd = far.sshd
        self._user_of = {"r0": far.user, "r1": other, "r2": far.user}
        self.store_disk = disk.Disk(self.iris.iris_home, 0, mib=192)
        agent_here = self.iris.iris_home / "agent"
        agent_here.mkdir(mode=0o700)
        disk.Disk(agent_here, 0, mib=256)
        self._folders = {name: self.iris.home / name for name in HERE}
        for folder in self._folders.values():
            folder.mkdir()
        self._folders |= {name: user.make_folder(name) for name, user in self._user_of.items()}
        self._older = binaries.agent_in(self.iris.folder / "older")
        self.configure()

    def configure(self, older=False):
        """The teams; with the older build of the agent for hosts that have none."""
        teams = {name: {"path": str(self._folders[name])} for name in HERE}
        teams |= {name: self._sshd.team(user, path=self._folders[name], remoteOptions=_REMOTE_OPTIONS)
                  for name, user in self._user_of.items()}
        # Other words for ssh: another link to the same account.
        teams["r2"]["remote"] = teams["r2"]["remote"].replace("ssh ", "ssh -o Compression=yes ", 1)
        settings = _SETTINGS | {"maxProcesses": self._processes_max} | ({"agentBundle": str(self._older)} if older else {})
        self.iris.write_config({"teams": teams, "settings": settings})

    def homes(self) -> dict:
        """Of each team, the home and the project folder of its claude."""
        return ({name: (self.iris.home, self._folders[name]) for name in HERE}
                | {name: (user.home, self._folders[name]) for name, user in self._user_of.items()})

    def all_homes(self) -> list:
        return [self.iris.home, *(user.home for user in self.users)]

    def processes_there(self) -> list:
        return [process for user in self.users for process in user.processes()]

    def mend(self):
        self.network.mend()
        self.network.set(delay=0, jitter=0, loss=0, rate=0, queue=0)


@contextlib.contextmanager
def a_stage(seed: int, processes_max: int):
    """At most `processes_max` sessions have a claude."""
    with far_away(seed=seed) as far, accounts.user(far.iris.folder) as other:
        try:
            yield Stage(far, other, processes_max)
        finally:
            far.iris.stop()  # Before its disk goes.
            disk.unmount_below(far.iris.folder)
