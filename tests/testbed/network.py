"""Two hosts with a network between them that can be slow, lossy, cut, or hostile: network namespaces.

`ip netns` shows them as iris-t-PID-N-c (the client's side) and iris-t-PID-N-h (the host's)."""

import contextlib
import itertools
import os
import pathlib
import re
import socket
import subprocess
import time

from testbed import binaries, processes

HOST = "10.77.0.2"
_CLIENT = "10.77.0.1"
_NETNS = pathlib.Path("/run/netns")
_numbers = itertools.count(1)


def _ip(*args):
    subprocess.run(["ip", *map(str, args)], check=True)


class Network:
    """Up from construction until stop(). `seed` is that of what is lost."""

    def __init__(self, folder: pathlib.Path, seed=1):
        name = f"iris-t-{os.getpid()}-{next(_numbers)}"
        self._namespaces = [f"{name}-c", f"{name}-h"]
        for namespace in self._namespaces:
            _ip("netns", "add", namespace)
            _ip("-n", namespace, "link", "set", "lo", "up")
        self._socket = folder / "link.sock"
        ends = [[namespace, "iris0", f"{address}/24"]
                for namespace, address in zip(self._namespaces, (_CLIENT, HOST))]
        # It ends with its stdin, and so with us, however we end.
        self._link = subprocess.Popen([binaries.program("tests/testbed/tun_link"), self._socket, str(seed),
                                       *ends[0], *ends[1]], stdin=subprocess.PIPE)
        deadline = time.monotonic() + 30
        while not self._socket.exists():
            assert self._link.poll() is None and time.monotonic() < deadline, "tun_link does not start"
            time.sleep(0.01)
        self._control = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._control.bind(str(folder / "link-answers.sock"))
        self._control.settimeout(30)

    @property
    def client(self) -> list:
        """What goes before a command that is to run on the client's side."""
        return ["nsenter", f"--net={_NETNS / self._namespaces[0]}", "--"]

    @property
    def host(self) -> list:
        """… on the host's, whose address is HOST."""
        return ["nsenter", f"--net={_NETNS / self._namespaces[1]}", "--"]

    # What the network is like. In force when the call returns.

    def set(self, **settings):
        """delay, jitter (ms, one way), loss (percent), rate (kbit/s); tun_link.cc says more."""
        order = " ".join(f"{key} {value}" for key, value in settings.items())
        self._control.sendto(order.encode(), str(self._socket))
        answer = self._control.recv(512).decode()
        assert answer == "ok", answer

    def swallow(self, what="both"):
        """A black hole: no packet arrives, and nobody is told. `what`: to_host, to_client, both."""
        self.set(drop={"to_host": 1, "to_client": 2, "both": 3}[what])

    def reset(self):
        """Every connection over the link gets RST when it next says something, new ones at once."""
        self.set(reset=1)

    def mend(self):
        """The end of swallow() and reset()."""
        self.set(drop=0, reset=0)

    def stop(self):
        self._control.close()
        self._link.stdin.close()
        self._link.wait(30)
        for namespace in self._namespaces:
            _remove(namespace)


def _pids(namespace) -> list:
    done = subprocess.run(["ip", "netns", "pids", namespace], stdout=subprocess.PIPE, text=True)
    return [int(pid) for pid in done.stdout.split()]


def _remove(namespace):
    """With what still runs there."""
    processes.end_leftovers(lambda: [processes.Process(pid, info) for pid in _pids(namespace)
                                     if (info := processes.process_info(pid))], patience=0)
    _ip("netns", "delete", namespace)


def remove_strays():
    """Namespaces of test runs that were killed: those whose run, named by its pid, is gone."""
    for path in _NETNS.glob("iris-t-*") if _NETNS.exists() else []:
        match = re.fullmatch(r"iris-t-(\d+)-\d+-[ch]", path.name)
        if match and not os.path.exists(f"/proc/{match[1]}"):
            try:
                _remove(path.name)
            except subprocess.CalledProcessError:
                if path.exists():  # Else another run, which began at the same time, was quicker.
                    raise


@contextlib.contextmanager
def network(folder, **options):
    """A Network that is gone afterwards."""
    remove_strays()
    one = Network(folder, **options)
    try:
        yield one
    finally:
        one.stop()
