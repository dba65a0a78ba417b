"""Short chaos runs. tests/chaos/campaign.py has longer ones, and other seeds."""

import pytest

from chaos.run import run


@pytest.mark.parametrize("mix, seed, seconds", [("links", 1, 15), ("harmless", 2, 25), ("children", 1, 15),
                                                ("agents", 3, 25), ("disk", 4, 15)])
def test_chaos(mix, seed, seconds):
    assert run(seed, mix, seconds) == []
