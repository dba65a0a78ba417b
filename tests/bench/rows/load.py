"""Messages a second, many sessions at once: "10 × 10" are 10 sessions, each of which gets its next message when it has
answered, as long as it takes; "100 × 100" are 100 sessions with 100 messages each."""

import contextlib
import subprocess

from bench import drive, stage
from bench.counters import Counter
from bench.figures import Figure, at_least, at_least_floor, at_most
from testbed.waiting import wait_until

EACH = {"10 × 10": (10, 400), "100 × 100": (100, 100)}  # Sessions, and messages to each.
LARGE = "100 × 100"

FIGURES = [figure for size in EACH for figure in [
    Figure(f"pipe, {size}", "a second"),
    Figure(f"local, {size}", "a second", f"pipe, {size}", at_least(5000)),
    Figure(f"ssh, {size}", "a second"),
    Figure(f"forward, {size}", "a second", f"ssh, {size}", at_least_floor(0.4)),
    Figure(f"local, {size}: p99", "ms"),
    Figure(f"forward, {size}: p99", "ms"),
    Figure(f"local, {size}: CPU of both a message", "µs", None, at_most(200)),
    Figure(f"local, {size}: written by the coordinator", "KB", None, at_most(5 if size == LARGE else 10)),
    Figure(f"local, {size}: to the disk, by the coordinator", "KB", None, at_most(5 if size == LARGE else 10)),
    Figure(f"local, {size}: written by the agent", "KB")]]


@contextlib.contextmanager
def shared_connection(there):
    """One connection for many sessions, as Iris has one: the start of a command line that uses it."""
    socket = there.sshd.folder / "shared"
    options = ["-o", f"ControlPath={socket}"]
    # Without a session sshd would let small packets wait for 40 ms.
    with subprocess.Popen(there.sshd.command(there.user, *options, "-o", "ControlMaster=yes") + ["exec cat"],
                          stdin=subprocess.PIPE) as master:
        try:
            check = there.sshd.command(there.user, *options, "-O", "check")
            wait_until(lambda: subprocess.run(check, capture_output=True, check=False).returncode == 0)
            yield there.sshd.command(there.user, *options, "-o", "ControlMaster=no")
        finally:
            master.terminate()


def samples(bench):
    with stage.iris_and_host(bench) as there, shared_connection(there) as ssh:
        iris = there.iris
        iris.greet("local", "host")
        coordinator, agent = iris.coordinator(), iris.agent("local")
        for team in ("local", "host"):
            drive.load(iris, each=2, at_once=20, sessions=drive.callers(100, team))
        for _ in range(bench.rounds):
            sample = {}
            for size, (sessions, each) in EACH.items():
                each = bench.count(each)
                floors = {"pipe": drive.bare_pipe()["claude"], "ssh": drive.bare_ssh(ssh)["claude"]}
                for name, command in floors.items():
                    sample[f"{name}, {size}"] = drive.load(iris, each, claudes=[command] * sessions).a_second
                counters = Counter(coordinator), Counter(agent)
                local = drive.load(iris, each, sessions=drive.callers(sessions, "local"))
                of_coordinator, of_agent = (counter.used().a(local.tells) for counter in counters)
                forward = drive.load(iris, each, sessions=drive.callers(sessions, "host"))
                for name, loaded in {"local": local, "forward": forward}.items():
                    sample[f"{name}, {size}"] = loaded.a_second
                    sample[f"{name}, {size}: p99"] = drive.percentile(loaded.micros, 99) / 1000
                sample |= {f"local, {size}: CPU of both a message": of_coordinator.cpu_us + of_agent.cpu_us,
                           f"local, {size}: written by the coordinator": of_coordinator.bytes_written / 1000,
                           f"local, {size}: to the disk, by the coordinator": of_coordinator.bytes_to_disk / 1000,
                           f"local, {size}: written by the agent": of_agent.bytes_written / 1000}
            yield sample
