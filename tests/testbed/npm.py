"""What the tests take from the npm registry: fetched once, kept in a cache outside the repository.

The cache is ${XDG_CACHE_HOME:-~/.cache}/iris-tests. Without the registry, and without what an
earlier run left there, the tests that need it fail: the first one when it has tried, the others at
once. What one process of tests/run.sh found out counts for all: it is in the folder IRIS_TESTS_RUN.
"""

import contextlib
import fcntl
import functools
import hashlib
import os
import pathlib
import shutil
import subprocess
import tarfile
import tempfile

import pytest

CLAUDE_VERSION = "2.1.330"
CLAUDE_PACKAGE = "@anthropic-ai/claude-code-linux-x64"
CLAUDE_SHA256 = "f390eaa0814e6a1bff74cbb47acb74cb9c89d30ced809fe0af5af00c7bfe8ebb"
_MCP_SDK = pathlib.Path(__file__).with_name("mcp_sdk")  # package.json and its lock file.


def _cache() -> pathlib.Path:
    base = os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache"
    folder = pathlib.Path(base) / "iris-tests"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


_failed = {}  # Why, by what could not be had, as far as this process knows.


def _failure_note(name: str):
    """Where all processes of this run find it; None: this one is alone."""
    run = os.environ.get("IRIS_TESTS_RUN")
    return pathlib.Path(run) / f"not-fetched-{name}.txt" if run else None


def _fail_at_once(name: str):
    note = _failure_note(name)
    if name not in _failed and note is not None and note.exists():
        _failed[name] = note.read_text()
    if name in _failed:
        pytest.fail(f"{_failed[name]}\n(not tried again in this run)", pytrace=False)


def _remember_failure(name: str, why: str):
    _failed[name] = why
    if note := _failure_note(name):
        note.write_text(why)


@contextlib.contextmanager
def _filling(name: str):
    """Gives (folder, None) if the cache has it, else (folder, an empty one to fill), which then
    takes its place. One process at a time, and one try: what fails is remembered."""
    cache = _cache()
    with open(cache / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if (cache / name).exists():
            yield cache / name, None
            return
        _fail_at_once(name)
        making = pathlib.Path(tempfile.mkdtemp(prefix="making-", dir=cache))
        try:
            yield cache / name, making
            making.rename(cache / name)
        except Exception as failure:
            _remember_failure(name, str(failure))
            raise
        finally:
            shutil.rmtree(making, ignore_errors=True)


def _npm(*args, cwd):
    assert shutil.which("npm"), "npm is not installed (tests/packages.txt)"
    # By itself it tries for minutes.
    done = subprocess.run(["npm", "--fetch-retries=0", *args], cwd=cwd, stdin=subprocess.DEVNULL, capture_output=True,
                          text=True, timeout=500)
    assert done.returncode == 0, (f"npm {' '.join(args)} failed; these tests need the npm registry "
                                  f"or a filled {_cache()}:\n{done.stderr[-2000:]}")
    return done.stdout


def _sha256(path: pathlib.Path) -> str:
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while piece := file.read(1 << 20):
            digest.update(piece)
    return digest.hexdigest()


@functools.cache
def claude() -> pathlib.Path:
    """The real claude 2.1.330. Its licence keeps it out of the repository."""
    with _filling(f"claude-{CLAUDE_VERSION}") as (folder, making):
        if making:
            _npm("pack", "--loglevel=error", f"{CLAUDE_PACKAGE}@{CLAUDE_VERSION}", cwd=making)
            [archive] = making.glob("*.tgz")
            with tarfile.open(archive) as files:
                files.extract("package/claude", making)
            archive.unlink()
            (making / "package/claude").rename(making / "claude")
            (making / "claude").chmod(0o755)
            (making / "package").rmdir()
        found = _sha256((making or folder) / "claude")
        assert found == CLAUDE_SHA256, f"{folder}/claude is not the {CLAUDE_VERSION} we know: SHA-256 {found}"
    return folder / "claude"


@functools.cache
def mcp_sdk() -> pathlib.Path:
    """A folder with node_modules/@modelcontextprotocol/sdk, as the lock file has it."""
    lock = _sha256(_MCP_SDK / "package-lock.json")
    with _filling(f"mcp-sdk-{lock[:16]}") as (folder, making):
        if making:
            for name in ("package.json", "package-lock.json"):
                shutil.copy(_MCP_SDK / name, making)
            _npm("ci", "--loglevel=error", "--ignore-scripts", cwd=making)
    return folder
