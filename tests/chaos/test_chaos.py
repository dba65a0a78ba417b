"""Short chaos runs. tests/chaos/campaign.py has longer ones, and other seeds."""

import pytest

from chaos import schedule
from chaos.run import run


@pytest.mark.parametrize("mix, seed", [("links", 1), ("harmless", 2), ("children", 1), ("agents", 3), ("disk", 4)])
def test_chaos(mix, seed):
    done = run(seed, mix, seconds=180, messages=500, faults=12)
    assert done["found"] == []
    # Where little happened, nothing was tested.
    assert done["messages"] >= 500 and done["remote"] >= 100
    assert done["faults"] >= 12 and schedule.own_faults(mix) & done["by_fault"].keys()


def test_every_fault_of_a_mix_exists():
    for mix, faults in schedule.MIXES.items():
        assert all(hasattr(schedule.Faults, fault) for fault in faults), mix
        assert schedule.own_faults(mix) <= set(faults)
