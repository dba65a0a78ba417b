"""Long answers and long messages over links of 1 Mbit/s and less: they take as long as their bytes, and no link is lost."""

import contextlib
import os
import signal
import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor

from programs import words

DELAY_MS = 10  # One way.
QUEUE_KBYTES = 64  # More than that is lost, as on a modem.
CUT_EVERY_S = 20
# It is the network that is to be slow: whatever else the machine does meanwhile comes behind.
FIRST = ("chrt", "-r", "1")


def seconds_for(count, kbits):
    return count * 8 / (kbits * 1000)


def link_of(far):
    [link] = far.iris.status()["links"]
    return link


def slow(far, kbits, anew=True):
    """The team's claude runs; from now on the network is slow. `anew`: and so it was when the connection was made.

    TCP remembers how fast a connection was: one that was made before sends bursts, loses much of them, and then stands
    still for seconds (BBR: 1.05 to 1.18 of the bytes' time, by chance, where a new one takes 1.05)."""
    far.iris.answer("gpu", "hello")
    before = link_of(far)["sshPid"]
    far.network.set(delay=DELAY_MS, rate=kbits, queue=QUEUE_KBYTES)
    if not anew:
        return
    os.kill(before, signal.SIGKILL)
    far.iris.answer("gpu", "hello", timeout=60)
    assert link_of(far)["sshPid"] != before


class Cutter:
    """Kills the connection again and again, while it is there."""

    def __init__(self, far):
        self._far, self._over = far, threading.Event()
        self.cuts = 0
        self._thread = threading.Thread(target=self._run)

    def _run(self):
        while not self._over.wait(CUT_EVERY_S):
            if pid := link_of(self._far).get("sshPid"):
                os.kill(pid, signal.SIGKILL)
                self.cuts += 1

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._over.set()
        self._thread.join()


def long_answer(far, megabytes, kbits, cut, anew):
    """How much longer the answer takes than its bytes."""
    count = megabytes * 1_000_000
    slow(far, kbits, anew)
    losses = link_of(far).get("losses", 0)
    least = seconds_for(count, kbits)
    with Cutter(far) if cut else contextlib.nullcontext() as cutter:
        began = time.monotonic()
        # A second block, so that the result's line does not repeat the first.
        answer = far.iris.answer("gpu", f"RANDOM {count}\nBLOCKS 1", timeout=4 * least)
        took = time.monotonic() - began
    cuts = cutter.cuts if cut else 0
    print(f"{megabytes} MB at {kbits} kbit/s: {took:.1f} s, {took / least:.2f} of {least:.1f}; {cuts} cuts")
    assert answer.rstrip() == words.random(count) + "\n\nblock 1"
    assert link_of(far).get("losses", 0) - losses == cuts
    assert not cut or cuts > 1
    return took / least


def has_transcript_of(far, size):
    """claude there has been given so much: it has noted it."""
    return any(file.stat().st_size > size for file in far.user.home.glob(".claude/projects/*/*.jsonl"))


def long_message(far, size, kbits):
    """How much longer a message of `size` bytes takes to claude than its bytes; no link is lost meanwhile."""
    slow(far, kbits)
    losses = link_of(far).get("losses", 0)
    text = "x" * size
    message = far.iris.folder / "message"
    message.write_text("SUM " + text)
    least = seconds_for(size, kbits)
    began = time.monotonic()
    with message.open() as stdin:
        told = subprocess.Popen([*far.iris.command, "tell", "gpu", "-"], env=far.iris.env, cwd=far.iris.home,
                                stdin=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    while not has_transcript_of(far, size):
        assert time.monotonic() - began < 4 * least, "it does not arrive"
        assert told.poll() is None, told.communicate()
        time.sleep(0.2)
    took = time.monotonic() - began
    # What claude repeats of it need not come back at this rate.
    far.network.set(rate=0)
    out, err = told.communicate(timeout=60)
    print(f"a message of {size} bytes at {kbits} kbit/s: {took:.1f} s, {took / least:.2f} of {least:.1f}")
    assert told.returncode == 0, err
    assert out.strip() == words.sum_of(text)
    assert link_of(far).get("losses", 0) == losses
    return took / least


def test_what_is_long_takes_as_long_as_its_bytes(make_far):
    """All at once, since each takes more than a minute."""
    with contextlib.ExitStack() as stack, ThreadPoolExecutor(8) as pool:
        def far():
            return stack.enter_context(make_far(before=FIRST))
        # Megabytes, kbit/s, whether it is cut, whether its connection is anew; how long it may take.
        ways = {(8, 1000, False, True): 1.15, (8, 1000, True, True): 1.5, (8, 1000, False, False): 1.15,
                (2, 256, False, True): 1.15, (2, 256, True, True): 1.5, (2, 256, False, False): 1.25}
        answers = {way: pool.submit(long_answer, far(), *way) for way in ways}
        message = pool.submit(long_message, far(), (8 << 20) - len("SUM "), 1000)
        # All results are looked at when all are over: the far ends must not go before.
        for result in (*answers.values(), message):
            result.exception()
        for way, result in answers.items():
            assert result.result() <= ways[way], way
        assert message.result() <= 1.15
