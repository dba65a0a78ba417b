#!/usr/bin/python3
"""Adds up JUnit reports. Usage: count_results.py BAZEL_TESTLOGS|REPORT...

Prints "N passed, N failed"; exit 1 if anything failed or a report is missing."""
import pathlib
import sys
import xml.etree.ElementTree as ElementTree


def reports_of(path):
    """The reports in a folder of bazel's; a file is one."""
    return sorted(path.rglob("test.xml")) if path.is_dir() else [path]


def main(*paths):
    reports = [report for path in paths for report in reports_of(pathlib.Path(path))]
    passed = failed = 0
    for report in reports:
        try:
            cases = list(ElementTree.parse(report).iter("testcase"))
        except (OSError, ElementTree.ParseError) as error:
            print(f"{report}: {error}", file=sys.stderr)
            failed += 1
            continue
        for case in cases:
            if case.find("failure") is not None or case.find("error") is not None:
                failed += 1
            elif case.find("skipped") is None:
                passed += 1
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
