"""Answers of 16 and 64 MB by `iris tell`, and what the coordinator holds in memory for one."""

import subprocess
import time

from bench import counters, drive, stage
from bench.figures import Figure, at_least, at_least_floor, at_most

SIZES_MB = (16, 64)
WAYS = {"local": ("pipe", at_least(120)), "forward": ("ssh", at_least_floor(0.7)), "stdio": ("ssh", at_least_floor(0.7))}
GIVEN_BACK_WITHIN_S = 10

FIGURES = [figure for size in SIZES_MB for figure in [
    *(Figure(f"{size} MB, {floor}", "MB/s") for floor in ("pipe", "ssh")),
    *(Figure(f"{size} MB, {team}", "MB/s", f"{size} MB, {floor}", goal) for team, (floor, goal) in WAYS.items()),
    Figure(f"{size} MB: peak of the coordinator", "times", None, at_most(2)),
    Figure(f"{size} MB: peak of the agent", "times"),
    Figure(f"{size} MB: the coordinator, {GIVEN_BACK_WITHIN_S} s later", "MB resident", None, at_most(80))]]


def seconds_to_tell(iris, team, size) -> float:
    began = time.monotonic()
    told = subprocess.run([*iris.command, "tell", team, f"BIG {size}"], env=iris.env, cwd=iris.home,
                          stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, timeout=600, check=False)
    took = time.monotonic() - began
    assert told.returncode == 0, told.stderr
    return took


def samples(bench):
    with stage.iris_and_host(bench) as there:
        iris = there.iris
        there.write_config(**{mode: there.team(remoteOptions={"linkMode": mode}) for mode in ("forward", "stdio")})
        iris.greet(*WAYS)
        for team in WAYS:
            assert len(iris.answer(team, "BIG 1000000")) == 1_000_000
        daemons = {"coordinator": iris.coordinator(), "agent": iris.agent("local")}
        for _ in range(bench.rounds):
            sample = {}
            for size_mb in SIZES_MB:
                size = bench.count(size_mb * 1_000_000)
                question = {"text": f"BIG {size}", "answer_bytes": size}
                # Each makes its text once, which is no part of it; ssh takes now this long and now that.
                floors = drive.loop(iris, {"pipe": drive.bare_pipe(**question), "ssh": drive.bare_ssh(there.ssh, **question)},
                                    rounds=3, warmup=1)
                sample |= {f"{size_mb} MB, {floor}": size / drive.percentile(took, 50) for floor, took in floors.items()}
                for team in WAYS:
                    seconds_to_tell(iris, team, size)  # Likewise.
                    for pid in daemons.values():
                        counters.forget_peak(pid)
                    sample[f"{size_mb} MB, {team}"] = size / 1e6 / seconds_to_tell(iris, team, size)
                    if team == "local":
                        sample |= {f"{size_mb} MB: peak of the {one}": counters.peak(pid) / size for one, pid in daemons.items()}
                        time.sleep(GIVEN_BACK_WITHIN_S * bench.share)
                        later = counters.resident(daemons["coordinator"])
                        sample[f"{size_mb} MB: the coordinator, {GIVEN_BACK_WITHIN_S} s later"] = later / 1e6
            yield sample
