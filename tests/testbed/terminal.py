"""What a person at a terminal sees of a program."""

import os
import pty
import select
import subprocess
import termios
import time


class Terminal:
    """A program with stderr at a terminal of its own. stdout is a pipe, or there too; stdin empty."""

    def __init__(self, args, stdout_too=False, columns=80, **options):
        self._master, slave = pty.openpty()
        termios.tcsetwinsize(slave, (24, columns))
        self.process = subprocess.Popen(args, stdin=subprocess.DEVNULL,
                                        stdout=slave if stdout_too else subprocess.PIPE,
                                        stderr=slave, text=True, **options)
        os.close(slave)
        self.seen = ""

    def read_until(self, condition, timeout=180):
        """Reads on until `condition` holds for all that was seen, or the program is gone."""
        deadline = time.monotonic() + timeout
        while not condition(self.seen):
            left = deadline - time.monotonic()
            assert left > 0, f"not in {timeout} s; seen: {self.seen!r}"
            if not select.select([self._master], [], [], left)[0]:
                continue
            try:
                piece = os.read(self._master, 65536)
            except OSError:  # EIO: nobody holds the other end any more.
                break
            self.seen += piece.decode(errors="replace")
        return self.seen

    def finish(self, timeout=180) -> str:
        """stdout, once the program has ended well."""
        self.read_until(lambda _: False, timeout)
        out, _ = self.process.communicate(timeout=60)
        assert self.process.returncode == 0, self.seen
        return out

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate()
        os.close(self._master)
