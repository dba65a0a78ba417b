"""What Iris relies on of claude 2.1.330: the shapes of its lines and its rules.

Each test runs against the stub and against the real one.
"""

import pytest

from programs.claude_driver import STREAM_JSON, transcript
from testbed.waiting import wait_until

SLEEP = 'TOOL Bash {"command":"sleep %s"}'
ALLOW_BASH = ["--allowedTools", "Bash"]


def begun(claude):
    """Waits until the first turn runs."""
    return claude.wait_for("system", where=lambda line: line["subtype"] == "init")


# Starting.

def test_version(claude):
    process = claude("--version", flags=[])
    assert process.end() == 0
    assert process.raw == [b"2.1.330 (Claude Code)\n"]


@pytest.mark.parametrize("flags, text", [
    ([f for f in STREAM_JSON if f != "--verbose"], "requires --verbose"),
    (STREAM_JSON + ["--bogus"], "error: unknown option '--bogus'"),
    (STREAM_JSON + ["--permission-mode", "zzz"], "argument 'zzz' is invalid"),
    (STREAM_JSON + ["--session-id", "nonsense"], "Invalid session ID"),
    (STREAM_JSON + ["--dangerously-skip-permissions"],
     "--dangerously-skip-permissions cannot be used with root/sudo privileges for security reasons"),
])
def test_bad_arguments_exit_1_with_a_reason(claude, flags, text):
    process = claude(flags=flags)
    assert process.end() == 1
    assert text in process.stderr.decode()
    assert process.raw == []


def test_root_may_skip_permissions_in_a_sandbox(claude):
    process = claude("--dangerously-skip-permissions", env={"IS_SANDBOX": "1"})
    assert process.control("initialize")["response"]["current_permission_mode"] == "bypassPermissions"
    assert process.end() == 0


def test_initialize_is_answered_without_a_turn(claude):
    process = claude.new()
    answer = process.control("initialize")
    assert answer["subtype"] == "success"
    assert answer["response"]["claude_code_version"] == "2.1.330"
    assert answer["response"]["pid"] == process.process.pid
    assert process.end() == 0
    assert not process.lines("system", lambda line: line["subtype"] == "init")
    assert transcript(claude.home, claude.session_id) == []


# A turn.

def test_a_text_that_begins_with_a_commands_name_is_the_command_and_a_blank_makes_it_prose(claude):
    process = claude.new()
    commands = {command["name"] for command in process.control("initialize")["response"]["commands"]}
    assert {"clear", "compact"} <= commands
    result = process.ask("/login returns 500, please look")
    assert result["result"] == process.text_of(result) == "/login isn't available in this environment."
    assert not result["is_error"]
    for name in sorted(commands):
        # The first of them together with what the command left behind.
        assert process.answer(f" /{name} returns 500").split()[-3:] == [f"/{name}", "returns", "500"]


def test_a_turn_has_init_assistant_and_result_and_a_lifecycle(claude):
    process = claude.new()
    own = process.say("hello")
    result = process.wait_for("result")
    process.wait_for("command_lifecycle", 3)

    assert process.lifecycle(own) == ["queued", "started", "completed"]
    init = begun(process)
    assert init["session_id"] == claude.session_id
    assert init["cwd"] == str(claude.cwd)
    assert init["permissionMode"] == "default"
    assert init["user_message_uuids"] == [own]
    assert "msg_lifecycle_v1" in init["capabilities"]
    assert {"tools", "model", "uuid", "mcp_servers", "claude_code_version"} <= init.keys()

    (assistant,) = process.lines("assistant")
    assert assistant["message"]["content"] == [{"type": "text", "text": "ECHO: hello"}]
    assert assistant["message"]["role"] == "assistant"
    assert assistant["message"]["stop_reason"] is None
    assert assistant["parent_tool_use_id"] is None
    assert assistant["user_message_uuids"] == [own]

    expected = {"type": "result", "subtype": "success", "is_error": False, "result": "ECHO: hello",
                "stop_reason": "end_turn", "terminal_reason": "completed", "num_turns": 1,
                "permission_denials": [], "user_message_uuids": [own], "result_index": 0,
                "session_id": claude.session_id}
    assert {key: result.get(key) for key in expected} == expected
    assert {"duration_ms", "total_cost_usd", "usage", "uuid"} <= result.keys()


def test_init_comes_again_with_every_turn_and_results_are_numbered(claude):
    process = claude.new()
    process.ask("one")
    assert process.ask("two")["result_index"] == 1
    assert len(process.lines("system", lambda line: line["subtype"] == "init")) == 2


def test_blocks_of_one_message_share_its_id(claude):
    process = claude.new()
    process.ask("THINK")
    first, second = process.lines("assistant")
    assert first["message"]["content"][0]["type"] == "thinking"
    assert second["message"]["content"][0]["type"] == "text"
    assert first["message"]["id"] == second["message"]["id"]
    assert "user_message_uuids" not in second


def test_content_may_be_blocks(claude):
    blocks = [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]
    assert claude.new().answer(blocks) == "ECHO: a\nb"


def test_a_message_without_a_uuid_gets_no_lifecycle(claude):
    process = claude.new()
    process.send({"type": "user", "message": {"role": "user", "content": "hello"}})
    assert "user_message_uuids" not in process.wait_for("result")
    process.end()
    assert process.lines("command_lifecycle") == []


def test_replay_repeats_user_lines_before_the_answer(claude):
    process = claude.new("--replay-user-messages")
    own = process.say("hello")
    process.wait_for("result")
    kinds = [line["type"] for line in process.lines() if line["type"] in ("user", "assistant")]
    assert kinds == ["user", "assistant"]
    (replay,) = process.lines("user")
    assert replay["isReplay"] is True
    assert replay["uuid"] == own
    assert replay["message"] == {"role": "user", "content": "hello"}


def test_a_tool_is_a_call_a_result_and_a_new_message(claude):
    process = claude.new(*ALLOW_BASH)
    result = process.ask('TOOL Bash {"command":"echo hi"}')
    said, called, done = process.lines("assistant")
    assert said["message"]["id"] == called["message"]["id"] != done["message"]["id"]
    call = called["message"]["content"][0]
    assert (call["type"], call["name"], call["input"]) == ("tool_use", "Bash", {"command": "echo hi"})
    (returned,) = process.lines("user")
    block = returned["message"]["content"][0]
    assert (block["type"], block["tool_use_id"], block["content"]) == ("tool_result", call["id"], "hi")
    assert result["result"] == "TOOL-DONE: hi"
    assert result["num_turns"] == 2


def test_an_api_error_keeps_the_subtype_success(claude):
    process = claude.new()
    own = process.say("ERR 400")
    result = process.wait_for("result")
    assert (result["subtype"], result["is_error"]) == ("success", True)
    assert result["terminal_reason"] == "api_error"
    assert result["api_error_status"] == 400
    assert result["result"].startswith("API Error: 400")
    (line,) = process.lines("assistant")
    assert line["message"]["model"] == "<synthetic>"
    process.wait_for("command_lifecycle", 3)
    assert process.lifecycle(own)[-1] == "cancelled"
    assert process.end() == 1


def test_a_retry_is_announced_and_the_turn_goes_on(claude):
    process = claude.new()
    result = process.ask("ERRONCE 529")
    (retry,) = process.lines("system", lambda line: line["subtype"] == "api_retry")
    assert (retry["attempt"], retry["max_retries"], retry["error_status"]) == (1, 10, 529)
    assert (result["is_error"], result["result"]) == (False, "ECHO: ERRONCE 529")


def test_without_a_key_the_turn_fails_and_says_so(claude):
    process = claude.new(env=claude.program.logged_out)
    assert process.control("initialize")["subtype"] == "success"
    result = process.ask("hello")
    assert (result["subtype"], result["is_error"]) == ("success", True)
    assert result["result"] == "Not logged in · Please run /login"
    assert process.end() == 1


def test_a_finished_background_task_starts_a_turn_that_nobody_asked_for(claude):
    process = claude.new(*ALLOW_BASH)
    process.ask(claude.program.background_prompt)
    result = process.wait_for("result", 2)
    assert "user_message_uuids" not in result
    assert result["origin"]["kind"] == "task-notification"
    assert len(process.lines("system", lambda line: line["subtype"] == "init")) == 2


# Several messages.

def test_lines_sent_while_text_streams_merge_into_one_turn(claude):
    process = claude.new()
    process.say("SLOW 4")
    begun(process)
    second, third = process.say("two"), process.say("three")
    result = process.wait_for("result", 2)
    assert result["user_message_uuids"] == [second, third]
    assert result["user_message_uuid"] == third
    assert process.text_of(result) == "ECHO: two\nthree"
    assert process.end() == 0
    assert len(process.lines("result")) == 2
    merged = transcript(claude.home, claude.session_id)[-2]
    assert (merged["uuid"], merged["mergedSendUuids"]) == (third, [second])


def test_a_line_sent_while_a_tool_runs_joins_the_turn(claude):
    process = claude.new(*ALLOW_BASH)
    first = process.say(SLEEP % 4)
    process.wait_for("assistant", 2)
    second = process.say("folded")
    result = process.wait_for("result")
    assert result["user_message_uuids"] == [first, second]
    assert result["user_message_uuid"] == first
    assert process.end() == 0
    assert len(process.lines("result")) == 1
    assert process.lifecycle(second) == ["queued", "started", "completed"]


def test_priority_now_ends_a_turn_that_said_nothing_with_an_error(claude):
    process = claude.new()
    first = process.say("WAIT 20")
    begun(process)
    second = process.say("urgent", priority="now")
    cut = process.wait_for("result")
    assert cut["user_message_uuids"] == [first]
    assert (cut["subtype"], cut["is_error"]) == ("error_during_execution", True)
    assert cut["terminal_reason"] == "aborted_streaming"
    assert process.wait_for("result", 2)["user_message_uuids"] == [second]
    assert process.lifecycle(first)[-1] == "cancelled"


# Control requests.

def test_an_unknown_control_request_is_refused(claude):
    answer = claude.new().control("bogus")
    assert (answer["subtype"], answer["error_code"]) == ("error", "unsupported_request")
    assert "bogus" in answer["error"]


def test_settings_can_change_between_turns(claude):
    process = claude.new()
    assert process.control("set_permission_mode", mode="plan")["response"] == {"mode": "plan"}
    assert process.wait_for("system")["permissionMode"] == "plan"
    assert process.control("set_permission_mode", mode="nonsense")["error_code"] == "invalid_mode"
    assert "model" in process.control("set_model", model="opus")["response"]
    assert process.control("mcp_status")["response"] == {"mcpServers": []}


def test_interrupt_cuts_the_stream_and_the_queue_runs_at_once(claude):
    process = claude.new()
    first = process.say("SLOW 30")
    begun(process)
    second = process.say("two")
    process.wait_for("command_lifecycle", 3)
    answer = process.control("interrupt")
    assert answer["response"] == {"still_queued": [second]}
    result = process.wait_for("result")
    assert (result["subtype"], result["is_error"]) == ("error_during_execution", True)
    assert result["terminal_reason"] == "aborted_streaming"
    assert result["user_message_uuids"] == [first]
    assert result["errors"] and "result" not in result
    notice = [line for line in process.lines("user")][-1]
    assert notice["message"]["content"] == [{"type": "text", "text": "[Request interrupted by user]"}]
    assert process.wait_for("result", 2)["user_message_uuids"] == [second]
    assert process.lifecycle(first)[-1] == "cancelled"


def test_interrupt_may_cancel_the_queue(claude):
    process = claude.new()
    process.say("SLOW 30")
    begun(process)
    second, third = process.say("two"), process.say("three")
    process.wait_for("command_lifecycle", 4)
    cancel = process.control("cancel_async_message", message_uuid=second)
    assert cancel["response"] == {"cancelled": True, "message_uuid": second}
    answer = process.control("interrupt", cancel_queued=True)
    assert answer["response"] == {"still_queued": [], "cancelled": [third]}
    process.wait_for("result")
    assert process.lifecycle(second) == process.lifecycle(third) == ["queued", "cancelled"]
    assert process.end() == 1
    assert len(process.lines("result")) == 1


def test_interrupt_ends_a_tool(claude):
    process = claude.new(*ALLOW_BASH)
    process.say(SLEEP % 20)
    wait_until(lambda: len(transcript(claude.home, claude.session_id)) == 3)
    assert process.control("interrupt")["response"] == {"still_queued": []}
    result = process.wait_for("result")
    assert result["terminal_reason"] == "aborted_tools"
    rejected, notice = process.lines("user")
    assert rejected["message"]["content"][0]["is_error"] is True
    assert "for tool use" in notice["message"]["content"][0]["text"]


def test_nothing_to_interrupt_or_to_cancel(claude):
    process = claude.new()
    assert process.control("interrupt")["response"] == {"still_queued": []}
    assert process.control("cancel_async_message", message_uuid="x")["response"] == {"cancelled": False}


# Permissions.

def permission(claude):
    process = claude.new("--permission-prompt-tool", "stdio")
    process.say(claude.program.permit_prompt)
    return process, process.wait_for("control_request")


def decide(process, request, decision):
    process.send({"type": "control_response",
                  "response": {"subtype": "success", "request_id": request["request_id"],
                               "response": decision}})


def test_a_permission_is_asked_for_and_allowed(claude):
    process, request = permission(claude)
    asked = request["request"]
    assert (asked["subtype"], asked["tool_name"]) == ("can_use_tool", "Bash")
    assert {"input", "description", "permission_suggestions", "tool_use_id"} <= asked.keys()
    decide(process, request, {"behavior": "allow", "updatedInput": {"command": "echo changed"}})
    assert process.wait_for("result")["result"] == "TOOL-DONE: changed"


def test_a_permission_is_denied_and_the_turn_goes_on(claude):
    process, request = permission(claude)
    decide(process, request, {"behavior": "deny", "message": "not today"})
    result = process.wait_for("result")
    assert (result["subtype"], result["is_error"]) == ("success", False)
    assert result["result"] == "TOOL-DONE: not today"
    assert [denial["tool_name"] for denial in result["permission_denials"]] == ["Bash"]


def test_an_interrupt_withdraws_a_permission(claude):
    process, request = permission(claude)
    process.control("interrupt")
    assert process.wait_for("control_cancel_request")["request_id"] == request["request_id"]
    assert process.wait_for("result")["terminal_reason"] == "aborted_tools"


def test_the_end_of_stdin_denies_a_permission(claude):
    process, _ = permission(claude)
    assert process.end() == 0
    (result,) = process.lines("result")
    assert "Tool permission request failed: AbortError" in result["result"]
    assert result["is_error"] is False


def test_without_anybody_to_ask_the_tool_is_denied(claude):
    process = claude.new()
    result = process.ask(claude.program.permit_prompt)
    assert process.lines("system", lambda line: line["subtype"] == "permission_denied")
    assert (result["subtype"], result["is_error"]) == ("success", False)
    assert len(result["permission_denials"]) == 1


def test_a_result_has_the_denials_of_its_own_turn_alone(claude):
    """As its usage, and unlike its cost, which counts up from the start of the process."""
    process = claude.new()
    results = [process.ask(prompt) for prompt in (claude.program.permit_prompt, claude.program.permit_prompt, "COUNT")]
    denials = [[denial["tool_use_id"] for denial in result["permission_denials"]] for result in results]
    assert [len(of_turn) for of_turn in denials] == [1, 1, 0], denials
    assert denials[0] != denials[1]
