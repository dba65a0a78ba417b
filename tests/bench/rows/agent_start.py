"""How long an agent takes until it serves, with sessions of an earlier one on its disk."""

import contextlib
import os
import signal
import socket
import subprocess
import time

from bench import drive, stage
from bench.figures import Figure, at_most
from testbed import processes
from testbed.waiting import wait_until

KEPT = (0, 200, 1000)
FIGURES = [Figure(f"{kept} kept sessions", "ms", None if kept == 0 else "0 kept sessions", at_most(30)) for kept in KEPT]


@contextlib.contextmanager
def _with_kept(bench, sessions: int):
    """An Iris of which nothing runs, whose agent has worked for so many sessions."""
    with stage.iris_here(bench, processes_max=20) as iris:
        iris.greet("local")
        if sessions > 1:
            drive.load(iris, each=1, at_once=20, sessions=drive.callers(sessions - 1, "local"))
        agent = iris.agent("local")
        assert iris.run("stop").returncode == 0
        os.kill(agent, signal.SIGTERM)
        wait_until(lambda: processes.process_info(agent) is None)
        yield iris


def _start(bench, iris, home) -> float:
    """Milliseconds until an agent of that home says that it is ready."""
    reader, writer = socket.socketpair()
    command = [bench.agent, "serve", "--home", home, "--data", home / "agent"]
    began = time.monotonic()
    with subprocess.Popen(command, env=iris.env | {"IRIS_READY_FD": str(writer.fileno())}, pass_fds=[writer.fileno()],
                          stdin=subprocess.DEVNULL) as agent:
        writer.close()
        reader.settimeout(60)
        said = reader.recv(1)
        took = (time.monotonic() - began) * 1000
        agent.terminate()
        agent.wait(60)
    reader.close()
    assert said == b"R", "it does not start"
    return took


def samples(bench):
    with contextlib.ExitStack() as stack:
        homes = {}
        for kept in KEPT:
            iris = stack.enter_context(_with_kept(bench, bench.count(kept) if kept else 1))
            empty = iris.folder / "empty"
            empty.mkdir(mode=0o700)
            homes[f"{kept} kept sessions"] = iris, iris.iris_home if kept else empty
        for _ in range(bench.rounds):
            yield {name: _start(bench, iris, home) for name, (iris, home) in homes.items()}
