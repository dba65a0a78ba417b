"""A short run of the bench, for what it must not exceed."""

from bench import warm_round_trip

OVER_SSH = ("ssh, forward", "ssh, stdio")


def test_a_tell_over_ssh_takes_at_most_five_times_what_bare_ssh_takes():
    # Whatever else runs here hits the longer way more often: the quietest of three runs counts.
    for _ in range(3):
        lanes = warm_round_trip.measure(rounds=200)
        limit = 5 * lanes["bare ssh"].percentile(50)
        if all(lanes[name].percentile(50) <= limit for name in OVER_SSH):
            return
    raise AssertionError("\n" + warm_round_trip.table(lanes))
