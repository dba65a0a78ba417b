"""How often daemons wake up that have nothing to do: one host, one session, no message."""

import time

from bench import stage
from bench.counters import Counter
from bench.figures import Figure, at_most

SECONDS = 60
BOTH = ("coordinator", "agent")
FIGURES = [Figure(f"wake-ups of the {one}", "a second", None, at_most(1)) for one in BOTH]


def a_second(pids, seconds: float) -> list:
    """How often each of them woke up, a second."""
    counters = [Counter(pid) for pid in pids]
    time.sleep(seconds)
    return [counter.used().switches / seconds for counter in counters]


def samples(bench):
    """One: it takes as long as five of another row."""
    with stage.iris_and_host(bench) as there:
        there.iris.greet("host")
        time.sleep(10 * bench.share)  # What the message has left to be done is done.
        pids = there.iris.coordinator(), there.iris.agent("host")
        woken = a_second(pids, SECONDS * bench.share)
        yield {figure.name: often for figure, often in zip(FIGURES, woken)}
