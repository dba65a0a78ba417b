"""The stub's own words and switches, which the tests of Iris steer it with."""

import json
import os
import signal
import subprocess

import pytest

from programs import words
from programs.claude_driver import transcript
from testbed.waiting import wait_until


def test_slow_comes_in_five_blocks_and_the_result_has_the_last(stub_claude):
    process = stub_claude.new()
    result = process.ask("SLOW 0.1")
    assert len(process.lines("assistant")) == 5
    assert process.text_of(result) == words.SLOW_TEXT
    assert result["result"] == "word16 word17 word18 word19 "


def test_slow_stops_after_two_blocks_until_there_is_a_file(stub_claude):
    process = stub_claude.new()
    go = stub_claude.home / "go"
    process.say(f"SLOW {go}")
    process.wait_for("assistant", 2)
    assert process.control("mcp_status")["subtype"] == "success"  # It has come to the wait.
    assert len(process.lines("assistant")) == 2
    go.touch()
    assert process.text_of(process.wait_for("result")) == words.SLOW_TEXT


@pytest.mark.parametrize("word, answer", [("WAIT", "ECHO: WAIT "), ("TOOL", "TOOL-DONE: ")])
def test_words_that_wait_for_a_file(stub_claude, word, answer):
    process = stub_claude.new()
    go = stub_claude.home / "go"
    process.say(f"{word} {go}")
    process.wait_for("system")
    assert process.control("mcp_status")["subtype"] == "success"
    assert not process.lines("result")
    go.touch()
    assert process.wait_for("result")["result"].startswith(answer)


def test_a_wait_for_a_file_can_be_interrupted(stub_claude):
    process = stub_claude.new()
    process.say(f"SLOW {stub_claude.home / 'never'}")
    process.wait_for("assistant", 2)
    process.control("interrupt")
    process.wait_for("result")
    assert process.lines("assistant")[-1]["aborted"] is True


def test_an_interrupt_leaves_the_text_so_far(stub_claude):
    process = stub_claude.new()
    process.say("SLOW 1.5")
    process.wait_for("assistant")
    process.control("interrupt")
    process.wait_for("result")
    assert process.lines("assistant")[-1]["aborted"] is True


def test_priority_now_ends_a_turn_that_said_something_as_a_success(stub_claude):
    process = stub_claude.new()
    process.say("SLOW 10")
    process.wait_for("system")
    process.say("urgent", priority="now")
    cut = process.wait_for("result")
    assert (cut["subtype"], cut["is_error"]) == ("success", False)
    assert cut["terminal_reason"] == "aborted_streaming"
    assert cut["result"].startswith("word0 ")
    assert process.wait_for("result", 2)["result"] == "ECHO: urgent"


@pytest.mark.parametrize("prompt, text", [
    ("BLOCKS 2", "block 1\nblock 2\n"),
    ("BIG 100000", words.big(100_000)),
    ("BIGCJK 30000", words.big_cjk(30_000)),
    ("RANDOM 100001", words.random(100_001)),
    ("SPLIT", words.SPLIT_TEXT),
    ("CHUNK 7\nBIG 1000", words.big(1000)),
    ("ENV NO_SUCH_NAME", "(unset)"),
    ("said to you:\nCOUNT", "1"),
    ("no word HERE", "ECHO: no word HERE"),
    ("WAIT 0.1", "ECHO: WAIT 0.1"),
    ("GARBAGE", "garbage over"),
])
def test_words_that_answer(stub_claude, prompt, text):
    assert stub_claude.new().answer(prompt) == text


def test_words_that_tell_about_the_process(stub_claude):
    process = stub_claude.new("--model", "m", env={"COLOUR": "grün"})
    assert process.answer("PWD") == str(stub_claude.cwd)
    assert process.answer("PID") == str(process.process.pid)
    assert process.answer("ENV COLOUR") == "grün"
    assert json.loads(process.answer("ARGS"))[-2:] == ["--model", "m"]


def test_sum_proves_a_long_prompt(stub_claude):
    text = words.big(200_000) + "\nBIG 5\né"
    assert stub_claude.new().answer("SUM " + text) == words.sum_of(text)


def test_count_survives_a_resume(stub_claude):
    process = stub_claude.new()
    process.ask("one")
    assert process.answer("COUNT") == "2"
    process.end()
    assert stub_claude.resume().answer("COUNT") == "3"


def test_garbage_is_between_good_lines(stub_claude):
    process = stub_claude.new()
    process.ask("GARBAGE")
    assert b"this is no JSON\n" in process.raw
    assert b"\n" in process.raw and b"42\n" in process.raw
    with pytest.raises(UnicodeDecodeError):
        b"".join(process.raw).decode()


def test_stderr_is_stderr(stub_claude):
    process = stub_claude.new()
    process.ask("STDERR some trouble")
    process.end()
    assert process.stderr == b"some trouble\n"


def test_crash_leaves_a_partial_text_and_a_bare_user_line(stub_claude):
    process = stub_claude.new()
    process.say("CRASH 7")
    assert process.wait() == 7
    assert len(process.lines("assistant")) == 1
    assert process.lines("result") == []
    assert len(transcript(stub_claude.home, stub_claude.session_id)) == 1


def test_crashsig_dies_of_the_signal(stub_claude):
    process = stub_claude.new()
    process.say("CRASHSIG 11")
    assert process.wait() == -signal.SIGSEGV


def test_crashonce_answers_in_its_second_life(stub_claude):
    process = stub_claude.new()
    own = process.say("CRASHONCE 3")
    assert process.wait() == 3
    assert stub_claude.resume().ask("CRASHONCE 3", uuid=own)["result"] == "crashed once"


def test_crashlate_has_the_answer_in_the_transcript(stub_claude):
    process = stub_claude.new()
    process.say("CRASHLATE 4")
    assert process.wait() == 4
    assert process.lines("result") == []
    last = transcript(stub_claude.home, stub_claude.session_id)[-1]["message"]
    assert last["stop_reason"] == "end_turn"
    assert last["content"] == [{"type": "text", "text": "said before the end"}]


def test_errturn_has_errors_and_no_result(stub_claude):
    result = stub_claude.new().ask("ERRTURN")
    assert result["subtype"] == "error_during_execution"
    assert result["errors"] and "result" not in result


def test_background_makes_a_turn_that_nobody_asked_for(stub_claude):
    process = stub_claude.new()
    process.ask("BACKGROUND 0.2")
    result = process.wait_for("result", 2)
    assert "user_message_uuids" not in result
    assert result["origin"]["kind"] == "task-notification"
    assert process.text_of(result) == "background task finished"


def test_permit_runs_at_once_where_permissions_are_skipped(stub_claude):
    process = stub_claude.new("--dangerously-skip-permissions", env={"IS_SANDBOX": "1"})
    assert process.ask("PERMIT")["result"] == "TOOL-DONE: permitted"


def test_daemon_leaves_an_unmarked_process_behind(stub_claude):
    process = stub_claude.new()
    pid = int(process.answer("DAEMON").removeprefix("daemon-pid "))
    try:
        assert process.end() == 0
        wait_until(lambda: open(f"/proc/{pid}/cmdline", "rb").read() == b"sleep\x00600\x00")
        assert os.getsid(pid) != os.getsid(0)
        assert open(f"/proc/{pid}/environ", "rb").read() == b""
    finally:
        os.kill(pid, signal.SIGKILL)


def test_hang_can_be_interrupted(stub_claude):
    process = stub_claude.new()
    process.say("HANG")
    assert process.control("interrupt")["subtype"] == "success"
    assert process.wait_for("result")["is_error"] is True


def test_hangterm_takes_nothing_but_a_kill(stub_claude):
    process = stub_claude.new()
    process.say("HANGTERM")
    process.wait_for("system")
    ignored = lambda: int(open(f"/proc/{process.process.pid}/status").read()
                          .split("SigIgn:")[1].split()[0], 16)
    wait_until(lambda: ignored() >> (signal.SIGTERM - 1) & 1)
    process.process.send_signal(signal.SIGTERM)
    process.close_stdin()
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(timeout=0.5)
    assert process.signal(signal.SIGKILL) == -signal.SIGKILL


@pytest.mark.parametrize("switch", ["file", "variable"])
def test_not_logged_in(stub_claude, switch):
    if switch == "file":
        (stub_claude.home / ".stub-not-logged-in").touch()
    process = stub_claude.new(env={"STUB_NOT_LOGGED_IN": "1"} if switch == "variable" else {})
    result = process.ask("hello")
    assert (result["subtype"], result["is_error"]) == ("success", True)
    assert result["result"] == "Not logged in · Please run /login"
    assert process.lines("assistant")[0]["message"]["model"] == "<synthetic>"
    assert process.end() == 1


def test_crash_and_hang_at_start(stub_claude):
    (stub_claude.home / ".stub-crash-at-start").touch()
    crashed = stub_claude.new()
    assert crashed.wait() == 1
    assert b"crashed at start" in crashed.stderr
    (stub_claude.home / ".stub-crash-at-start").unlink()
    (stub_claude.home / ".stub-hang-at-start").touch()
    hung = stub_claude.new()
    with pytest.raises(AssertionError, match="no control_response"):
        hung.control("initialize", timeout=0.5)
    assert hung.signal(signal.SIGTERM) in (143, -signal.SIGTERM)


def test_a_hundred_megabytes_are_no_trouble(stub_claude):
    process = stub_claude.new()
    process.ask("BIG 100000000", timeout=120)
