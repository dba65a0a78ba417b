"""Measures what a message costs, row by row, each beside its floor. README.md says what the rows are.

As root, on a quiet machine, after `bazel build //...`; tests/bench/run.sh runs it.
"""

import argparse
import importlib
import itertools
import json
import os
import pathlib
import platform
import subprocess
import sys
import time

from bench import figures, stage

# In this order: those that need much of the machine last.
ROWS = ("size", "warm", "cost", "process", "cold", "upload", "stream", "news", "large", "load", "far", "agent_start", "idle", "crowd",
        "stop", "hosts")


def row(name: str):
    """Its module: FIGURES, and samples(bench), a generator of {figure's name: value}."""
    return importlib.import_module(f"bench.rows.{name}")


def _add(sample: dict, to: dict):
    for name, value in sample.items():
        to.setdefault(name, []).append(value)


def measure(name: str, bench, before=None) -> list:
    """[Measured] of one row; with those of another build, measured in turns, if `before` is a Bench."""
    now, then = {}, {}
    runs = [row(name).samples(bench)] + ([row(name).samples(before)] if before else [])
    for samples in itertools.zip_longest(*runs, fillvalue={}):
        for sample, to in zip(samples, (now, then)):
            _add(sample, to)
    return figures.measured(row(name).FIGURES, now, then)


def _said_by(*command) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return (done.stdout + done.stderr).strip()


def about(bench, before) -> dict:
    """What the figures depend on."""
    return {"at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), "kernel": platform.release(), "cpus": os.cpu_count(),
            "load": os.getloadavg()[0], "files": _said_by("stat", "-f", "-c", "%T", bench.below), "rounds": bench.rounds,
            "share": bench.share, "build": _said_by(bench.iris, "version"),
            **({"before": _said_by(before.iris, "version")} if before else {})}


def _arguments():
    parser = argparse.ArgumentParser(prog="tests/bench/run.sh", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", action="append", metavar="ROW", choices=ROWS, help="this row alone; may be repeated")
    parser.add_argument("--but", action="append", metavar="ROW", choices=ROWS, default=[], help="not this row; may be repeated")
    parser.add_argument("--list", action="store_true", help="name the rows, and what each measures")
    parser.add_argument("--json", type=pathlib.Path, metavar="FILE", help="write all samples there")
    parser.add_argument("--page", type=pathlib.Path, metavar="FILE", help="write the tables there, for docs/PERFORMANCE.md")
    parser.add_argument("--rounds", type=int, default=5, help="how often each row is measured; medians are taken (5)")
    parser.add_argument("--share", type=float, default=1.0, help="of all counts and times; 0.02 is a look whether all works")
    parser.add_argument("--against", metavar="FOLDER", help="another bazel-bin, which is measured in turns with this one")
    parser.add_argument("--folder", default="/tmp", help="where stores and homes are: the file system counts (/tmp)")
    parser.add_argument("--check", action="store_true", help="exit 1 where a goal is missed")
    return parser.parse_args()


def main() -> int:
    arguments = _arguments()
    if arguments.list:
        for name in ROWS:
            print(f"{name}: {row(name).__doc__}")
            print("".join(f"    {one.name} ({one.unit})\n" for one in row(name).FIGURES))
        return 0
    assert os.geteuid() == 0, "accounts, sshd and namespaces need root"
    options = {"rounds": arguments.rounds, "share": arguments.share, "below": arguments.folder}
    bench = stage.bench_of(**options)
    before = stage.bench_of(arguments.against, **options) if arguments.against else None
    said = {"about": about(bench, before), "rows": {}}
    print(json.dumps(said["about"], ensure_ascii=False), flush=True)
    missed, failed, pages = [], [], []
    for name in arguments.only or [name for name in ROWS if name not in arguments.but]:
        began = time.monotonic()
        try:
            measured = measure(name, bench, before)
        except (Exception, KeyboardInterrupt) as why:  # pylint: disable=broad-except
            failed.append(name)
            print(f"\n{name} FAILED: {type(why).__name__}: {why}", flush=True)
            if isinstance(why, KeyboardInterrupt):
                break
            continue
        print(f"\n{name}, {time.monotonic() - began:.0f} s\n{figures.table(measured)}", flush=True)
        said["rows"][name] = [one.as_json() for one in measured]
        missed += [f"{name}: {one.figure.name}" for one in measured if one.is_met is False]
        pages.append(f"### {name}\n\n{row(name).__doc__}\n\n{figures.page(measured)}\n")
        # After each row: a later one may fail.
        if arguments.json:
            arguments.json.write_text(json.dumps(said, indent=1, ensure_ascii=False) + "\n")
        if arguments.page:
            arguments.page.write_text("\n".join(pages))
    print(f"\n{len(missed)} goals missed" + "".join(f"\n  {one}" for one in missed))
    if failed:
        print(f"rows that failed: {', '.join(failed)}")
    return 1 if failed or (arguments.check and missed) else 0


if __name__ == "__main__":
    sys.exit(main())
