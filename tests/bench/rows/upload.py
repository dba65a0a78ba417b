"""The first message to a host that has no agent."""

import gzip
import hashlib
import json
import shutil
import subprocess
import time
import uuid

from bench import drive, stage
from bench.figures import Figure, at_most_floor
from testbed.waiting import wait_until

FIGURES = [
    Figure("ssh: upload, unpack, look, sync, and answer", "s"),
    Figure("first upload", "s", "ssh: upload, unpack, look, sync, and answer", at_most_floor(1.3)),
]

# What nobody can do without. `head` takes no byte too many: what follows is for claude.
_THERE = """\
d=$HOME/floor; rm -rf $d; mkdir $d && head -c {size} | gzip -d >$d/new && chmod 700 $d/new &&
[ "$(sha256sum <$d/new)" = "{digest}  -" ] && $d/new version >/dev/null && sync $d/new && mv $d/new $d/agent &&
{claude}"""


def _floor(there, program: bytes, packed: bytes) -> float:
    """Seconds."""
    command = _THERE.format(size=len(packed), digest=hashlib.sha256(program).hexdigest(), claude=drive.claude_there())
    lines = [{"type": "control_request", "request_id": "bench", "request": {"subtype": "initialize"}},
             {"type": "user", "uuid": str(uuid.uuid4()), "message": {"role": "user", "content": "hello"}}]
    began = time.monotonic()
    with subprocess.Popen([*there.ssh, command], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as ssh:
        ssh.stdin.write(packed)
        for line in lines:
            ssh.stdin.write(json.dumps(line).encode() + b"\n")
        ssh.stdin.flush()
        for line in ssh.stdout:
            if json.loads(line)["type"] == "result":
                return time.monotonic() - began
    raise AssertionError(f"it does not answer ({ssh.returncode})")


def _forget_agent(there):
    stopped = there.iris.run("stop", "--agents", "--force")
    assert stopped.returncode == 0, stopped.stderr
    wait_until(lambda: not there.user.processes())
    shutil.rmtree(there.user.home / ".local/share/iris")


def samples(bench):
    program = bench.agent.read_bytes()
    packed = gzip.compress(program, 6)
    with stage.iris_and_host(bench) as there:
        there.iris.greet("local", "host")
        for _ in range(bench.rounds):
            floor = _floor(there, program, packed)
            _forget_agent(there)
            there.iris.greet("local")  # A coordinator runs.
            [took] = drive.loop(there.iris, {"host": {"team": "host"}}, rounds=1, warmup=0)["host"]
            yield {FIGURES[0].name: floor, FIGURES[1].name: took / 1e6}
