"""The first upload of the agent over 256 kbit/s: it takes its time, and says how far it is."""

import re
import shlex
import time

from testbed import binaries
from testbed.terminal import Terminal

THROTTLE = binaries.REPOSITORY / "tests/testbed/throttle.py"
BYTES_A_SECOND = 32_000
CHANGES_WITHIN_S = 5 + 1  # It is looked at once a second.
UNITS = {"B": 1, "KiB": 1024, "MiB": 1 << 20}


def test_an_upload_ends_by_silence_alone_and_shows_what_the_host_has(iris, sshd, remote_user):
    team = sshd().team(remote_user)
    proxy = shlex.quote(f"ProxyCommand=/usr/bin/python3 {THROTTLE} %h %p {BYTES_A_SECOND}")
    team["remote"] = team["remote"].replace("ssh ", f"ssh -o {proxy} ", 1)
    iris.write_config({"teams": {"gpu": team}})
    shown = []  # (when, how much, of how much)

    def look(seen):
        matches = re.findall(r"uploading[^\r]*: ([\d.]+) (B|KiB|MiB) of ([\d.]+) (B|KiB|MiB)", seen)
        if matches:
            done, unit, total, total_unit = matches[-1]
            shown.append((time.monotonic(), float(done) * UNITS[unit], float(total) * UNITS[total_unit]))
        return False

    terminal = Terminal([iris.program, "tell", "gpu", "hello"], env=iris.env, cwd=iris.home)
    try:
        terminal.read_until(look, timeout=600)
        assert terminal.finish() == "ECHO: hello\n"
    finally:
        terminal.close()
    [*_, (_, _, total)] = shown
    least = total / BYTES_A_SECOND
    begun = [when for when, done, _ in shown if done > 0]
    assert begun[-1] - begun[0] > 0.7 * least, "the host cannot have had it earlier"
    halfway = [when for when, done, _ in shown if done > total / 2][0]
    assert halfway - begun[0] > 0.3 * least, "what left this machine is not what the host has"
    changes = [shown[0]] + [now for before, now in zip(shown, shown[1:]) if now[1] != before[1]]
    waits = [now[0] - before[0] for before, now in zip(changes, changes[1:])]
    print(f"{total / (1 << 20):.1f} MiB: {len(changes)} changes, the longest wait for one {max(waits):.1f} s")
    assert max(waits) <= CHANGES_WITHIN_S
