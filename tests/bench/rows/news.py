"""How soon who waits hears of what has happened: a claude that was killed, an answer behind a link that was away."""

import os
import signal
import subprocess
import time

from bench import stage
from bench.figures import Figure, at_most, at_most_floor
from testbed import network as networks
from testbed.scratch import scratch_folder

ROUND_TRIP_MS = 50
TEAMS = ("local", "host")

FIGURES = [
    Figure("a shell's wait for a process that was killed", "ms"),
    *(Figure(f"claude was killed, {team}", "ms", "a shell's wait for a process that was killed", at_most(100)) for team in TEAMS),
    Figure(f"{ROUND_TRIP_MS} ms: ssh, to its first byte", "ms"),
    Figure(f"{ROUND_TRIP_MS} ms: the answer, over a link that returned", "ms", f"{ROUND_TRIP_MS} ms: ssh, to its first byte",
           at_most_floor(1, more=2 * ROUND_TRIP_MS + 100)),
]


def _wait_of_a_shell() -> float:
    with subprocess.Popen(["sh", "-c", "sleep 60 & echo $!; wait $!; echo ended"], stdout=subprocess.PIPE) as shell:
        pid = int(shell.stdout.readline())
        began = time.monotonic()
        os.kill(pid, signal.SIGKILL)
        shell.stdout.read()
        return (time.monotonic() - began) * 1000


def _start_turn(iris, team, milliseconds):
    """A message whose first words have come; (its `iris tell`, the pid of the claude)."""
    told = iris.start_tell(team, f"CLOCK {milliseconds}", as_json=True)
    def busy(status):
        return next((one["childPid"] for one in status["sessions"] if one["to"] == team and one["answerBytes"]), 0)
    return told, busy(iris.wait_for_status(busy))


def _until_told_of_a_kill(iris, team) -> float:
    told, claude = _start_turn(iris, team, 60_000)
    began = time.monotonic()
    os.kill(claude, signal.SIGKILL)
    out, _ = told.communicate(timeout=30)
    took = (time.monotonic() - began) * 1000
    assert told.returncode == 1 and '"child_exited"' in out and "CLOCK" in out, out
    return took


def _ssh_to_its_first_byte(there) -> float:
    began = time.monotonic()
    with subprocess.Popen([*there.ssh, "echo"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE) as ssh:
        assert ssh.stdout.read(1) == b"\n"
        return (time.monotonic() - began) * 1000


def _over_a_link_that_returned(there, network) -> float:
    """From the moment when somebody asks, over a network that works again, to the answer of before."""
    told, _ = _start_turn(there.iris, "host", 3000)
    network.reset()
    there.iris.wait_for_status(lambda status: all(link["state"] != "up" for link in status["links"] if "host" in link["teams"]))
    time.sleep(4)  # The answer is there, on the host. It is what this waits for.
    network.mend()
    began = time.monotonic()
    asked = there.iris.start_tell("host", "hello", from_="local")
    out, err = told.communicate(timeout=60)
    took = (time.monotonic() - began) * 1000
    assert told.returncode == 0, out + err
    assert asked.wait(60) == 0
    return took


def samples(bench):
    with (scratch_folder(bench.below) as folder, networks.network(folder) as network,
          stage.iris_and_host(bench) as near, stage.iris_and_host(bench, network) as far):
        near.iris.greet(*TEAMS)
        far.iris.greet("host")
        network.set(delay=ROUND_TRIP_MS / 2)
        for _ in range(bench.rounds):
            yield ({FIGURES[0].name: _wait_of_a_shell(), FIGURES[3].name: _ssh_to_its_first_byte(far),
                    FIGURES[4].name: _over_a_link_that_returned(far, network)}
                   | {f"claude was killed, {team}": _until_told_of_a_kill(near.iris, team) for team in TEAMS})
        network.set(delay=0)
