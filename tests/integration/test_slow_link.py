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


def slow(far, kbits):
    """The team's claude runs; from now on the network is slow."""
    far.iris.answer("gpu", "hello")
    far.network.set(delay=DELAY_MS, rate=kbits, queue=QUEUE_KBYTES)


def link_of(far):
    [link] = far.iris.status()["links"]
    return link


class Cutter:
    """Kills the connection again and again, while it is there."""

    def __init__(self, far):
        self._far, self._over = far, threading.Event()
        self.cuts = 0
        self._thread = threading.Thread(target=self._run)

    def _run(self):
        while not self._over.wait(CUT_EVERY_S):
            if pid := link_of(self._far).get("ssh_pid"):
                os.kill(pid, signal.SIGKILL)
                self.cuts += 1

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._over.set()
        self._thread.join()


def long_answer(far, megabytes, kbits, cut):
    """How much longer the answer takes than its bytes."""
    count = megabytes * 1_000_000
    slow(far, kbits)
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


def long_message(far, size, kbits):
    """Nothing of the link is lost while a message of `size` bytes goes there."""
    slow(far, kbits)
    losses = link_of(far).get("losses", 0)
    text = "x" * size
    least = seconds_for(size, kbits)
    began = time.monotonic()
    told = subprocess.Popen([*far.iris.command, "tell", "gpu", "-"], env=far.iris.env, cwd=far.iris.home,
                            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    # What claude repeats of it need not come back at this rate.
    timer = threading.Timer(least * 1.3, lambda: far.network.set(rate=0))
    timer.start()
    out, err = told.communicate("SUM " + text, timeout=4 * least)
    timer.cancel()
    took = time.monotonic() - began
    print(f"a message of {size} bytes at {kbits} kbit/s: {took:.1f} s, {took / least:.2f} of {least:.1f}")
    assert told.returncode == 0, err
    assert out.strip() == words.sum_of(text)
    assert link_of(far).get("losses", 0) == losses


def test_what_is_long_takes_as_long_as_its_bytes(make_far):
    """All at once, since each takes more than a minute."""
    with contextlib.ExitStack() as stack, ThreadPoolExecutor(8) as pool:
        def far():
            return stack.enter_context(make_far(before=FIRST))
        ways = [(megabytes, kbits, cut) for megabytes, kbits in ((8, 1000), (2, 256)) for cut in (False, True)]
        answers = {way: pool.submit(long_answer, far(), *way) for way in ways}
        message = pool.submit(long_message, far(), (8 << 20) - len("SUM "), 1000)
        # All results are looked at when all are over: the far ends must not go before.
        for result in (*answers.values(), message):
            result.exception()
        message.result()
        for (_, kbits, cut), result in answers.items():
            # Not yet 1.15 at 256 kbit/s: TCP recovers slowly where no more than its own queue is on its way.
            whole = 1.15 if kbits >= 1000 else 1.25
            assert result.result() <= (1.5 if cut else whole)
