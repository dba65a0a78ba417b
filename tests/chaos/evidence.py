"""What a chaos run leaves on disk: the store of a coordinator that runs, transcripts, the log of the tools."""

import json
import os
import pathlib
import re
import shutil
import signal
import sqlite3
import threading
import time
from typing import NamedTuple

from testbed import processes

_PROTO = pathlib.Path(__file__).resolve().parents[2] / "proto/iris/v1/failure.proto"
_KINDS = {int(number): name.lower() for name, number in
          re.findall(r"FAILURE_([A-Z_]+) = (\d+);", _PROTO.read_text())}


class Row(NamedTuple):
    """A tell as the coordinator's store has it."""
    tell_id: str
    session_id: str
    sender: str
    receiver: str
    text: str
    settled: bool
    failure: str  # Its kind; "" for an answer.
    detail: str
    answer: str
    order: int  # Of the settling, from 1, without gaps; 0: open.
    fetched: bool
    dropped: bool  # Text and answer are gone.


class Prompt(NamedTuple):
    """A message that claude took, by its transcript."""
    session_id: str
    tell_id: str
    text: str
    home: pathlib.Path
    folder: str  # The project's, as claude writes it.


# The store of a coordinator that runs.


def _threads_stand(pid: int) -> bool:
    """Whether every thread was stopped by a signal."""
    try:
        return all(path.read_text().rpartition(")")[2].split()[0] == "T"
                   for path in pathlib.Path(f"/proc/{pid}/task").glob("*/stat"))
    except (FileNotFoundError, ProcessLookupError):
        return False


def _holds(pid: int, path: pathlib.Path) -> bool:
    try:
        return any(os.readlink(f"/proc/{pid}/fd/{fd}") == str(path) for fd in os.listdir(f"/proc/{pid}/fd"))
    except (FileNotFoundError, ProcessLookupError):
        return False


# Who stops a coordinator holds this, so that nobody else lets it go on meanwhile.
STOPPING = threading.Lock()


def copy_store(iris_home, coordinators, folder) -> bool:
    """Copies the store of the one among `coordinators` that holds it, as a power cut would leave it at that moment.

    SQLite lets nobody else read it, so that coordinator stands still meanwhile. False: none of them holds it, or it
    ended; nothing can be said then."""
    path = pathlib.Path(iris_home) / "iris.db"
    holder = next((process for process in coordinators if _holds(process.pid, path)), None)
    if holder is None:
        return False
    with STOPPING:
        processes.send(holder, signal.SIGSTOP)
        try:
            deadline = time.monotonic() + 10
            while not _threads_stand(holder.pid):
                if processes.process_info(holder.pid) != holder.info or time.monotonic() > deadline:
                    return False
                time.sleep(0.001)
            for name in ("iris.db", "iris.db-wal"):
                shutil.copyfile(path.with_name(name), folder / name)
            # Had it been killed, the next one would be writing by now.
            return _threads_stand(holder.pid) and processes.process_info(holder.pid) == holder.info
        except FileNotFoundError:
            return False
        finally:
            processes.send(holder, signal.SIGCONT)


def _answer(database, number, piece_bytes, head, rest) -> bytes:
    """A long one is in the pieces in which it came; an open tell has none."""
    if not piece_bytes:
        return (head or b"") + (rest or b"")
    pieces = database.execute("SELECT bytes FROM pieces WHERE place >> 32 = ? ORDER BY place", (number,))
    return b"".join(piece for piece, in pieces)[:piece_bytes] + rest


def read_store(folder, after=0) -> list:
    """Rows of a store that nobody holds: the open ones, then the settled ones after `after`, as they were settled."""
    database = sqlite3.connect(folder / "iris.db")
    try:
        rows = database.execute(
            "SELECT tell_id, session_id, from_team, to_team, CASE dropped WHEN 0 THEN texts.head ELSE x'' END, texts.rest,"
            " kind, detail, tells.n, piece_bytes, outcomes.head, outcomes.rest, settled_seq, dropped, fetched OR settled_seq = 0"
            " FROM tells JOIN sessions ON sessions.n = session JOIN texts ON texts.tell = tells.n"
            " LEFT JOIN outcomes ON outcomes.tell = tells.n WHERE settled_seq > ? OR settled_seq = 0"
            " ORDER BY settled_seq, tells.n", (after,))
        return [Row(tell_id, session_id, sender, receiver, (text + text_rest).decode(), order > 0,
                    _KINDS[kind] if kind else "", detail or "",
                    _answer(database, number, piece_bytes, head, rest).decode(errors="replace"), order, bool(fetched),
                    bool(dropped))
                for tell_id, session_id, sender, receiver, text, text_rest, kind, detail, number, piece_bytes, head, rest,
                order, dropped, fetched in rows.fetchall()]
    finally:
        database.close()


def quick_check(folder) -> str:
    """"ok", or what is wrong with the file itself."""
    database = sqlite3.connect(folder / "iris.db")
    try:
        return database.execute("PRAGMA quick_check(1)").fetchone()[0]
    finally:
        database.close()


# Files that grow.


class Tail:
    """The whole lines of a file that were added since the last look."""

    def __init__(self, path: pathlib.Path):
        self.path = path
        self._at = 0

    def lines(self):
        try:
            with open(self.path, "rb") as file:
                assert os.fstat(file.fileno()).st_size >= self._at, f"{self.path} has become shorter"
                file.seek(self._at)
                for line in file:
                    if not line.endswith(b"\n"):
                        return
                    self._at += len(line)
                    yield line
        except FileNotFoundError:
            return


class Tails:
    """Of all files that a glob finds below one of some homes."""

    def __init__(self, homes, glob: str):
        self._homes, self._glob = homes, glob
        self._tails = {}

    def lines(self):
        """(home, path, line) of what is new."""
        for home in self._homes:
            for path in sorted(home.glob(self._glob)):
                tail = self._tails.setdefault(path, Tail(path))
                for line in tail.lines():
                    yield home, path, line


def _entry(line: bytes) -> dict:
    """Of a transcript. A claude that was killed may have left half a line, and the next one writes on behind it."""
    try:
        return json.loads(line)
    except ValueError:
        begin = line.rfind(b'{"parentUuid"')
        return json.loads(line[begin:]) if begin > 0 else {}


class Prompts:
    """What the claudes of these homes have taken."""

    def __init__(self, homes):
        self._tails = Tails(homes, ".claude/projects/*/*.jsonl")

    def new(self):
        """The prompts since the last look, those of a session in order."""
        for home, path, line in self._tails.lines():
            if b'"user"' not in line:
                continue
            entry = _entry(line)
            content = entry.get("message", {}).get("content")
            if entry.get("type") != "user" or "[Request interrupted" in str(content)[:200]:
                continue
            if isinstance(content, list):
                if any(block.get("type") != "text" for block in content):
                    continue  # A tool's result.
                content = "\n".join(block["text"] for block in content)
            yield Prompt(path.stem, entry["uuid"], content, home, path.parent.name)


class ToolRuns:
    """The marks that tools left in the homes' logs."""

    def __init__(self, homes):
        self._tails = Tails(homes, "tools.log")

    def new(self):
        for _, _, line in self._tails.lines():
            yield line.decode().strip()
