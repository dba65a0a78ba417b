"""A warm message over a network that is slow: both link modes, with and without ssh's compression."""

import itertools

from bench import drive, stage
from bench.figures import Figure, at_most
from bench.rows.warm import median_ms
from testbed import network as networks
from testbed.scratch import scratch_folder

ROUND_TRIPS_MS = (2, 50)
MODES = ("forward", "stdio")
PACKED = {"": False, " -C": True}  # ssh's own option.


def _lanes(round_trip):
    return [f"{round_trip} ms, {mode}{packed}" for mode, packed in itertools.product(MODES, PACKED)]


FIGURES = [figure for round_trip in ROUND_TRIPS_MS for figure in [
    *(Figure(f"{round_trip} ms, ssh{packed}: p50", "ms") for packed in PACKED),
    *(Figure(f"{lane}: p50", "ms", f"{round_trip} ms, ssh{' -C' if lane.endswith('-C') else ''}: p50", at_most(round_trip + 1))
      for lane in _lanes(round_trip)),
    *(Figure(f"{lane}: p99", "ms") for lane in _lanes(round_trip))]]


def samples(bench):
    with (scratch_folder(bench.below) as folder, networks.network(folder) as network,
          stage.iris_and_host(bench, network) as there):
        teams = {f"{mode}{packed}": (there.packed_team if with_c else there.team)(remoteOptions={"linkMode": mode})
                 for mode, (packed, with_c) in itertools.product(MODES, PACKED.items())}
        names = {lane: lane.replace(" ", "") for lane in teams}  # No name of a team has a blank.
        there.write_config(**{names[lane]: team for lane, team in teams.items()})
        there.iris.greet(*names.values())
        lanes = {lane: {"team": name} for lane, name in names.items()}
        plain = there.ssh
        lanes |= {"ssh": drive.bare_ssh(plain),
                  "ssh -C": drive.bare_ssh([*plain[:plain.index("ssh")], "ssh", "-C", *plain[plain.index("ssh") + 1:]])}
        for _ in range(bench.rounds):
            sample = {}
            for round_trip in ROUND_TRIPS_MS:
                network.set(delay=round_trip / 2)
                micros = drive.loop(there.iris, lanes, rounds=bench.count(2000 // (round_trip + 8)), warmup=5)
                for lane, took in micros.items():
                    sample[f"{round_trip} ms, {lane}: p50"] = median_ms(took)
                    if not lane.startswith("ssh"):
                        sample[f"{round_trip} ms, {lane}: p99"] = drive.percentile(took, 99) / 1000
            network.set(delay=0)
            yield sample
