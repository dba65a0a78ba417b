"""Whose variables claude, ssh and the configuration get: the asking front end's here, the account's on a host."""

import json
import uuid

import pytest

from integration.mcp_client import McpClient
from testbed import binaries

_RELAY = f"exec /usr/bin/python3 {binaries.REPOSITORY}/tests/testbed/throttle.py %h %p 100000000"
_OF_A_PARENT = ("CLAUDECODE", "CLAUDE_CODE_ENTRYPOINT", "CLAUDE_CODE_SSE_PORT", "CLAUDE_CODE_SESSION_ID",
                "CLAUDE_PROJECT_DIR")
# These tests run beside others, and none is about time: a login may take long.
_PATIENT = {"connectTimeout": 60_000}


def ask(iris, team, text, **env) -> str:
    """What `team` answers a front end with these variables too."""
    done = iris.run("tell", team, text, env=env)
    assert done.returncode == 0, f"tell failed ({done.returncode}): {done.stdout}{done.stderr}"
    return done.stdout.removesuffix("\n")


def failure(iris, team, **env) -> dict:
    done = iris.run("tell", team, "hello", "--json", env=env)
    assert done.returncode == 1, done.stdout + done.stderr
    return json.loads(done.stdout)["failure"]


def the_session(iris) -> dict:
    [session] = iris.status()["sessions"]
    return session


def write_local(iris, settings=None, **fields):
    iris.write_config({"settings": settings or {}, "teams": {"app": iris.local_team(**fields)}})


def test_a_local_claude_has_the_environment_of_the_front_end_that_starts_it(iris):
    write_local(iris)
    assert ask(iris, "app", "ENV HTTPS_PROXY", HTTPS_PROXY="http://one") == "http://one"
    session = the_session(iris)
    assert session["envFrom"] == "front end"
    assert "HTTPS_PROXY" in session["envNames"]
    assert "http://one" not in json.dumps(session)

    pid = ask(iris, "app", "PID")
    assert ask(iris, "app", "ENV HTTPS_PROXY", HTTPS_PROXY="http://two") == "http://one", "it keeps its own"
    assert ask(iris, "app", "PID", HTTPS_PROXY="http://two") == pid
    assert iris.tell("app", "CRASH 3").returncode == 1
    assert ask(iris, "app", "ENV HTTPS_PROXY", HTTPS_PROXY="http://two") == "http://two"
    assert iris.tell("app", "CRASH 3").returncode == 1
    assert ask(iris, "app", "ENV HTTPS_PROXY") == "(unset)"


def test_status_names_the_variables_of_the_claude_that_runs(iris):
    write_local(iris)
    pid = ask(iris, "app", "PID", OF_ANN="1")
    assert ask(iris, "app", "PID", OF_BOB="1") == pid
    names = the_session(iris)["envNames"]
    assert "OF_ANN" in names and "OF_BOB" not in names
    said = iris.run("status", "--long").stdout
    assert "environment of the caller" in said and "OF_ANN" in said

    assert iris.run("stop").returncode == 0
    assert ask(iris, "app", "PID", OF_BOB="1") == pid
    session = the_session(iris)
    assert (session["envFrom"], session["envNames"]) == ("", []), "the next coordinator cannot know"
    assert "is not known" in iris.run("status", "--long").stdout
    assert iris.tell("app", "CRASH 3").returncode == 1
    assert ask(iris, "app", "PID", OF_BOB="1") != pid
    assert "OF_BOB" in the_session(iris)["envNames"]


def test_what_an_environment_has_no_room_for_is_named(iris):
    write_local(iris)
    large = {f"LARGE_{i}": "x" * 100_000 for i in range(3)}
    assert ask(iris, "app", "ENV IRIS_LEFT_OUT", **large) == "LARGE_0"
    assert ask(iris, "app", "ENV PATH", **large).startswith(iris.env["PATH"])
    assert the_session(iris)["envLacks"] == ["LARGE_0"]
    assert "is too large and lacks LARGE_0" in iris.run("status").stdout

    many = {f"A{i}": "1" for i in range(4_400)}
    assert iris.tell("app", "CRASH 3").returncode == 1
    assert ask(iris, "app", "ENV PATH", **many).startswith(iris.env["PATH"])
    assert the_session(iris)["envLacks"][-1].endswith(" more")


def test_a_local_claude_is_where_its_team_is(iris):
    write_local(iris)
    assert ask(iris, "app", "ENV PWD", PWD="/elsewhere", OLDPWD="/before") == str(iris.project)
    assert ask(iris, "app", "ENV OLDPWD") == "(unset)"


def test_nothing_of_a_claude_around_the_front_end_reaches_one_below(iris):
    write_local(iris)
    left = {name: str(uuid.uuid4()) for name in _OF_A_PARENT}
    around = left | {"CLAUDE_CONFIG_DIR": str(iris.home / "c")}
    answer = ask(iris, "app", "\n".join(f"ENV {name}" for name in left), **around)
    assert answer.count("(unset)") == len(left), answer
    assert ask(iris, "app", "ENV CLAUDE_CONFIG_DIR", **around) == str(iris.home / "c"), "that is a person's"


def test_nothing_of_whoever_runs_the_tests_reaches_a_claude(iris, sshd, remote_user, monkeypatch):
    monkeypatch.setenv("IRIS_T_CANARY", "canary")
    monkeypatch.setenv("ANTHROPIC_API_KEY", "canary")
    iris.write_config({"teams": {"app": iris.local_team(), "gpu": sshd().team(remote_user, remoteOptions=_PATIENT)}})
    for team in ("app", "gpu"):
        assert iris.answer(team, "ENV IRIS_T_CANARY\nENV ANTHROPIC_API_KEY").count("(unset)") == 2


def test_a_remote_claude_has_what_ssh_shows_there(iris, sshd, remote_user):
    remote_user.write(".bashrc", "export CLAUDE_CODE_OAUTH_TOKEN=of-the-account AWS_REGION=eu-west-1 CLAUDECODE=1\n"
                                 "export PATH=$PATH:$HOME/tools\n")
    assert sshd().run(remote_user, "echo $AWS_REGION").stdout == b"eu-west-1\n", "the account's shell says nothing"
    iris.write_config({"teams": {"gpu": sshd().team(remote_user, remoteOptions=_PATIENT)}})
    assert ask(iris, "gpu", "ENV CLAUDE_CODE_OAUTH_TOKEN", CLAUDE_CODE_OAUTH_TOKEN="mine") == "of-the-account"
    assert iris.answer("gpu", "ENV AWS_REGION") == "eu-west-1"
    assert f":{remote_user.home}/tools" in iris.answer("gpu", "ENV PATH")
    assert iris.answer("gpu", "ENV CLAUDECODE") == "(unset)"
    session = the_session(iris)
    assert session["envFrom"] == "host"
    assert "CLAUDE_CODE_OAUTH_TOKEN" in session["envNames"]

    # It is that of the connection: another one has what the account has by then.
    remote_user.write(".bashrc", "export AWS_REGION=us-east-1\n")
    assert iris.run("stop").returncode == 0
    assert iris.answer("gpu", "ENV AWS_REGION") == "eu-west-1", "a claude that runs keeps its own"
    assert iris.tell("gpu", "CRASH 3").returncode == 1
    assert iris.answer("gpu", "ENV AWS_REGION") == "us-east-1"


@pytest.mark.parametrize("where", ["local", "remote"])
def test_what_counts_before_what(iris, sshd, remote_user, where):
    remote_user.write(".bashrc", "export " + " ".join(f"V{i}=host" for i in range(5)) + "\n")
    team = iris.local_team() if where == "local" else sshd().team(remote_user, remoteOptions=_PATIENT)
    iris.write_config({
        "settings": {"passEnv": ["V1", "V2", "V3"], "env": {"V2": "settings", "V3": "settings"}},
        "teams": {"t": team | {"env": {"V3": "team of ${WHO}", "V4": ""}}}})
    asker = {f"V{i}": "asker" for i in range(1, 5)} | {"WHO": "ann"}
    seen = [ask(iris, "t", f"ENV V{i}", **asker) for i in range(5)]
    assert seen == ["(unset)" if where == "local" else "host", "asker", "settings", "team of ann", "(unset)"]


def test_what_waited_over_a_restart_has_the_variables_of_who_asks_for_it(iris):
    iris.write_config({"teams": {"app": iris.local_team(passEnv=["TOKEN"]), "other": iris.local_team()}})
    go = iris.home / "go"
    held = f'TOOL Bash {{"command":"until test -e {go}; do sleep 0.1; done; echo gone"}}'
    running, waiting = (iris.run("tell", "app", text, "--timeout", -1, env={"TOKEN": "of ann"}).stdout.strip()
                        for text in (held, "ENV TOKEN"))
    iris.wait_for_status(lambda s: any(x["tellInFlight"] == running for x in s.get("sessions", [])))
    assert iris.run("stop").returncode == 0
    go.touch()
    assert ask(iris, "other", "hello") == "ECHO: hello"  # Which starts the next coordinator.
    iris.wait_for_status(lambda s: any("passEnv" in x.get("stall", "") for x in s.get("sessions", [])))
    answered = iris.run("tells", waiting, "--wait", env={"TOKEN": "of ann"})
    assert answered.stdout.strip() == "of ann", answered.stdout + answered.stderr


def files_that_hold(secret: str, *folders) -> list:
    return [str(path) for folder in folders for path in folder.rglob("*")
            if path.is_file() and not path.is_symlink() and secret.encode() in path.read_bytes()]


def test_no_value_is_shown_or_written_anywhere(iris, sshd, remote_user):
    secret, other = f"canary-{uuid.uuid4()}", f"canary-{uuid.uuid4()}"
    remote_user.write(".bashrc", f"export OF_THE_ACCOUNT={other}\n")
    iris.write_config({"settings": {"passEnv": ["PASSED_SECRET"]}, "teams": {
        "app": iris.local_team(env={"GH_TOKEN": "${GH_TOKEN}"}),
        "gpu": sshd().team(remote_user, remoteOptions=_PATIENT) | {"env": {"GH_TOKEN": "${GH_TOKEN}"}}}})
    env = {"GH_TOKEN": secret, "PASSED_SECRET": secret}
    # What an answer says stands in transcripts and stores: nothing is asked for that would say it.
    for team in ("app", "gpu"):
        assert ask(iris, team, "hello", **env) == "ECHO: hello"
        assert iris.run("tell", team, "CRASH 3", env=env).returncode == 1
        assert ask(iris, team, "hello", **env) == "ECHO: hello"
    shown = "".join(iris.run(*words, env=env).stdout for words in
                    (["status"], ["status", "--json"], ["teams"], ["teams", "--json"], ["tells", "--all"]))
    assert "GH_TOKEN" in shown
    assert secret not in shown and other not in shown
    assert files_that_hold(secret, iris.folder, remote_user.home) == []
    assert files_that_hold(other, iris.folder, remote_user.home) == [str(remote_user.home / ".bashrc")]


def test_a_proxy_command_has_the_variables_of_who_asks(iris, sshd, scratch, remote_user):
    server, config = sshd(), scratch / "config"
    config.write_text(f"Include {server.client_config}\nHost *\n"
                      f"  ProxyCommand sh -c 'test \"$AWS_PROFILE\" = work && {_RELAY}'\n")
    team = server.team(remote_user, remoteOptions=_PATIENT)
    team["remote"] = team["remote"].replace(str(server.client_config), str(config))
    iris.write_config({"teams": {"gpu": team}})
    assert failure(iris, "gpu")["kind"] == "unreachable"
    assert ask(iris, "gpu", "PWD", AWS_PROFILE="work") == str(remote_user.home)
    assert ask(iris, "gpu", "COUNT", AWS_PROFILE="work", TERM="xterm-256color", SHLVL="7") == "2"
    assert len(iris.status()["links"]) == 1, "what is of a terminal makes no other connection"


def test_a_variable_that_ssh_misses_is_named_and_not_waited_for(iris, sshd, scratch, remote_user):
    server, config = sshd(), scratch / "config"
    config.write_text(f"UserKnownHostsFile ${{IRIS_T_STATE}}/known_hosts\nInclude {server.client_config}\n")
    team = server.team(remote_user, remoteOptions=_PATIENT)
    team["remote"] = team["remote"].replace(str(server.client_config), str(config))
    iris.write_config({"teams": {"gpu": team}})
    missed = failure(iris, "gpu")
    assert missed["kind"] == "bad_request"
    assert "IRIS_T_STATE" in missed["detail"]
    [link] = iris.status()["links"]
    assert link["state"] == "blocked", link
    assert ask(iris, "gpu", "PWD", IRIS_T_STATE=str(server.folder)) == str(remote_user.home)


def test_a_variable_in_the_configuration_is_that_of_who_asks(iris, sshd, remote_users):
    server, accounts = sshd(), (remote_users(), remote_users())
    team = server.team(accounts[0], path="~/", remoteOptions=_PATIENT)
    mine = team | {"remote": team["remote"].replace(accounts[0].name, "${ACCOUNT}")}
    # Links that stay, so that the end finds both agents.
    fixed = {name: server.team(account, remoteOptions=_PATIENT) for name, account in zip(("one", "two"), accounts)}
    iris.write_config({"teams": {"mine": mine} | fixed})
    for name in fixed:
        assert ask(iris, name, "hello", ACCOUNT=accounts[0].name) == "ECHO: hello"
    for account in (*accounts, accounts[0]):
        assert ask(iris, "mine", "PWD", ACCOUNT=account.name) == str(account.home)
    done = iris.run("teams", "--json", env={"ACCOUNT": accounts[1].name})
    assert accounts[1].name in done.stdout
    unset = iris.run("tell", "mine", "hello")
    assert unset.returncode != 0
    assert "ACCOUNT" in unset.stdout + unset.stderr


def test_a_variable_that_one_asker_lacks_breaks_the_configuration_for_nobody_else(iris):
    write_local(iris)
    assert ask(iris, "app", "hello") == "ECHO: hello"
    write_local(iris, description="the app of ${WHO}")
    lacking = iris.run("tell", "app", "hello")
    assert lacking.returncode == 3
    assert "WHO is not set" in lacking.stderr and "in force" not in lacking.stderr
    with McpClient(iris) as client:
        client.initialize()
        assert "WHO is not set" in client.failure("list_teams")
        assert client.notes == []
    with McpClient(iris, WHO="ann") as client:
        assert "the app of ann" in client.initialize()["instructions"]
    assert ask(iris, "app", "hello", WHO="bob") == "ECHO: hello"
    assert "configProblem" not in iris.status()
