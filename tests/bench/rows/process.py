"""Commands as whole processes, and `iris mcp` from its start to its first answer."""

from bench import drive, stage
from bench.figures import Figure, at_most
from bench.rows.warm import median_ms

GOALS = {"iris status": at_most(4), "iris tell": at_most(4), "iris mcp, to its first answer": None, "iris version": None}
FIGURES = [Figure("true", "ms"), *(Figure(name, "ms", "true", goal) for name, goal in GOALS.items())]


def samples(bench):
    with stage.iris_here(bench) as iris:
        iris.greet("local")
        lanes = {"true": {"run": ["/bin/true"]},
                 "iris version": {"run": [iris.program, "version"]},
                 "iris status": {"run": [iris.program, "status"]},
                 "iris tell": {"run": [iris.program, "tell", "local", "hello"]},
                 "iris mcp, to its first answer": {"mcp": [iris.program, "mcp"], "team": "local", "opens": True}}
        for _ in range(bench.rounds):
            yield {name: median_ms(took) for name, took in drive.loop(iris, lanes, bench.count(100), warmup=5).items()}
