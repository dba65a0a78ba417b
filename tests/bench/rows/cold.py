"""The first message to a host that has the agent; another conversation on a connected host; one whose claude has ended."""

from bench import drive, stage
from bench.figures import Figure, at_most, at_most_floor
from bench.rows.warm import median_ms

FIGURES = [
    Figure("ssh, to the first answer", "ms"),
    Figure("cold, agent there", "ms", "ssh, to the first answer", at_most_floor(1.15)),
    Figure("pipe, to the first answer", "ms"),
    Figure("new conversation, local", "ms", "pipe, to the first answer", at_most(10)),
    Figure("new conversation, host", "ms", "pipe, to the first answer", at_most(10)),
    Figure("claude has ended, local", "ms", "pipe, to the first answer", at_most(6)),
    Figure("claude has ended, host", "ms", "pipe, to the first answer", at_most(6)),
]


def _once(iris, lane) -> float:
    return median_ms(drive.loop(iris, {"one": lane}, rounds=1, warmup=0)["one"])


def _after_sleep(iris, team) -> float:
    assert iris.run("sleep", team, "--from", "cli").returncode == 0
    return _once(iris, {"team": team})


def samples(bench):
    with stage.iris_and_host(bench) as there:
        iris = there.iris
        iris.greet("local", "host")
        _once(iris, {"team": "host"})
        for _ in range(bench.rounds):
            floor = _once(iris, drive.bare_ssh(there.ssh, opens=True))
            # Its agent stays; who asks next is another coordinator, without a link.
            assert iris.run("stop").returncode == 0
            iris.greet("local")
            sample = {"ssh, to the first answer": floor, "cold, agent there": _once(iris, {"team": "host"})}
            lanes = {"pipe, to the first answer": drive.bare_pipe(opens=True),
                     "new conversation, local": {"team": "local", "new_session": True},
                     "new conversation, host": {"team": "host", "new_session": True}}
            sample |= {name: median_ms(took) for name, took in drive.loop(iris, lanes, bench.count(20), warmup=2).items()}
            _once(iris, {"team": "local"})
            sample |= {f"claude has ended, {team}": _after_sleep(iris, team) for team in ("local", "host")}
            yield sample
