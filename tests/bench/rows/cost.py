"""What one warm local message after the other costs: CPU, switches, and what is written."""

from bench import drive, stage
from bench.counters import Counter
from bench.figures import Figure, at_most

BOTH = ("coordinator", "agent")
FIGURES = [
    Figure("CPU of both", "µs a message", None, at_most(200)),
    *(Figure(f"CPU of the {one}", "µs a message") for one in BOTH),
    *(Figure(f"voluntary switches of the {one}", "a message") for one in BOTH),
    Figure("written by the coordinator", "KB a message", None, at_most(10)),
    Figure("to the disk, by the coordinator", "KB a message", None, at_most(10)),
    Figure("written by the agent", "KB a message"),
    Figure("to the disk, by the agent", "KB a message"),
]


def of_messages(iris, count: int) -> dict:
    """{one of BOTH: what it used for each of `count` messages to `local`}"""
    pids = iris.coordinator(), iris.agent("local")  # To ask for them costs the coordinator something.
    counters = [Counter(pid) for pid in pids]
    drive.loop(iris, {"local": {"team": "local"}}, rounds=count, warmup=0)
    return {name: counter.used().a(count) for name, counter in zip(BOTH, counters)}


def samples(bench):
    with stage.iris_here(bench) as iris:
        iris.greet("local")
        drive.loop(iris, {"local": {"team": "local"}}, rounds=bench.count(200))
        for _ in range(bench.rounds):
            # Time is counted in ticks of 10 ms.
            used = of_messages(iris, bench.count(2000))
            yield ({"CPU of both": sum(one.cpu_us for one in used.values())}
                   | {f"CPU of the {name}": one.cpu_us for name, one in used.items()}
                   | {f"voluntary switches of the {name}": one.switches for name, one in used.items()}
                   | {f"written by the {name}": one.bytes_written / 1000 for name, one in used.items()}
                   | {f"to the disk, by the {name}": one.bytes_to_disk / 1000 for name, one in used.items()})
