"""`claude`: starts claudes in a scratch home, and leaves none behind."""

import pathlib
import uuid

import pytest

from programs.claude_driver import STREAM_JSON, Claude, Program
from testbed import binaries, npm
from testbed.messages_api import messages_api


def stub() -> Program:
    return Program("stub", binaries.claude_stub(), {}, "PERMIT", "BACKGROUND 0.2",
                   {"STUB_NOT_LOGGED_IN": "1"})


def real(api) -> Program:
    """The real binary, against a Messages API on loopback that understands the same words."""
    return Program("real", npm.claude(), api.claude_env(), 'TOOL Bash {"command":"touch permitted"}',
                   'TOOL Bash {"command":"sleep 0.2","run_in_background":true}', {"ANTHROPIC_API_KEY": None})


@pytest.fixture(scope="session")
def real_claude():
    with messages_api() as api:
        yield real(api)


class Starter:
    """Starts processes of one program that share a home; all are ended with the test."""

    def __init__(self, program: Program, folder: pathlib.Path):
        self.program = program
        self.home = folder / "home"
        self.cwd = folder / "work"
        self.tmp = folder / "tmp"
        for own in (self.home, self.cwd, self.tmp):
            own.mkdir()
        self.session_id = str(uuid.uuid4())
        self._running = []

    def __call__(self, *args, cwd=None, env=None, flags=STREAM_JSON) -> Claude:
        env = {"CLAUDE_CODE_TMPDIR": str(self.tmp)} | (env or {})
        claude = Claude(self.program, self.home, cwd or self.cwd, args, env, flags)
        self._running.append(claude)
        return claude

    def new(self, *args, **more) -> Claude:
        return self("--session-id", self.session_id, *args, **more)

    def resume(self, *args, **more) -> Claude:
        return self("--resume", self.session_id, *args, **more)

    def end_all(self):
        for claude in self._running:
            claude.kill()


def start(program, tmp_path):
    starter = Starter(program, tmp_path)
    yield starter
    starter.end_all()


@pytest.fixture(params=["stub", "real"])
def claude(request, tmp_path):
    """Any claude that the contract is for."""
    program = stub() if request.param == "stub" else request.getfixturevalue("real_claude")
    yield from start(program, tmp_path)


@pytest.fixture
def stub_claude(tmp_path):
    """The stub alone, for what only it does."""
    yield from start(stub(), tmp_path)
