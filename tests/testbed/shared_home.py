"""Hosts that share the homes of their accounts, as over NFS: each an sshd in namespaces of its own, with a
hostname and pids of its own, and nothing else in common but the file systems."""

import contextlib

from testbed import sshd as daemons

# Runtime directories are a host's own; a home is not.
_ENTER = """
hostname "$1"
mkdir -p /run/user
mount -t tmpfs -o mode=0755 tmpfs /run/user
mkdir -m 0700 "/run/user/$2"
chown "$2:$2" "/run/user/$2"
shift 2
exec "$@"
"""


class Host(daemons.Sshd):
    def __init__(self, folder, name, user):
        folder.mkdir()
        self.name = name
        super().__init__(folder, inside=["unshare", "--uts", "--pid", "--mount", "--fork", "--kill-child",
                                         "--mount-proc", "sh", "-euc", _ENTER, "sh", name, str(user.uid)])

    def stop(self):
        """As if its power went: sshd is the first process of its pids, and all end with it."""
        if self._daemon.poll() is None:
            self._daemon.kill()
            self._daemon.wait(60)


@contextlib.contextmanager
def hosts(folder, user, *names):
    """The hosts with these names, which `user` can log in to."""
    with contextlib.ExitStack() as made:
        running = []
        for name in names:
            running.append(Host(folder / name, name, user))
            made.callback(running[-1].stop)
        yield running
