"""Text while it is said: what 10,000 lines a second cost, and how soon who waits hears the first words."""

from bench import drive, stage
from bench.counters import Counter
from bench.figures import Figure, at_most
from bench.rows.warm import median_ms

LINES_A_SECOND = 10_000
SECONDS = 3
FIGURES = [
    Figure("10,000 lines a second: CPU of both", "% of a CPU", None, at_most(28)),
    Figure("10,000 lines a second: time", "s", None, at_most(1.1 * SECONDS)),
    Figure("first words, local", "ms", None, at_most(5)),
    Figure("first words, host", "ms", None, at_most(5)),
]


def samples(bench):
    with stage.iris_and_host(bench) as there:
        iris = there.iris
        iris.greet("local", "host")
        lines = bench.count(LINES_A_SECOND * SECONDS)
        # An empty line stands between two.
        size = sum(len(f"line {number}") for number in range(1, lines + 1)) + 2 * (lines - 1)
        asked = {"team": "local", "text": f"LINES {lines} {LINES_A_SECOND}", "answer_bytes": size}
        pids = iris.coordinator(), iris.agent("local")
        words = {f"first words, {team}": {"team": team, "text": "CLOCK 20", "times_words": True} for team in ("local", "host")}
        for _ in range(bench.rounds):
            counters = [Counter(pid) for pid in pids]
            [took_us] = drive.loop(iris, {"lines": asked}, rounds=1, warmup=0)["lines"]
            cpu_us = sum(counter.used().cpu_us for counter in counters)
            heard = drive.loop(iris, words, rounds=bench.count(20), warmup=2)
            yield ({FIGURES[0].name: 100 * cpu_us / took_us, FIGURES[1].name: took_us / 1e6}
                   | {name: median_ms(took) for name, took in heard.items()})
