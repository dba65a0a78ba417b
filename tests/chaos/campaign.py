#!/usr/bin/python3
"""Many chaos runs, several at a time; they wait more than they compute.

Usage (as root): tests/chaos/campaign.py FOLDER [--mixes A,B] [--seeds A-B] [--messages N] [--jobs N] [--until HH:MM]
FOLDER gets what each run said, and all that a run left in which something did not hold. Begins no run after --until.
Ends with a table; exit 1 if anything did not hold."""

import argparse
import concurrent.futures
import datetime
import itertools
import json
import pathlib
import shutil
import subprocess
import sys

if __name__ == "__main__":
    sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from chaos import schedule

_RUN = pathlib.Path(__file__).resolve().with_name("run.py")
# A second for each: far more than a slow machine takes. Of a run that takes longer nothing is known.
_SECONDS_PER_MESSAGE, _SECONDS_AT_LEAST = 1, 900
_PREFIX = "chaos-summary "


def one_run(folder: pathlib.Path, mix: str, seed: int, messages: int, until) -> dict:
    """Its summary, and whether it went well."""
    if until and datetime.datetime.now() >= until:
        return {"mix": mix, "seed": seed, "verdict": "not run"}
    name = f"{mix}-{seed}"
    (folder / name).mkdir(parents=True)
    command = [sys.executable, _RUN, "--mix", mix, "--seed", str(seed), "--messages", str(messages),
               "--keep", folder / name / "kept"]
    with open(folder / name / "said", "w") as said:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=said, stderr=said)
        try:
            code = process.wait(max(_SECONDS_AT_LEAST, _SECONDS_PER_MESSAGE * messages))
        except subprocess.TimeoutExpired:
            process.terminate()
            process.wait()
            code = "too long"
    summary = {"mix": mix, "seed": seed}
    for line in (folder / name / "said").read_text(errors="replace").splitlines():
        if line.startswith(_PREFIX):
            summary = json.loads(line.removeprefix(_PREFIX))
    if code == 0:
        shutil.rmtree(folder / name / "kept")
    summary["verdict"] = {0: "well", 1: "FOUND"}.get(code, f"BROKE ({code})")
    print(_row(summary), flush=True)
    return summary


_COLUMNS = [("mix", 9), ("seed", 4), ("messages", 8), ("remote", 6), ("seconds", 8), ("faults", 6), ("lost", 4), ("twice", 5),
            ("order", 5), ("other", 5), ("verdict", 8)]


def _row(summary: dict) -> str:
    failed = ", ".join(f"{kind} {count}" for kind, count in sorted(summary.get("failed", {}).items()))
    return "  ".join(f"{summary.get(name, '-')!s:>{width}}" for name, width in _COLUMNS) + f"  {failed or '-'}"


def _head() -> str:
    return "  ".join(f"{name:>{width}}" for name, width in _COLUMNS) + "  failed"


def table(summaries: list) -> str:
    sums = {"mix": "all"}
    for name in ("messages", "remote", "seconds", "faults", "lost", "twice", "order", "other"):
        sums[name] = round(sum(summary.get(name, 0) for summary in summaries), 1)
    ran = [summary for summary in summaries if summary["verdict"] != "not run"]
    sums["verdict"] = f"{sum(summary['verdict'] == 'well' for summary in ran)} of {len(ran)}"
    return "\n".join([_head(), *map(_row, summaries), _row(sums)])


def _range(text: str) -> range:
    first, _, last = text.partition("-")
    return range(int(first), int(last or first) + 1)


def _time_of_day(text: str) -> datetime.datetime:
    now = datetime.datetime.now()
    at = datetime.datetime.combine(now.date(), datetime.time.fromisoformat(text))
    return at if at > now else at + datetime.timedelta(days=1)


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--mixes", type=lambda text: text.split(","), default=[mix for mix in schedule.MIXES if mix != "calm"])
    parser.add_argument("--seeds", type=_range, default=range(1, 11))
    parser.add_argument("--messages", type=int, default=10_000)
    parser.add_argument("--jobs", type=int, default=3)
    parser.add_argument("--until", type=_time_of_day)
    options = parser.parse_args()
    if unknown := set(options.mixes) - set(schedule.MIXES):
        parser.error(f"no such mix: {', '.join(sorted(unknown))}")
    options.folder.mkdir(parents=True)
    print(_head(), flush=True)
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        # Every mix before the second seed of one.
        runs = [pool.submit(one_run, options.folder, mix, seed, options.messages, options.until)
                for seed, mix in itertools.product(options.seeds, options.mixes)]
        summaries = [run.result() for run in runs]
    summaries.sort(key=lambda summary: (options.mixes.index(summary["mix"]), summary["seed"]))
    print("\n" + table(summaries), flush=True)
    (options.folder / "summary.json").write_text(json.dumps(summaries, indent=1))
    return 0 if all(summary["verdict"] in ("well", "not run") for summary in summaries) else 1


if __name__ == "__main__":
    sys.exit(main())
