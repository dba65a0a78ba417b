"""A host at the other end of a network, with Iris at this end."""

import contextlib

from integration.iris_fixtures import Iris, ended_cleanly
from testbed import disk as disks
from testbed import network as networks
from testbed import remote_user as accounts
from testbed import sshd as daemons
from testbed.scratch import scratch_folder


class Far:
    """A network with Iris on one side, `iris`, and an account's host on the other: `sshd`, `user`.

    The team there is `gpu`; `here` is one on this side. What the agent there keeps is on a small `disk`."""

    def __init__(self, folder, network, user, before):
        (folder / "sshd").mkdir()
        self.network, self.user = network, user
        self.disk = disks.Disk(user.make_folder(".local/share/iris"), user.uid)
        self.sshd = daemons.Sshd(folder / "sshd", address=networks.HOST, inside=[*network.host, *before])
        self.iris = Iris(folder, inside=[*network.client, *before])
        self.iris.write_config({"teams": {"gpu": self.sshd.team(user), "here": self.iris.local_team()}})

    def stop(self) -> list:
        """Ends Iris over a network that works again; returns what it left behind on this side."""
        self.network.mend()
        self.network.set(delay=0, jitter=0, loss=0, rate=0)
        leftovers = self.iris.stop()
        self.sshd.stop()
        return leftovers


@contextlib.contextmanager
def far_away(seed=1, before=()):
    """A Far that is gone afterwards; `before` goes before the commands of both sides. Fails if anything of it outlives
    that."""
    accounts.remove_strays()
    with (scratch_folder() as folder, networks.network(folder, seed=seed) as network,
          accounts.user(folder) as user):
        one = Far(folder, network, user, before)
        with ended_cleanly(one):
            yield one
