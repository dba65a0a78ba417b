"""The contract's second half: ends, signals, bad input, transcripts, and a session's second life."""

import os
import signal
import subprocess
import uuid

import pytest

from programs.claude_driver import transcript
from programs.test_claude_contract import ALLOW_BASH, SLEEP, begun
from testbed.waiting import wait_until


def contents(claude):
    return [line["message"]["content"] for line in transcript(claude.home, claude.session_id)]


# The end of stdin.

def test_the_end_of_stdin_ends_an_idle_process(claude):
    process = claude.new()
    process.control("initialize")
    assert process.end() == 0


def test_the_end_of_stdin_in_mid_turn_lets_the_turn_finish(claude):
    process = claude.new()
    process.say("SLOW 1")
    begun(process)
    process.say("queued")
    assert process.end() == 0
    assert [line["result"] for line in process.lines("result")][-1] == "ECHO: queued"
    assert contents(claude)[-1] == [{"type": "text", "text": "ECHO: queued"}]


def test_a_last_line_without_a_newline_counts(claude):
    process = claude.new()
    process.write(b'{"type":"user","message":{"role":"user","content":"cut"}}')
    assert process.end() == 0
    assert process.lines("result")[0]["result"] == "ECHO: cut"


def test_it_goes_on_when_nobody_reads_until_stdin_ends(claude):
    process = claude.new()
    process.say("SLOW 1")
    begun(process)
    process.stop_reading()
    assert process.end() == 0
    assert "word19" in contents(claude)[-1][-1]["text"]


# Signals.

@pytest.mark.parametrize("number, code", [(signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_term_and_hup_end_the_turn_without_a_result(claude, number, code):
    process = claude.new()
    process.say("SLOW 30")
    begun(process)
    wait_until(lambda: contents(claude) == ["SLOW 30"])
    assert process.signal(number) == code
    assert process.lines("result") == []
    assert contents(claude) == ["SLOW 30"]


def test_term_ends_an_idle_process(claude):
    process = claude.new()
    process.control("initialize")
    assert process.signal(signal.SIGTERM) == 143


def test_int_interrupts_with_a_result_and_exits_0(claude):
    process = claude.new()
    process.say("SLOW 30")
    begun(process)
    assert process.signal(signal.SIGINT) == 0
    (result,) = process.lines("result")
    assert result["subtype"] == "error_during_execution"
    assert result["terminal_reason"] == "aborted_streaming"


def sleepers(seconds):
    listing = subprocess.run(["ps", "-eo", "pid,sid,args"], capture_output=True, text=True).stdout
    rows = [line.split(None, 2) for line in listing.splitlines()[1:]]
    return [(int(pid), int(sid)) for pid, sid, args in rows if args == f"sleep {seconds}"]


def test_a_tool_is_a_session_of_its_own_and_survives_a_kill_but_not_a_term(claude):
    for number, survives in [(signal.SIGTERM, False), (signal.SIGKILL, True)]:
        seconds = f"19.{number:03}{os.getpid()}"
        process = claude("--session-id", str(uuid.uuid4()), *ALLOW_BASH)
        process.say(SLEEP % seconds)
        process.wait_for("assistant", 2)
        wait_until(lambda: sleepers(seconds))
        ((pid, sid),) = sleepers(seconds)
        assert sid not in (os.getsid(0), os.getsid(process.process.pid))
        process.signal(number)
        if survives:
            assert sleepers(seconds) == [(pid, sid)]
            os.killpg(sid, signal.SIGKILL)
        else:
            wait_until(lambda: not sleepers(seconds))


# Bad input.

@pytest.mark.parametrize("line", [
    b"{nope\n", b"null\n", b'{"type":"user"}\n', b'{"type":"control_request","request_id":"r"}\n',
    b'{"type":"user","message":{"role":"assistant","content":"x"}}\n'])
def test_a_bad_line_ends_it_with_1_and_without_output(claude, line):
    process = claude.new()
    process.write(line)
    assert process.wait() == 1
    assert process.raw == []
    assert process.stderr.startswith(b"Error")


def test_lines_of_no_meaning_are_ignored(claude):
    process = claude.new()
    process.write(b'\n5\n"text"\n[]\n{"type":"unheard of"}\n{"no":"type"}\n')
    assert process.ask("hello")["result"] == "ECHO: hello"


def test_a_long_line_is_read(claude):
    process = claude.new()
    assert process.ask("x" * 5_000_000)["subtype"] == "success"


def test_a_long_answer_is_one_line(claude):
    process = claude.new()
    process.ask("BIG 2000000")
    (line,) = process.lines("assistant")
    assert len(line["message"]["content"][0]["text"]) == 2_000_000


# Sessions.

def test_the_transcript_holds_user_and_assistant_lines_and_no_results(claude):
    process = claude.new()
    own = process.say("THINK")
    process.wait_for("result")
    process.end()
    user, thinking, text = transcript(claude.home, claude.session_id)
    assert (user["type"], user["uuid"], user["message"]["content"]) == ("user", own, "THINK")
    assert user["parentUuid"] is None
    assert user["sessionId"] == claude.session_id
    assert user["cwd"] == str(claude.cwd)
    assert [line["message"]["stop_reason"] for line in (thinking, text)] == ["end_turn", "end_turn"]
    assert text["parentUuid"] == thinking["uuid"]


def test_the_project_folder_is_named_after_the_working_directory(claude, tmp_path):
    odd = tmp_path / "a b.c_d"
    odd.mkdir()
    process = claude.new(cwd=odd)
    process.ask("hello")
    process.end()
    name = "".join(c if c.isascii() and c.isalnum() else "-" for c in str(odd))
    assert (claude.home / ".claude/projects" / name / f"{claude.session_id}.jsonl").exists()


def test_claude_config_dir_replaces_the_home(claude, tmp_path):
    process = claude.new(env={"CLAUDE_CONFIG_DIR": str(tmp_path / "config")})
    process.ask("hello")
    process.end()
    assert list(tmp_path.glob(f"config/projects/*/{claude.session_id}.jsonl"))


def test_a_session_id_is_used_once(claude):
    process = claude.new()
    process.ask("hello")
    process.end()
    again = claude.new()
    assert again.end() == 1
    assert again.stderr.decode() == f"Error: Session ID {claude.session_id} is already in use.\n"


def test_a_session_that_never_spoke_cannot_be_resumed(claude):
    process = claude.new()
    process.control("initialize")
    process.end()
    again = claude.resume()
    text = f"No conversation found with session ID: {claude.session_id}"
    assert again.end() == 1
    assert again.stderr.decode().strip() == text
    (result,) = again.lines("result")
    assert (result["subtype"], result["errors"]) == ("error_during_execution", [text])


def test_resume_and_session_id_exclude_each_other(claude):
    process = claude.resume("--session-id", claude.session_id)
    assert process.end() == 1
    assert b"also needs --fork-session" in process.stderr


def test_resume_works_from_another_directory_and_keeps_the_file(claude, tmp_path):
    process = claude.new()
    process.ask("one")
    process.end()
    other = tmp_path / "other"
    other.mkdir()
    again = claude.resume(cwd=other)
    assert again.ask("two")["result"] == "ECHO: two"
    again.end()
    assert [c for c in contents(claude) if isinstance(c, str)] == ["one", "two"]


# A uuid that comes twice.

def test_a_duplicate_in_one_process_is_ignored(claude):
    process = claude.new("--replay-user-messages")
    own = process.say("SLOW 1")
    begun(process)
    process.say("SLOW 1", uuid=own)
    process.wait_for("result")
    process.say("SLOW 1", uuid=own)
    process.ask("next")
    assert len(process.lines("result")) == 2
    assert process.lifecycle(own) == ["queued", "started", "completed"]


def test_a_finished_turn_does_not_run_again_after_resume(claude):
    process = claude.new()
    own = process.say("hello")
    process.wait_for("result")
    process.end()
    again = claude.resume("--replay-user-messages")
    again.say("hello", uuid=own)
    again.wait_for("command_lifecycle")
    again.end()
    assert again.lifecycle(own) == ["completed"]
    assert again.wait_for("user")["isReplay"] is True
    assert again.lines("result") == again.lines("assistant") == []


def test_a_turn_killed_after_an_assistant_line_does_not_run_again(claude):
    process = claude.new(*ALLOW_BASH)
    own = process.say(SLEEP % 0.5)
    process.wait_for("assistant", 2)
    wait_until(lambda: len(contents(claude)) >= 3)
    process.signal(signal.SIGKILL)
    again = claude.resume()
    again.say(SLEEP % 0.5, uuid=own)
    again.wait_for("command_lifecycle")
    again.end()
    assert again.lifecycle(own) == ["completed"]
    assert again.lines("result") == []


def test_a_turn_killed_before_its_first_message_ended_runs_again(claude):
    process = claude.new()
    own = process.say("SLOW 4")
    begun(process)
    wait_until(lambda: contents(claude))
    process.signal(signal.SIGKILL)
    assert contents(claude) == ["SLOW 4"]
    again = claude.resume()
    result = again.ask("SLOW 4", uuid=own)
    assert result["is_error"] is False
    again.end()
    first, patch, *answer = transcript(claude.home, claude.session_id)
    assert first["uuid"] == own
    # Before a cut turn goes on, claude puts an answer of its own there. It is nobody's answer.
    assert patch["message"]["model"] == "<synthetic>"
    assert patch["message"]["content"] == [{"type": "text", "text": "No response requested."}]
    assert "word19" in answer[-1]["message"]["content"][0]["text"]


def test_an_interrupted_turn_does_not_run_again(claude):
    process = claude.new()
    own = process.say("WAIT 20")
    begun(process)
    wait_until(lambda: contents(claude))
    process.control("interrupt")
    process.wait_for("result")
    assert process.end() == 1
    again = claude.resume()
    again.say("WAIT 20", uuid=own)
    again.wait_for("command_lifecycle")
    again.end()
    assert again.lifecycle(own) == ["completed"]


def test_a_turn_that_was_cut_twice_does_not_run_a_third_time(claude):
    process = claude.new()
    own = process.say("SLOW 30")
    begun(process)
    wait_until(lambda: contents(claude))
    process.signal(signal.SIGKILL)
    second = claude.resume()
    second.say("SLOW 30", uuid=own)
    begun(second)
    wait_until(lambda: len(contents(claude)) == 2)
    second.signal(signal.SIGKILL)
    third = claude.resume()
    third.say("SLOW 30", uuid=own)
    third.wait_for("command_lifecycle")
    third.end()
    assert third.lifecycle(own) == ["completed"]


def test_a_merged_message_other_than_the_last_is_not_known_after_resume(claude):
    process = claude.new()
    process.say("SLOW 4")
    begun(process)
    second, third = process.say("two"), process.say("three")
    process.wait_for("result", 2)
    process.end()
    again = claude.resume()
    assert again.ask("two", uuid=second)["result"] == "ECHO: two"
    again.say("three", uuid=third)
    again.wait_for("command_lifecycle", where=lambda line: line["command_uuid"] == third)
    assert again.lifecycle(third) == ["completed"]
