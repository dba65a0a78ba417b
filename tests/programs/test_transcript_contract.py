"""What the agent reads out of a transcript (agent/claude/transcript.h), where claude wrote it."""

import dataclasses
import json
import signal
import subprocess

from programs import words
from programs.claude_driver import transcript
from programs.test_claude_contract import ALLOW_BASH, SLEEP, begun, decide, permission
from testbed import binaries
from testbed.waiting import wait_until


@dataclasses.dataclass
class Turn:
    state: str
    detail: str
    texts: list  # Of all text blocks.


def turn_of(claude, tell_id, last_said="") -> Turn:
    """`last_said`: the uuid of the last line that was heard of it."""
    (path,) = claude.home.glob(f".claude/projects/*/{claude.session_id}.jsonl")
    done = subprocess.run([binaries.program("tests/programs/find_turn"), path, tell_id, last_said],
                          capture_output=True, text=True, check=True, timeout=60)
    state, detail, *lines = done.stdout.splitlines()
    blocks = [block for line in lines for block in json.loads(line)["message"]["content"]]
    return Turn(state, detail, [block["text"] for block in blocks if block["type"] == "text"])


def asked(process, text) -> str:
    """The uuid of a message whose turn is over."""
    own = process.say(text)
    process.wait_for("result", where=lambda line: own in line.get("user_message_uuids", []))
    return own


def killed_when(claude, process, lines: int):
    """Kills it when the transcript has so many messages."""
    wait_until(lambda: len(transcript(claude.home, claude.session_id)) >= lines, timeout=30)
    process.signal(signal.SIGKILL)


def test_a_turn_that_ended_gives_its_text(claude):
    process = claude.new(*ALLOW_BASH)
    first = asked(process, "THINK\nBLOCKS 3")
    second = asked(process, 'TOOL Bash {"command":"echo hi"}')
    process.end()
    assert turn_of(claude, first) == Turn("ended well", "", ["block 1\n", "block 2\n", "block 3\n"])
    assert turn_of(claude, second) == Turn("ended well", "", ["Using a tool.", "TOOL-DONE: hi"])


def test_a_line_of_the_model_has_one_uuid_on_stdout_and_in_the_transcript(claude):
    process = claude.new(*ALLOW_BASH)
    own = asked(process, "THINK\nBLOCKS 3")
    asked(process, 'TOOL Bash {"command":"echo hi"}')
    process.end()
    said = [line["uuid"] for line in process.lines() if line["type"] == "assistant"]
    kept = [line["uuid"] for line in transcript(claude.home, claude.session_id) if line["type"] == "assistant"]
    assert said == kept and len(set(said)) == 7
    assert turn_of(claude, own, said[3]).state == "ended well"
    assert turn_of(claude, own, "0b0e7a52-9a8f-4e0c-8a3c-5a8f3c1d2e4f").state == "behind"


def test_the_end_of_stdin_in_mid_turn_leaves_a_whole_turn(claude):
    process = claude.new()
    own = process.say("SLOW 1")
    begun(process)
    process.stop_reading()
    process.end()
    assert turn_of(claude, own).state == "ended well"
    assert "".join(turn_of(claude, own).texts) == words.SLOW_TEXT


def test_a_message_that_never_came_is_absent(claude):
    process = claude.new()
    asked(process, "hello")
    process.end()
    assert turn_of(claude, "0b0e7a52-9a8f-4e0c-8a3c-5a8f3c1d2e4f").state == "absent"


def test_a_turn_killed_before_its_first_message_ended_has_not_begun_and_runs_again(claude):
    process = claude.new()
    own = process.say("SLOW 1")
    begun(process)
    killed_when(claude, process, 1)
    assert turn_of(claude, own) == Turn("not begun", "", [])

    again = claude.resume()
    again.ask("SLOW 1", uuid=own)
    again.end()
    assert turn_of(claude, own).state == "ended well"
    assert "".join(turn_of(claude, own).texts) == words.SLOW_TEXT


def test_a_turn_that_was_cut_twice_is_broken(claude):
    process = claude.new()
    own = process.say("SLOW 1")
    begun(process)
    killed_when(claude, process, 1)
    again = claude.resume()
    again.say("SLOW 1", uuid=own)
    begun(again)
    killed_when(claude, again, 2)
    assert turn_of(claude, own).state == "broken"
    assert turn_of(claude, own).texts == []


def test_a_turn_killed_in_a_tool_is_broken_and_stays_so(claude):
    process = claude.new(*ALLOW_BASH)
    own = process.say(SLEEP % 0.5)
    killed_when(claude, process, 3)
    turn = turn_of(claude, own)
    assert (turn.state, turn.texts) == ("broken", ["Using a tool."])

    again = claude.resume()
    other = asked(again, "other")
    again.end()
    assert turn_of(claude, own).state == "broken"
    assert turn_of(claude, own).texts == ["Using a tool."]
    assert turn_of(claude, other) == Turn("ended well", "", ["ECHO: other"])


def test_an_interrupted_turn_is_broken_and_the_next_one_is_not(claude):
    process = claude.new()
    own = process.say("SLOW 10")
    begun(process)
    wait_until(lambda: transcript(claude.home, claude.session_id))
    process.control("interrupt", cancel_queued=True)
    process.wait_for("result")
    other = asked(process, "other")
    process.end()
    assert (turn_of(claude, own).state, turn_of(claude, own).detail) == ("broken", "it was interrupted")
    assert turn_of(claude, other) == Turn("ended well", "", ["ECHO: other"])


def test_an_interrupted_tool_breaks_the_turn(claude):
    process = claude.new(*ALLOW_BASH)
    own = process.say(SLEEP % 20)
    wait_until(lambda: len(transcript(claude.home, claude.session_id)) == 3)
    process.control("interrupt", cancel_queued=True)
    process.wait_for("result")
    process.end()
    assert (turn_of(claude, own).state, turn_of(claude, own).detail) == ("broken", "it was interrupted")


def first_uuid(claude) -> str:
    """Of the first line; claude may write it a little after it has asked."""
    wait_until(lambda: transcript(claude.home, claude.session_id))
    return transcript(claude.home, claude.session_id)[0]["uuid"]


def test_a_permission_that_nobody_answered_breaks_the_turn(claude):
    process, _ = permission(claude)
    own = first_uuid(claude)
    process.end()
    turn = turn_of(claude, own)
    assert (turn.state, "permission" in turn.detail) == ("broken", True)
    assert "AbortError" in turn.texts[-1]


def test_a_permission_that_was_denied_does_not(claude):
    process, request = permission(claude)
    own = first_uuid(claude)
    decide(process, request, {"behavior": "deny", "message": "not today"})
    process.wait_for("result")
    process.end()
    assert turn_of(claude, own) == Turn("ended well", "", ["Using a tool.", "TOOL-DONE: not today"])


def test_an_api_error_breaks_the_turn_and_is_not_its_text(claude):
    process = claude.new()
    own = asked(process, "ERR 400")
    process.end()
    turn = turn_of(claude, own)
    assert (turn.state, turn.texts) == ("broken", [])
    assert "API Error: 400" in turn.detail


def test_a_turn_that_nobody_asked_for_is_not_part_of_the_answer(claude):
    process = claude.new(*ALLOW_BASH)
    own = asked(process, claude.program.background_prompt)
    process.wait_for("result", 2)
    process.end()
    turn = turn_of(claude, own)
    assert turn.state == "ended well"
    assert len(transcript(claude.home, claude.session_id)) > len(turn.texts) + 2
    assert not any("background task finished" in text or text == "ECHO: " for text in turn.texts)
