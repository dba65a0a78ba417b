"""`claude`: starts claudes in a scratch home, and leaves none behind."""

import os
import pathlib
import uuid

import pytest

from programs.claude_driver import STREAM_JSON, Claude, Program
from testbed import binaries


def stub() -> Program:
    return Program("stub", binaries.claude_stub(), {}, "PERMIT")


def real() -> Program:
    """The real binary, against a Messages API on loopback that understands the same words."""
    env = {"ANTHROPIC_BASE_URL": os.environ["IRIS_TEST_MESSAGES_API"],
           "ANTHROPIC_API_KEY": "sk-test", "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
           "DISABLE_TELEMETRY": "1", "DISABLE_AUTOUPDATER": "1", "DISABLE_ERROR_REPORTING": "1"}
    return Program("real", pathlib.Path(os.environ["IRIS_TEST_CLAUDE"]), env,
                   'TOOL Bash {"command":"touch permitted"}')


class Starter:
    """Starts processes of one program that share a home; all are ended with the test."""

    def __init__(self, program: Program, folder: pathlib.Path):
        self.program = program
        self.home = folder / "home"
        self.cwd = folder / "work"
        self.home.mkdir()
        self.cwd.mkdir()
        self.session_id = str(uuid.uuid4())
        self._running = []

    def __call__(self, *args, cwd=None, env=None, flags=STREAM_JSON) -> Claude:
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


PROGRAMS = [stub] + ([real] if "IRIS_TEST_CLAUDE" in os.environ else [])


@pytest.fixture(params=PROGRAMS, ids=lambda program: program.__name__)
def claude(request, tmp_path):
    """Any claude that the contract is for."""
    yield from start(request.param(), tmp_path)


@pytest.fixture
def stub_claude(tmp_path):
    """The stub alone, for what only it does."""
    yield from start(stub(), tmp_path)
