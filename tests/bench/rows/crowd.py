"""The same message beside more and more sessions that are alive: what it costs then, and what a session costs."""

import time

from bench import drive, stage
from bench.counters import Counter, children, own_memory, resident
from bench.figures import Figure, at_most, at_most_floor
from bench.rows.cost import of_messages
from bench.rows.warm import median_ms

SIZES = (10, 100, 1000)
LARGEST = SIZES[-1]
ALONE = "alone"
QUIET_SECONDS = 20
RESIDENT_MB_MAX = {"coordinator": 100, "agent": 67}

FIGURES = [
    Figure(f"{ALONE}: p50", "ms"), Figure(f"{ALONE}: CPU", "µs a message"),
    *(figure for size in SIZES for figure in (
        Figure(f"{size} sessions: p50", "ms", f"{ALONE}: p50"),
        Figure(f"{size} sessions: CPU", "µs a message", f"{ALONE}: CPU", at_most_floor(1.1) if size == LARGEST else None))),
    Figure("memory of a session on its host", "MB", None, at_most(0.1)),
    Figure("of it, the keeper's", "MB"),
    Figure("of it, the growth of the agent", "MB"),
    Figure("growth of the coordinator", "MB a session"),
    *(Figure(f"{one}, {LARGEST} sessions", "MB resident", None, at_most(most)) for one, most in RESIDENT_MB_MAX.items()),
    *(Figure(f"{one}, {LARGEST} sessions, quiet: CPU", "% of a CPU", None, at_most(1)) for one in RESIDENT_MB_MAX),
]


class Crowd:
    """Sessions of one Iris with its team `local`, all of them alive; one of them is the command line's."""

    def __init__(self, iris):
        self.iris = iris
        iris.greet("local")
        drive.loop(iris, {"local": {"team": "local"}}, rounds=1, warmup=0)
        self.size = 2

    def grow(self, size: int):
        sessions = drive.callers(size - 2, "local")[self.size - 2:]
        drive.load(self.iris, each=1, at_once=20, sessions=sessions)
        self.size = size
        alive = sum(session["state"] == "ready" for session in self.iris.status()["sessions"])
        assert alive == size, f"{alive} are alive, of {size}"

    def sample(self, name: str, messages: int) -> dict:
        used = of_messages(self.iris, messages)
        micros = drive.loop(self.iris, {"local": {"team": "local"}}, rounds=messages // 4 + 1)
        return {f"{name}: p50": median_ms(micros["local"]), f"{name}: CPU": sum(one.cpu_us for one in used.values())}


def _memory(iris) -> tuple:
    """(The agent's own, its keepers', the coordinator's own), in MB."""
    agent = iris.agent("local")
    keepers = sum(own_memory(keeper) for keeper in children(agent))
    return tuple(size / 1e6 for size in (own_memory(agent), keepers, own_memory(iris.coordinator())))


def samples(bench):
    with stage.iris_here(bench) as one, stage.iris_here(bench) as other:
        alone, crowd = Crowd(one), Crowd(other)
        sizes = {size: max(3, bench.count(size)) for size in SIZES}
        before = None
        for size in SIZES:
            crowd.grow(sizes[size])
            for _ in range(bench.rounds):
                yield alone.sample(ALONE, bench.count(2000)) | crowd.sample(f"{size} sessions", bench.count(2000))
            before = before or (_memory(crowd.iris), crowd.size)
        after, more = _memory(crowd.iris), max(1, crowd.size - before[1])
        agent, keepers, coordinator = ((now - then) / more for now, then in zip(after, before[0]))
        yield {"memory of a session on its host": agent + keepers, "of it, the keeper's": keepers,
               "of it, the growth of the agent": agent, "growth of the coordinator": coordinator}
        pids = dict(zip(RESIDENT_MB_MAX, (crowd.iris.coordinator(), crowd.iris.agent("local"))))
        looks = {one: Counter(pid) for one, pid in pids.items()}
        time.sleep(QUIET_SECONDS * bench.share)
        yield {f"{one}, {LARGEST} sessions, quiet: CPU": look.used().cpu_us / 1e4 / (QUIET_SECONDS * bench.share)
               for one, look in looks.items()}
        yield {f"{one}, {LARGEST} sessions": resident(pid) / 1e6 for one, pid in pids.items()}
