"""Lines of claude's that are broken or lost, limits of its account, and structured output."""

import json
import os
import signal
import time

from integration.mcp_client import McpClient


def local(iris):
    iris.write_config({"teams": {"here": iris.local_team()}})


def test_without_its_result_line_a_turn_is_settled_and_the_next_message_goes_on(iris):
    local(iris)
    for how in ("torn", "cut"):
        lost = iris.start_tell("here", f"DAMAGE {how} result\nBLOCKS 2", as_json=True)
        iris.wait_for_status(lambda s: [one["state"] for one in s.get("sessions", [])] == ["busy"])
        assert iris.answer("here", "after it") == "ECHO: after it"
        outcome = json.loads(lost.communicate(timeout=180)[0])
        assert (outcome["ok"], outcome["answer"]) == (True, "block 1\n\n\nblock 2\n")


def test_a_broken_line_of_the_answer_is_whole_in_the_end(iris):
    local(iris)
    assert iris.answer("here", "DAMAGE torn assistant\nBLOCKS 3") == "block 1\n\n\nblock 2\n\n\nblock 3"


# Speaks of a background task of its own when it gets a message, and takes that up only then.
BUSY_CLAUDE = r'''#!/usr/bin/python3
import json, sys

def say(**line):
    print(json.dumps(line), flush=True)

def text(words):
    say(type="assistant", message={"content": [{"type": "text", "text": words}]})

for line in sys.stdin:
    message = json.loads(line)
    if message["type"] == "control_request":
        say(type="control_response", response={"subtype": "success", "request_id": message["request_id"]})
    if message["type"] != "user":
        continue
    if message["message"]["content"] == "busy":
        text("the task is done")
        say(type="result", subtype="success", is_error=False, result="the task is done", user_message_uuids=[])
    say(type="user", uuid=message["uuid"], isReplay=True, message=message["message"])
    text("the answer")
    say(type="result", subtype="success", is_error=False, result="the answer", user_message_uuids=[message["uuid"]])
'''


def test_what_claude_says_of_something_else_is_no_part_of_the_answer(iris):
    program = iris.folder / "bin" / "busy"
    program.write_text(BUSY_CLAUDE)
    program.chmod(0o755)
    iris.write_config({"teams": {"here": iris.local_team(claudePath=str(program))}})
    for message in ("idle", "busy", "idle"):
        assert iris.answer("here", message) == "the answer"


def test_a_limit_is_a_failure_of_its_own_with_its_time(iris):
    local(iris)
    failed = json.loads(iris.tell("here", f"LIMIT {int(time.time()) + 3600}", as_json=True).stdout)
    assert failed["failure"]["kind"] == "rate_limited"
    assert "it resets at 20" in failed["failure"]["detail"]
    failed = json.loads(iris.tell("here", "LIMIT", as_json=True).stdout)
    assert failed["failure"]["kind"] == "rate_limited"
    assert "resets 10am" in failed["failure"]["detail"]


def test_plain_content_and_structured_output_are_the_answer(iris):
    local(iris)
    prompt, text = 'PLAIN all of it\nSTRUCTURED {"sum":3}', 'all of it\n\n{"sum":3}'
    assert iris.answer("here", prompt) == text
    outcome = json.loads(iris.tell("here", prompt, as_json=True).stdout)
    assert (outcome["answer"], outcome["structured"]) == (text, {"sum": 3})
    again = json.loads(iris.run("tells", outcome["tellId"], "--json").stdout)
    assert again["structured"] == {"sum": 3}
    with McpClient(iris, "here") as client:
        client.initialize()
        result = client.request("tools/call", {"name": "send_message", "arguments": {
            "toTeam": "here", "fromTeam": "here", "message": prompt}})["result"]
    assert result["content"][0]["text"] == text
    structured = result["structuredContent"]
    assert structured.pop("turn")["costUsd"] > 0
    assert structured == {"answer": text, "structured": {"sum": 3}}


def test_a_message_waits_for_a_limit_and_is_sent_once_it_has_reset(iris):
    local(iris)
    until = int(time.time()) + 20
    waiting = iris.start("tell", "here", f"LIMIT {until}\nCOUNT", "--wait-limit", "--json")
    iris.wait_for_status(lambda s: any("waiting for the limit" in one["stall"] for one in s.get("sessions", [])))
    tell = json.loads(iris.run("tells", "--json").stdout)["tells"][0]
    assert tell["state"] == "queued" and "waiting for the limit" in tell["doing"]
    # The coordinator is killed meanwhile; whoever waits starts the next one.
    os.kill(iris.status()["pid"], signal.SIGKILL)
    outcome = json.loads(waiting.communicate(timeout=180)[0])
    assert outcome["ok"], outcome
    assert time.time() > until
    assert outcome["answer"].strip() == "2"  # It was refused once, and ran once.


def test_a_message_that_waits_for_a_limit_can_be_cancelled(iris):
    local(iris)
    asked = iris.run("tell", "here", f"LIMIT {int(time.time()) + 3600}", "--wait-limit", "--timeout", -1)
    tell_id = asked.stdout.strip()
    iris.wait_for_status(lambda s: any("waiting for the limit" in one["stall"] for one in s.get("sessions", [])))
    assert iris.run("cancel", tell_id).returncode == 0
    assert iris.answer("here", "after it") == "ECHO: after it"
