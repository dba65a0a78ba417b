"""What a host or a client decides of the coordinator's memory: bounded while it lasts, and given back."""

import json
import subprocess
import time
import uuid

import pytest

from testbed.waiting import wait_until

MIB = 1 << 20

# Does what the message says, byte for byte: a claude that nobody has to believe.
CLAUDE = r'''#!/usr/bin/python3
import json, sys

def say(line):
    sys.stdout.write(line + "\n")
    sys.stdout.flush()

def result(text, uuid):
    say('{"type":"result","subtype":"success","is_error":false,"result":"%s","user_message_uuids":["%s"]}' % (text, uuid))

for line in sys.stdin:
    message = json.loads(line)
    if message["type"] == "control_request":
        say(json.dumps({"type": "control_response", "response": {
            "subtype": "success", "request_id": message["request_id"], "response": {}}}))
    if message["type"] != "user":
        continue
    words, uuid = message["message"]["content"].split(), message["uuid"]
    say(json.dumps({"type": "user", "uuid": uuid, "isReplay": True, "message": message["message"]}))
    if words[0] == "brackets":
        say("[" * int(words[1]))
    if words[0] == "result":
        result("r" * int(words[1]), "of another")
        for _ in range(int(words[2])):
            say("{}")
    result("a" * int(words[1]) if words[0] == "answer" else "done", uuid)
'''


@pytest.fixture
def teams(iris):
    program = iris.folder / "bin" / "hostile"
    program.write_text(CLAUDE)
    program.chmod(0o755)
    iris.write_config({"teams": {"app": iris.local_team(claudePath=str(program)), "web": iris.local_team()}})
    return program


@pytest.fixture
def coordinator(iris, teams):
    """It runs, and has answered."""
    assert iris.answer("app", "hello") == "done"
    return next(p.pid for p in iris.processes() if p.info.cmdline.startswith(f"{iris.program} serve"))


def memory(pid: int, what: str) -> int:
    """VmRSS, or VmHWM: the highest that it was."""
    with open(f"/proc/{pid}/status") as status:
        return next(int(line.split()[1]) << 10 for line in status if line.startswith(what + ":"))


def wait_until_quiet(pid: int):
    """It has used no time of a processor for a second."""
    def used():
        with open(f"/proc/{pid}/stat") as stat:
            return stat.read().rpartition(")")[2].split()[11:13]

    def is_quiet():
        before = used()
        time.sleep(1)
        return used() == before
    wait_until(is_quiet, 120)


def given_back(pid: int, bytes_max: int):
    wait_until(lambda: memory(pid, "VmRSS") < bytes_max, 30)


def test_a_line_of_many_brackets(iris, coordinator):
    assert iris.answer("app", "brackets 16000000") == "done"
    assert memory(coordinator, "VmHWM") < 200 * MIB
    given_back(coordinator, 80 * MIB)


def test_a_long_result_and_many_small_lines_after_it(iris, coordinator):
    assert iris.answer("app", "result 30000000 200") == "done"
    assert memory(coordinator, "VmHWM") < 350 * MIB
    given_back(coordinator, 80 * MIB)
    stored = sum(file.stat().st_size for file in iris.iris_home.rglob("*.db*"))
    assert stored < 120 * MIB, "it is stored once, not with every mark"


def test_long_answers_that_a_client_does_not_read(iris, coordinator):
    tell_id = str(uuid.uuid4())
    told = iris.run("tell", "app", "answer 30000000", "--from", "web", "--id", tell_id, env=iris.works_for("web"))
    assert len(told.stdout) > 30_000_000, told.stderr
    with subprocess.Popen([*iris.command, "mcp", "--team", "web"], env=iris.env, cwd=iris.home, stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as client:
        requests = [("initialize", {"protocolVersion": "2025-11-25"})]
        requests += [("tools/call", {"name": "tell_wait", "arguments": {"tellId": tell_id, "fromTeam": "web"}})] * 120
        for number, (method, params) in enumerate(requests):
            request = {"jsonrpc": "2.0", "id": number, "method": method, "params": params}
            client.stdin.write(json.dumps(request).encode() + b"\n")
        client.stdin.flush()
        client.stdout.readline()  # initialize is answered; nothing else is read.
        wait_until_quiet(coordinator)
        assert memory(coordinator, "VmHWM") < 400 * MIB
        client.kill()
    given_back(coordinator, 100 * MIB)
