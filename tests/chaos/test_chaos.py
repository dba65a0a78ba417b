"""Short chaos runs. tests/chaos/run.py has longer ones, and other seeds."""

import pytest

from chaos.run import run


@pytest.mark.parametrize("mix, seed, seconds", [("links", 1, 20), ("harmless", 2, 30), ("children", 1, 20),
                                                ("agents", 3, 30), ("disk", 4, 20)])
def test_chaos(mix, seed, seconds):
    assert run(seed, mix, seconds) == []
