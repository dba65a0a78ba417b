"""A message goes to its host, and to its claude, only as its own sender's environment has them."""

import json
import os
import signal

import pytest

from testbed.waiting import wait_until

_WHO = 'TOOL Bash {"command":"id -un"}'


@pytest.fixture(autouse=True)  # So it outlives `iris`, which ends its agents through it.
def server(own_sshd):
    return own_sshd


@pytest.fixture
def accounts(remote_users):
    return remote_users(), remote_users()


@pytest.fixture
def ends_for(iris):
    """ends_for(*environments): in the end the agents are ended to which each of these leads."""
    used = []
    yield used.extend
    for env in used:
        iris.run("stop", "--agents", "--force", env=env)


def team_of_whoever_asks(server, account, asker):
    """A team whose account is what `asker` stands for in its `remote`."""
    team = server.team(account, path="/tmp")
    return team | {"remote": team["remote"].replace(f"{account.name}@", asker)}


@pytest.fixture
def by_profile(iris, server, accounts, ends_for):
    """Two shells whose AWS_PROFILE decides in ssh_config which account they are on the host of gpu."""
    shells = [{"AWS_PROFILE": name} for name in ("a", "b")]
    server.client_config.write_text(server.client_config.read_text() + "".join(
        f"Match exec \"test x$AWS_PROFILE = x{shell['AWS_PROFILE']}\"\n  User {account.name}\n"
        for shell, account in zip(shells, accounts)))
    iris.write_config({"teams": {"gpu": team_of_whoever_asks(server, accounts[0], "")}})
    ends_for(shells)
    return shells


@pytest.fixture
def by_variable(iris, server, accounts, ends_for):
    """Two shells whose U is the account that they are on the host of gpu."""
    shells = [{"U": account.name} for account in accounts]
    iris.write_config({"teams": {"gpu": team_of_whoever_asks(server, accounts[0], "${U}@"),
                                 "here": iris.local_team()}})
    ends_for(shells)
    return shells


@pytest.fixture
def by_jump_host(iris, server, accounts, ends_for):
    """Two shells whose SITE decides who they are on the jump host, whose name ssh makes of gpu's."""
    shells = [{"SITE": name} for name in ("a", "b")]
    server.client_config.write_text(
        server.client_config.read_text() + f"Match originalhost jump-gpu exec \"test x$SITE = xb\"\n"
        f"  User {accounts[1].name}\nHost gpu\n  ProxyJump jump-%n\nHost gpu jump-gpu\n  HostName 127.0.0.1\n"
        f"  Port {server.port}\n  User {accounts[0].name}\n  IdentityFile {server.identity}\n")
    iris.write_config({"teams": {"gpu": {"remote": f"ssh -F {server.client_config} gpu", "path": "/tmp"}}})
    ends_for(shells)
    return shells


@pytest.fixture
def shells(iris):
    """Two shells in one folder, whose PROJECT and PROFILE differ."""
    made = []
    for name in ("a", "b"):
        folder = iris.home / name
        folder.mkdir(mode=0o700)
        made.append({"PROJECT": str(folder), "PROFILE": name})
    return made


def held_until(go) -> str:
    return f'TOOL Bash {{"command":"touch {go.with_suffix(".begun")}; until test -e {go}; do sleep 0.1; done; echo gone"}}'


def kill_coordinator(iris):
    os.kill(iris.status()["pid"], signal.SIGKILL)


def elsewhere(iris) -> dict:
    """Of a shell in another folder, which has conversations of its own."""
    return {"CLAUDE_PROJECT_DIR": str(iris.project)}


def leave(iris, text, env, team="gpu") -> str:
    left = iris.run("tell", team, text, "--detach", env=env)
    assert left.returncode == 0, left.stderr
    return left.stdout.strip()


def doing(iris, env) -> str:
    """What is done for the open messages."""
    done = iris.run("tells", "--json", env=env)
    assert done.returncode == 0, done.stderr
    return "\n".join(tell.get("doing", "") for tell in json.loads(done.stdout)["tells"] if tell["state"] != "settled")


def who_ran(text) -> str:
    assert text.count("TOOL-DONE: ") == 1, text
    return text.split("TOOL-DONE: ")[1].split()[0]


def who_answers(iris, env) -> str:
    done = iris.run("tell", "gpu", _WHO, env=env)
    assert done.returncode == 0, done.stderr
    return who_ran(done.stdout)


def who_answered(iris, left, env) -> str:
    done = iris.run("tells", left, "--wait", env=env)
    assert done.returncode == 0, done.stdout + done.stderr
    return who_ran(done.stdout)


@pytest.mark.parametrize("where", ["another folder", "the same folder"])
def test_a_left_message_is_its_senders_whoever_asks_meanwhile(iris, server, accounts, by_profile, where):
    one, other = by_profile
    server.stop()
    left = leave(iris, _WHO, env=one)
    wait_until(lambda: "out of reach" in doing(iris, one), 60)
    asks = other | (elsewhere(iris) if where == "another folder" else {})
    assert "unreachable" in iris.run("tell", "gpu", "hello", env=asks).stderr
    assert iris.run("wake", "gpu", env=asks).returncode != 0
    server.start_again()
    assert who_answered(iris, left, one) == accounts[0].name


def test_over_a_link_that_is_up_nobody_is_somebody_else(iris, accounts, by_profile):
    one, other = by_profile
    names = [account.name for account in accounts]
    assert who_answers(iris, one) == names[0]
    assert who_answers(iris, other | elsewhere(iris)) == names[1]
    for _ in range(2):  # In one conversation, turn by turn.
        assert who_answers(iris, other) == names[1]
        assert who_answers(iris, one) == names[0]


def test_who_jumps_where_ssh_makes_the_jump_hosts_name_is_the_sender(iris, server, accounts, by_jump_host):
    one, other = by_jump_host
    assert who_answers(iris, one) == accounts[0].name
    assert server.connections(accounts[1]) == 0
    assert who_answers(iris, other | elsewhere(iris)) == accounts[0].name
    assert server.connections(accounts[1]) == 1
    assert len(iris.status()["links"]) == 2
    assert who_answers(iris, one | {"OTHER": "1"}) == accounts[0].name
    assert len(iris.status()["links"]) == 2, "what ssh makes of the name is known"


@pytest.mark.parametrize("name", ["LOCALDOMAIN", "LD_PRELOAD"])
def test_what_decides_in_libc_where_a_name_or_a_connection_leads_is_the_senders(iris, server, accounts, ends_for, name):
    # A library that is there, and loaded into ssh anyway.
    values = {"LOCALDOMAIN": "site.test", "LD_PRELOAD": "libc.so.6"}
    iris.write_config({"teams": {"gpu": server.team(accounts[0], path="/tmp")}})
    ends_for([{}, {name: values[name]}])
    for env in ({}, {name: values[name]} | elsewhere(iris), {"OTHER": "1"} | elsewhere(iris)):
        assert who_answers(iris, env) == accounts[0].name
    assert server.connections(accounts[0]) == 2


def test_what_differs_and_leads_nowhere_else_is_the_same_conversation(iris, accounts, by_profile):
    one, _ = by_profile
    for count, window in enumerate(("1", "2", "1"), start=1):
        assert iris.run("tell", "gpu", "COUNT", env=one | {"WINDOWID": window}).stdout.split()[0] == str(count)
    [link] = [link for link in iris.status()["links"] if "gpu" in link["teams"]]
    assert link["key"].startswith(f"{accounts[0].name}@"), link


@pytest.mark.parametrize("where", ["another folder", "the same folder"])
@pytest.mark.parametrize("how", ["tell", "wake", "tells"])
def test_who_has_no_keys_ends_no_message_of_who_has(keys, iris, server, remote_user, ends_for, how, where):
    team = server.team(remote_user)
    del team["remoteOptions"]["identity"]
    team["remote"] = team["remote"].replace(
        "ssh ", "ssh -o IdentityAgent=SSH_AUTH_SOCK -o IdentitiesOnly=no ", 1)
    iris.write_config({"teams": {"gpu": team}})
    ends_for([keys])
    server.stop()
    left = leave(iris, "COUNT", env=keys)
    wait_until(lambda: "out of reach" in doing(iris, keys), 60)
    without = {"SSH_AUTH_SOCK": str(iris.home / "none")} | (elsewhere(iris) if where == "another folder" else {})
    iris.run(*{"tell": ["tell", "gpu", "hello"], "wake": ["wake", "gpu"], "tells": ["tells"]}[how], env=without)
    server.start_again()
    # Whoever has no key may be the first to be refused.
    iris.run("wake", "gpu", env=without)
    answered = iris.run("tells", left, "--wait", env=keys)
    assert answered.stdout.split()[0] == "1", answered.stdout + answered.stderr


def test_whoever_starts_the_next_coordinator_lends_a_left_message_no_variables(iris, server, accounts, by_variable):
    one, other = by_variable
    server.stop()
    left = leave(iris, _WHO, env=one)
    wait_until(lambda: "out of reach" in doing(iris, one), 60)
    assert iris.run("stop", env=one).returncode == 0
    server.start_again()
    assert iris.run("tell", "here", "COUNT", env=other).stdout.split()[0] == "1"
    assert "variables that its sender had" in doing(iris, other)
    # A message of that one, in the same conversation, is no way for it either.
    assert who_answers(iris, other) == accounts[1].name
    assert "variables that its sender had" in doing(iris, other)
    assert who_answered(iris, left, one) == accounts[0].name


def test_with_the_same_variables_it_is_taken_up_by_anybody(iris, server, accounts, by_variable):
    one, _ = by_variable
    server.stop()
    left = leave(iris, _WHO, env=one)
    wait_until(lambda: "out of reach" in doing(iris, one), 60)
    assert iris.run("stop", env=one).returncode == 0
    server.start_again()
    assert iris.run("tell", "here", "COUNT", env=one | {"WINDOWID": "2"}).returncode == 0
    assert who_answered(iris, left, one) == accounts[0].name


@pytest.mark.parametrize("fields, asked, answer", [
    ({"path": "${PROJECT}"}, "PWD", "PROJECT"),
    ({"env": {"AWS_PROFILE": "${PROFILE}"}}, "ENV AWS_PROFILE", "PROFILE")], ids=["path", "env"])
def test_whoever_comes_after_a_kill_lends_a_message_neither_folder_nor_variables(iris, shells, fields, asked, answer):
    one, other = shells
    iris.write_config({"settings": {"maxProcesses": 1},
                       "teams": {"busy": iris.local_team(), "app": iris.local_team() | fields}})
    go, folder = iris.home / "go", iris.home / "folder"
    folder.mkdir()
    in_a_folder = {"CLAUDE_PROJECT_DIR": str(folder)}  # Which has a conversation of its own.
    running = leave(iris, held_until(go), env=one, team="busy")
    iris.wait_for_status(lambda s: any(x["tellInFlight"] == running for x in s["sessions"]))
    left = leave(iris, asked, env=one, team="app")
    wait_until(lambda: "free process" in doing(iris, one), 60)
    kill_coordinator(iris)
    assert "variables that its sender had" in doing(iris, other)
    go.touch()
    assert iris.run("tells", running, "--wait", env=other).returncode == 0
    assert iris.run("tell", "app", asked, env=other | in_a_folder).stdout.strip() == other[answer]
    assert "variables that its sender had" in doing(iris, other)
    answered = iris.run("tells", left, "--wait", env=one | {"WINDOWID": "2"})
    assert answered.stdout.strip() == one[answer], answered.stdout + answered.stderr


def test_what_a_team_has_is_gone_on_with_first_and_as_its_sender_has_it(iris, shells):
    one, other = shells
    iris.write_config({"teams": {"app": iris.local_team(path="${PROJECT}")}})
    go = iris.home / "go"
    running, waiting = (leave(iris, text, env=one, team="app") for text in (held_until(go), "PWD"))
    wait_until(go.with_suffix(".begun").exists, 60)
    kill_coordinator(iris)
    assert "variables that its sender had" in doing(iris, other)
    for words in (["tell", "app", "PWD"], ["wake", "app"], ["sleep", "app"]):
        refused = iris.run(*words, env=other)
        assert refused.returncode != 0, refused.stdout
        assert "busy_limit" in refused.stderr, refused.stderr
    go.touch()
    answered = iris.run("tells", waiting, "--wait", env=one)
    assert answered.stdout.strip() == one["PROJECT"], answered.stdout + answered.stderr
    assert "gone" in iris.run("tells", running, "--wait", env=one).stdout
    assert iris.run("tell", "app", "PWD", env=other).stdout.strip() == other["PROJECT"]
