"""Fifty hosts at once, each in namespaces of its own: names, processes, runtime directories."""

import time

from bench import drive, stage
from bench.counters import Counter, resident
from bench.figures import Figure, at_most_floor
from bench.rows.warm import median_ms
from integration.iris_fixtures import ended_cleanly
from testbed import remote_user as accounts
from testbed import shared_home
from testbed.scratch import scratch_folder

HOSTS = 50
QUIET_SECONDS = 20

FIGURES = [
    Figure("1 host: p50", "ms"),
    Figure(f"{HOSTS} hosts: p50 of one", "ms", "1 host: p50", at_most_floor(1.1)),
    Figure(f"{HOSTS} hosts: all have answered, from nothing", "s"),  # Three connections begin in a second, at most.
    Figure(f"{HOSTS} hosts: messages", "a second"),
    Figure("coordinator, of a host", "MB resident"),
    Figure(f"{HOSTS} hosts, quiet: CPU of the coordinator", "% of a CPU"),
    Figure(f"{HOSTS} hosts, quiet: wake-ups of the coordinator", "a second"),
]


def _p50(iris, team, bench) -> float:
    return median_ms(drive.loop(iris, {"one": {"team": team}}, rounds=bench.count(300))["one"])


def samples(bench):
    """The warm ones by rounds; what it takes to get there, once."""
    accounts.remove_strays()
    names = [f"h{number}" for number in range(max(2, bench.count(HOSTS)))]
    with scratch_folder(bench.below) as folder, accounts.user(folder, claude=False) as user:
        user.put_claude(drive.lean_claude())
        desk = folder / "desk"
        desk.mkdir()
        with (shared_home.hosts(folder, user, *names) as hosts,
              ended_cleanly(stage.BenchIris(desk, bench)) as iris):
            iris.write_config({"settings": {"maxProcesses": 1000}, "teams": {
                host.name: host.team(user, path=user.make_folder(host.name), remoteOptions={"connectTimeout": 60_000})
                for host in hosts}})
            iris.greet(names[0])
            first = resident(iris.coordinator())
            for _ in range(bench.rounds):
                yield {"1 host: p50": _p50(iris, names[0], bench)}
            sessions = [("bench@bench", name) for name in names]
            began = time.monotonic()
            drive.load(iris, each=1, at_once=len(names), sessions=sessions)
            yield {f"{HOSTS} hosts: all have answered, from nothing": time.monotonic() - began,
                   "coordinator, of a host": (resident(iris.coordinator()) - first) / 1e6 / (len(names) - 1)}
            states = {link["state"] for link in iris.status()["links"]}
            assert states == {"up"}, states
            for _ in range(bench.rounds):
                busy = drive.load(iris, each=bench.count(100), at_once=len(names), sessions=sessions)
                yield {f"{HOSTS} hosts: p50 of one": _p50(iris, names[0], bench), f"{HOSTS} hosts: messages": busy.a_second}
            counter, seconds = Counter(iris.coordinator()), QUIET_SECONDS * bench.share
            time.sleep(seconds)
            used = counter.used()
            yield {f"{HOSTS} hosts, quiet: CPU of the coordinator": used.cpu_us / 1e4 / seconds,
                   f"{HOSTS} hosts, quiet: wake-ups of the coordinator": used.switches / seconds}
