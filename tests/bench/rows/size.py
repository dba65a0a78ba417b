"""How large the program is that is put on hosts."""

import gzip

from bench.figures import Figure, at_most

FIGURES = [Figure("agent", "MB", None, at_most(9)), Figure("agent, gzip", "MB", None, at_most(4))]


def samples(bench):
    program = bench.agent.read_bytes()
    yield {"agent": len(program) / 1e6, "agent, gzip": len(gzip.compress(program, 9)) / 1e6}
