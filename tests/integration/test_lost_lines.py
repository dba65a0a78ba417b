"""Lines of claude's that are broken or lost, limits of its account, and structured output."""

import json
import time


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
    assert iris.answer("here", 'PLAIN all of it\nSTRUCTURED {"sum":3}') == 'all of it\n\n{"sum":3}'
