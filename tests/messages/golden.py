"""A golden file: what `iris` prints where something is wrong, for a person to read in one sitting.

    ## what is wrong
    $ iris tell app hello
    | what stands on stdout
    what stands on stderr
    [exit 1]

`IRIS_UPDATE_GOLDEN=1` writes the file anew; read what changed before you keep it.
"""

import os
import pathlib
import re
import shlex

_HEADING = "## "

# What is another one each time. In this order: a short id is a part of a long one.
_CHANGING = (
    (r"\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b", "UUID"),
    (r"\b(?=[0-9a-f]*\d)[0-9a-f]{8}\b", "ID"),
    (r"\bpid \d+", "pid PID"),
    (r"\bkill \d+", "kill PID"),
    (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", "TIME"),
    (r"(?m)^turn: .*$", "turn: COST"),
    (r"\b\d+ s\b", "N s"),
)


def plain(text: str, names: dict) -> str:
    """`text` with fixed words for what is another one each time; `names`: such a word by what it stands for."""
    for found in sorted(names, key=len, reverse=True):
        text = re.sub(rf"(?<![\w-]){re.escape(found)}(?![\w-])", names[found], text)
    for pattern, word in _CHANGING:
        text = re.sub(pattern, word, text)
    return text


def shown(args, done) -> str:
    """The command `iris ARGS…`, what it printed and how it ended. `done`: its CompletedProcess."""
    lines = [f"$ {shlex.join(['iris', *map(str, args)])}"]
    lines += [f"| {line}".rstrip() for line in done.stdout.splitlines()]
    lines += done.stderr.splitlines()
    code = done.returncode if done.returncode >= 0 else 128 - done.returncode  # As a shell has it.
    return "\n".join([*lines, f"[exit {code}]"])


class Golden:
    """The entries of one file, each with a name. Not thread-safe."""

    def __init__(self, path: pathlib.Path):
        self.path = path
        self._updates = os.environ.get("IRIS_UPDATE_GOLDEN") == "1"
        self._introduction, self._entries = _read(path)
        self._used = []

    def check(self, name: str, text: str):
        """Fails where the entry `name` is not `text`."""
        assert name not in self._used, f"two entries are called {name!r}"
        assert f"\n{_HEADING}" not in text, "an entry holds no heading"
        self._used.append(name)
        if self._updates:
            self._entries[name] = text
            return self._write(self._entries)
        assert name in self._entries, f"{self.path} has no entry {name!r} (IRIS_UPDATE_GOLDEN=1 writes it):\n{text}"
        assert text == self._entries[name], f"{self.path}: {name} (IRIS_UPDATE_GOLDEN=1 writes it anew)"

    def finish(self):
        """After the last check() of all: fails where the file has entries that nothing prints any more."""
        if self._updates:
            return self._write({name: self._entries[name] for name in self._used})
        unused = [name for name in self._entries if name not in self._used]
        assert not unused, f"{self.path}: nothing prints these any more (IRIS_UPDATE_GOLDEN=1 removes them): {unused}"

    def _write(self, entries: dict):
        self.path.write_text(self._introduction + "".join(f"\n{_HEADING}{name}\n{text}\n" for name, text in entries.items()))


def _read(path: pathlib.Path):
    """The lines before the first entry, and the entries."""
    introduction, *parts = re.split(f"(?m)^{_HEADING}", path.read_text() if path.exists() else "")
    entries = {}
    for part in parts:
        name, _, text = part.partition("\n")
        entries[name] = text.strip("\n")
    return introduction.rstrip("\n") + "\n", entries
