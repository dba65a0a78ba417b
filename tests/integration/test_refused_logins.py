"""A login that is refused is not tried again for every message: hosts count them, and lock accounts out."""

import json
import re
import subprocess

import pytest



@pytest.fixture(autouse=True)  # So it outlives `iris`, which ends its agents through it.
def server(own_sshd):
    return own_sshd


def tries(server, since) -> int:
    """How often somebody connected, whatever came of it."""
    return len(re.findall("Connection from ", server.log(since)))


def failures_of_thirty(iris) -> list:
    """As what thirty messages fail that two teams are sent at once."""
    told = [iris.start_tell(team, "hello", as_json=True) for team in ("gpu", "also") for _ in range(15)]
    said = [tell.communicate(timeout=180) for tell in told]
    assert all(out for out, _ in said), [error for out, error in said if not out]
    return [json.loads(out)["failure"] for out, _ in said]


def expect_few_tries(iris, server, kind):
    before = server.position()
    failures = failures_of_thirty(iris)
    assert {failure["kind"] for failure in failures} == {kind}, failures
    # 0, 2, 8 and 26 s after the first; the next would be after 80 s.
    assert 1 <= tries(server, before) <= 4, server.log(before)
    remembered = [failure for failure in failures if "at the earliest" in failure["detail"]]
    assert remembered, failures
    assert all(" ago" in failure["detail"] and "`iris stop`" in failure["fix"] for failure in remembered)
    assert iris.link()["state"] == "blocked"


def test_thirty_messages_at_once_are_answered_by_few_refused_logins(iris, server, remote_user):
    team = server.team(remote_user)
    iris.write_config({"teams": {"gpu": team, "also": team}})
    server.refuse_key()
    expect_few_tries(iris, server, "auth")
    server.accept_key()
    assert iris.run("stop").returncode == 0  # What its failures advise.
    assert iris.answer("gpu", "hello") == "ECHO: hello"


def test_so_are_they_where_the_key_of_the_host_is_unknown(iris, server, scratch, remote_user):
    empty = scratch / "no_known_hosts"
    empty.write_text("")
    team = server.team(remote_user)
    team["remote"] = team["remote"].replace(" -p ", f" -o UserKnownHostsFile={empty} -p ", 1)
    iris.write_config({"teams": {"gpu": team, "also": team}})
    expect_few_tries(iris, server, "host_key")


def test_a_key_that_is_accepted_meanwhile_soon_counts(iris, server, remote_user):
    iris.write_config({"teams": {"gpu": server.team(remote_user)}})
    server.refuse_key()
    assert iris.failure("gpu")["kind"] == "auth"
    server.accept_key()
    assert iris.answer_soon("gpu", "hello", timeout=30) == "ECHO: hello"


def test_another_configuration_counts_at_once(iris, server, scratch, remote_user):
    key = scratch / "other_key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
    config = scratch / "ssh_config"
    plain = server.client_config.read_text()
    config.write_text(f"IdentityFile {key}\n{plain}")
    team = server.team(remote_user)
    team["remote"] = team["remote"].replace(str(server.client_config), str(config), 1)
    del team["remoteOptions"]
    iris.write_config({"teams": {"gpu": team}})
    for _ in range(5):
        assert iris.failure("gpu")["kind"] == "auth"
    config.write_text(f"IdentityFile {server.identity}\n{plain}")  # What ssh -G prints.
    assert iris.answer("gpu", "hello") == "ECHO: hello"
