"""What cancelling a tell (agent/session/turn.h) relies on: an interrupt with
`cancel_queued` ends the message before it, whenever it comes, and no other."""

import time

from testbed.waiting import wait_until



def cancel(process, own) -> bool:
    """Interrupts, and returns whether the turn had begun. Then both answer and result have come."""
    answer = process.control("interrupt", cancel_queued=True)["response"]
    assert answer["still_queued"] == []
    if own in answer["cancelled"]:
        return False
    process.wait_for("result", where=lambda line: own in line.get("user_message_uuids", []))
    return True


def results_of(process, own) -> list:
    return process.lines("result", lambda line: own in line.get("user_message_uuids", []))


def test_an_interrupt_close_behind_its_message_ends_it_and_not_the_next(claude):
    process = claude.new("--replay-user-messages")
    process.control("initialize")
    for delay in (0, 0.005, 0.02, 0.05, 0.1, 0.3):
        own = process.say("SLOW 20")
        time.sleep(delay)
        if cancel(process, own):
            (result,) = results_of(process, own)
            assert (result["subtype"], result["terminal_reason"]) == (
                "error_during_execution", "aborted_streaming")
        text = f"after {delay}"
        assert process.ask(text)["result"] == f"ECHO: {text}"
        assert process.lifecycle(own)[-1] == "cancelled"
        assert len(results_of(process, own)) <= 1


def test_an_interrupt_about_the_end_of_a_turn_does_not_hit_the_next(claude):
    process = claude.new()
    process.ask("warm")
    for number in range(10):
        own = process.say("hello")
        time.sleep(number * 0.015)
        if cancel(process, own):
            (result,) = results_of(process, own)
            assert (result["subtype"], result["is_error"]) in [
                ("success", False), ("error_during_execution", True)]
        text = f"after {number}"
        assert process.ask(text)["result"] == f"ECHO: {text}"


def test_without_cancel_queued_a_message_that_has_not_begun_runs_all_the_same(claude):
    process = claude.new()
    process.say("SLOW 2")
    process.wait_for("system", where=lambda line: line["subtype"] == "init")
    second = process.say("two")
    wait_until(lambda: process.lifecycle(second) == ["queued"])
    assert process.control("interrupt")["response"] == {"still_queued": [second]}
    assert process.wait_for("result", 2)["user_message_uuids"] == [second]
