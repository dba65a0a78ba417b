"""Tells over a network that is slow, loses packets, swallows them or resets: the answer arrives, once."""

import contextlib
import json
import statistics
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor

from programs import words

ROUND_TRIP_MS = 50


def start_slow(far, seconds):
    """A tell that is under way: its first words have arrived."""
    assert far.iris.answer("gpu", "COUNT") == "1"
    told = far.iris.start_tell("gpu", f"SLOW {seconds}", as_json=True)
    far.iris.wait_for_status(lambda s: s["sessions"][0]["answerBytes"] > 0, timeout=60)
    return told


def check_answered_once(far, told, timeout=240):
    """The answer is whole, and the child has seen the tell once."""
    out, err = told.communicate(timeout=timeout)
    assert told.returncode == 0, out + err
    assert json.loads(out)["answer"].split() == words.SLOW_TEXT.split()
    assert far.iris.answer("gpu", "COUNT") == "3"


def test_a_slow_and_lossy_network_is_no_matter(far):
    far.network.set(delay=ROUND_TRIP_MS / 2, loss=1)
    iris = far.iris
    assert iris.answer("gpu", "BIG 300000", timeout=180) == words.big(300_000)
    text = "x" * 100_000
    told = {from_: iris.start_tell("gpu", f"SUM {from_} {text}", from_=from_) for from_ in ("cli", "here")}
    for from_, tell in told.items():
        out, err = tell.communicate(timeout=180)
        assert tell.returncode == 0, err
        assert out.strip() == words.sum_of(f"{from_} {text}")
    assert iris.answer("gpu", "SLOW 2", timeout=60).split() == words.SLOW_TEXT.split()


def test_connections_that_are_reset_mid_tell_are_no_matter(far):
    told = start_slow(far, 8)
    far.network.reset()
    far.iris.wait_for_status(lambda s: s["links"][0]["state"] != "up", timeout=60)
    far.network.mend()
    check_answered_once(far, told)


def test_half_a_minute_in_a_black_hole_is_no_matter(make_far):
    """Both ways and each way, at once, since all three take so long."""
    with contextlib.ExitStack() as stack, ThreadPoolExecutor() as pool:
        fars = {what: stack.enter_context(make_far()) for what in ("both", "to_host", "to_client")}
        # All results are looked at when all three are over: the far ends must not go before.
        results = [pool.submit(black_hole, far, what) for what, far in fars.items()]
        for result in results:
            result.exception()
        for result in results:
            result.result()


def black_hole(far, what):
    told = start_slow(far, 20)
    far.network.swallow(what)
    began = time.monotonic()
    far.iris.wait_for_status(lambda s: s["links"][0]["state"] not in ("up", "suspect"), timeout=60)
    noticed = time.monotonic() - began
    print(f"black hole {what}: noticed after {noticed:.1f} s")
    assert noticed <= 20 + 2  # Of which the asking takes some.
    time.sleep(max(0.0, began + 30 - time.monotonic()))
    assert told.poll() is None
    far.network.mend()
    check_answered_once(far, told)


def seconds_to_connect(far) -> float:
    """Until the first byte of a remote command, with ssh alone."""
    began = time.monotonic()
    with subprocess.Popen([*far.network.client, *far.sshd.command(far.user), "echo"], stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE) as ssh:
        assert ssh.stdout.read(1) == b"\n"
        return time.monotonic() - began


def seconds_to_reattach(far) -> float:
    """From the moment when somebody asks, over a network that works again, to the answer of before."""
    told = far.iris.start_tell("gpu", "SLOW 3", as_json=True)
    far.iris.wait_for_status(lambda s: any(one["answerBytes"] > 0 for one in s["sessions"]), timeout=60)
    far.network.reset()
    far.iris.wait_for_status(lambda s: s["links"][0]["state"] != "up", timeout=60)
    time.sleep(4)  # The answer is there, on the host. It is what this waits for.
    far.network.mend()
    began = time.monotonic()
    asked = far.iris.start_tell("gpu", "hello", from_="here")
    out, err = told.communicate(timeout=60)
    took = time.monotonic() - began
    assert told.returncode == 0, out + err
    assert asked.wait(60) == 0
    return took


def test_a_link_that_returns_takes_little_more_than_ssh(far):
    """The bound is ssh's connecting, two round trips and 0.1 s; here with room for a loaded machine."""
    far.iris.answer("gpu", "hello")
    far.network.set(delay=ROUND_TRIP_MS / 2)
    rounds = [(seconds_to_connect(far), seconds_to_reattach(far)) for _ in range(3)]
    connect = statistics.median(one for one, _ in rounds)
    reattach = min(other for _, other in rounds)
    print(f"ssh alone {connect * 1000:.0f} ms, reattached after {reattach * 1000:.0f} ms "
          f"({ROUND_TRIP_MS} ms a round trip)")
    assert reattach <= 2 * connect + 2 * ROUND_TRIP_MS / 1000 + 0.5
