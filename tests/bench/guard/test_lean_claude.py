"""The lean claude speaks as far as the agent needs it."""

import time

import pytest

from bench import drive
from programs.claude_driver import Claude, Program

ARGUMENTS = ["--replay-user-messages", "--session-id", "11111111-2222-4333-8444-555555555555"]


@pytest.fixture
def start(tmp_path):
    """start(**env) is a lean claude that has answered `initialize`."""
    running = []

    def one(**env):
        claude = Claude(Program("lean", drive.lean_claude(), env, ""), tmp_path, tmp_path, ARGUMENTS)
        running.append(claude)
        assert claude.control("initialize")["subtype"] == "success"
        return claude
    yield one
    for claude in running:
        claude.kill()


def test_a_turn(start):
    claude = start()
    uuid = claude.say('say "hé\\n"')
    result = claude.wait_for("result")
    assert result["result"] == 'ECHO: say "hé\\n"' and result["user_message_uuids"] == [uuid]
    assert (result["subtype"], result["is_error"]) == ("success", False)
    [replay] = claude.lines("user")
    assert replay["uuid"] == uuid and replay["isReplay"] and replay["message"]["content"] == 'say "hé\\n"'
    lines = claude.lines()
    assert {line["session_id"] for line in lines} == {ARGUMENTS[-1]}
    assert len({line["uuid"] for line in lines}) == len(lines)
    assert claude.answer("again") == "ECHO: again"
    assert claude.end() == 0


@pytest.mark.parametrize("env, prompt", [({}, "BIG 200000"), ({"LEAN_ANSWER_BYTES": "200000"}, "hello")])
def test_a_long_answer(start, env, prompt):
    result = start(**env).ask(prompt)
    assert len(result["result"]) == 200_000 and result["result"].startswith("0000000 0000001 ")


def test_lines_at_their_times(start):
    claude = start()
    began = time.monotonic()
    claude.ask("LINES 5 20")
    assert 0.2 <= time.monotonic() - began
    assert [line["message"]["content"][0]["text"] for line in claude.lines("assistant")] == [f"line {n}" for n in range(1, 6)]


def test_an_interrupt_ends_the_turn_and_what_waits_behind_it(start):
    claude = start()
    uuid, waiting = claude.say("CLOCK 60000"), claude.say("hello")
    said = claude.wait_for("assistant")["message"]["content"][0]["text"]
    assert 0 <= time.clock_gettime_ns(time.CLOCK_MONOTONIC) - int(said.removeprefix("CLOCK ")) < 60e9
    interrupted = claude.control("interrupt", cancel_queued=True)
    assert interrupted["response"] == {"still_queued": [], "cancelled": [waiting]}
    broken = claude.wait_for("result")
    assert (broken["subtype"], broken["user_message_uuids"]) == ("error_during_execution", [uuid])
    assert claude.answer("and now") == "ECHO: and now"
