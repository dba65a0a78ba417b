"""For what nothing announces: files, other processes, what a daemon says of itself."""

import time


def wait_until(condition, timeout=60):
    """The first true value of `condition()`."""
    deadline = time.monotonic() + timeout
    while not (found := condition()):
        assert time.monotonic() < deadline, f"not within {timeout} s"
        time.sleep(0.02)
    return found
