"""`iris stop --agents` with 1,000 sessions that are alive."""

import time

from bench import stage
from bench.figures import Figure, at_most
from bench.rows.crowd import Crowd

FIGURES = [Figure("iris stop --agents, 1,000 sessions", "s", None, at_most(1))]


def samples(bench):
    with stage.iris_here(bench) as iris:
        for _ in range(bench.rounds):
            Crowd(iris).grow(max(3, bench.count(1000)))
            began = time.monotonic()
            stopped = iris.run("stop", "--agents")
            took = time.monotonic() - began
            assert stopped.returncode == 0, stopped.stderr
            yield {FIGURES[0].name: took}
