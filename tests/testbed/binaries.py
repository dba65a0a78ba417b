"""Where the built programs are."""

import os
import pathlib
import shutil

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]


def bin_dir() -> pathlib.Path:
    """$IRIS_BIN_DIR, else what `bazel build` leaves. (Not bazel-bin: another --config moves that.)"""
    given = os.environ.get("IRIS_BIN_DIR")
    if given:
        return pathlib.Path(given)
    outputs = sorted((REPOSITORY / "bazel-out").glob("*-opt/bin"))
    return outputs[0] if outputs else REPOSITORY / "bazel-bin"


def program(path: str) -> pathlib.Path:
    """The program of a target, e.g. program("tests/programs/claude_stub"). Fails if not built."""
    found = bin_dir() / path
    folder, name = path.rsplit("/", 1)
    assert found.exists(), f"{found} is not there: bazel build //{folder}:{name}"
    return found.resolve()


def agent_in(folder: pathlib.Path, target="agent/iris-agent-older") -> pathlib.Path:
    """`folder`, made, with that build of the agent: an agentBundle."""
    folder.mkdir()
    shutil.copy(program(target), folder / "iris-agent")
    return folder


def claude_stub() -> pathlib.Path:
    return program("tests/programs/claude_stub")
