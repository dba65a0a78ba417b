"""Short chaos runs. tests/chaos/run.py has longer ones, and other seeds."""

import pytest

from chaos.run import run


@pytest.mark.parametrize("mix, seed, seconds", [("links", 1, 20), ("harmless", 2, 40), ("children", 1, 30)])
def test_chaos(mix, seed, seconds):
    assert run(seed, mix, seconds) == []
