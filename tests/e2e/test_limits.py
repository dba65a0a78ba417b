"""An account whose limit is reached: by the words of the real claude, and the reset time that the API gives."""

import json
import time

from e2e.conftest import settings


def test_a_limit_is_told_with_the_time_of_its_reset_and_the_session_goes_on(iris, api, team):
    # As somebody who logged in: for a key the API tells no limits.
    team.write_settings(settings(api, ANTHROPIC_API_KEY="", CLAUDE_CODE_OAUTH_TOKEN="sk-ant-oat01-test"))
    until = int(time.time()) + 3600
    failure = iris.failure(team.name, f"LIMIT {until}")
    assert failure["kind"] == "rate_limited"
    assert time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(until)) in failure["detail"]
    # One request: it is not tried again and again until then.
    assert sum(f"LIMIT {until}" in json.dumps(request) for request in api.requests) == 1
    # What was refused stands before it in the conversation.
    assert iris.answer(team.name, "hello") == f"ECHO: LIMIT {until}\nhello"
