"""Every team is answered on its own host, over a connection that is its own way there: what ssh_config can say."""

import contextlib
import json
import os
import signal
import subprocess

import pytest

from testbed import binaries, processes, shared_home
from testbed.waiting import wait_until

_RELAY = f"exec /usr/bin/python3 {binaries.REPOSITORY}/tests/testbed/throttle.py 127.0.0.1 $p 100000000"
_ALIASES = """\
Host gpu-a gpu-b
  HostName 127.0.0.1
  HostKeyAlias %n
  ProxyCommand sh -c 'case %n in gpu-a) p={a.port};; *) p={b.port};; esac; {relay}'
  User {user.name}
  IdentityFile {a.identity}
  IdentityFile {b.identity}
  IdentitiesOnly yes
  IdentityAgent none
  UserKnownHostsFile {known}
  GlobalKnownHostsFile /dev/null
  StrictHostKeyChecking yes
"""


# These tests run beside others, and none is about time: a login may take long.
_PATIENT = {"connectTimeout": 60_000}


def team_of(server, user):
    return server.team(user, remoteOptions=_PATIENT)


@pytest.fixture
def two_hosts(scratch, remote_user):
    """Two hosts where the same account can log in, called alpha and beta."""
    with shared_home.hosts(scratch, remote_user, "alpha", "beta") as hosts:
        yield hosts


def links(iris):
    return iris.status()["links"]


def links_of(status, *teams):
    return [link for link in status["links"] if set(teams) & set(link["teams"])]


def link_of(iris, team):
    [link] = links_of(iris.status(), team)
    return link


def run_there(iris, team, command, **options):
    """What a command says where the team's claude is."""
    answer = iris.answer(team, "TOOL Bash " + json.dumps({"command": command}), **options)
    assert answer.count("TOOL-DONE: ") == 1, answer
    return answer.split("TOOL-DONE: ")[1].strip()


def test_two_aliases_of_one_address_lead_each_to_its_own_host(iris, scratch, two_hosts, remote_user):
    config, known = scratch / "config", scratch / "known"
    alpha, beta = two_hosts
    # ssh takes the alias by the letter; it is only ProxyCommand that it puts the name into.
    known.write_text("".join(f"%n {(host.folder / 'host_key.pub').read_text()}" for host in two_hosts))
    config.write_text(_ALIASES.format(a=alpha, b=beta, user=remote_user, known=known, relay=_RELAY))
    iris.write_config({"teams": {name: {"remote": f"ssh -F {config} gpu-{name}", "path": str(remote_user.home),
                                        "remoteOptions": _PATIENT} for name in ("a", "b")}})
    assert run_there(iris, "a", "hostname") == "alpha"
    assert run_there(iris, "b", "hostname") == "beta"
    assert run_there(iris, "a", "hostname") == "alpha"
    names = {link["key"] for link in links(iris)}
    assert names == {f"{remote_user.name}@127.0.0.1:22 (gpu-{name})" for name in ("a", "b")}
    assert run_there(iris, "b", "hostname") == "beta"


@pytest.fixture
def agent_with_key(iris, scratch):
    """A real ssh-agent that holds one key, and is lent with every message. Yields the key's fingerprint."""
    socket, key = scratch / "agent.sock", scratch / "lent_key"
    agent = subprocess.Popen(["ssh-agent", "-D", "-a", socket], stdout=subprocess.DEVNULL)
    try:
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "lent", "-f", key], check=True)
        env = {"SSH_AUTH_SOCK": str(socket)}
        deadline = 100
        while subprocess.run(["ssh-add", "-q", key], env=env, stderr=subprocess.DEVNULL).returncode != 0:
            deadline -= 1
            assert deadline, "ssh-agent does not answer"
            with contextlib.suppress(subprocess.TimeoutExpired):
                agent.wait(0.1)
        iris.env |= env
        yield subprocess.run(["ssh-keygen", "-lf", key], check=True, capture_output=True, text=True).stdout.split()[1]
    finally:
        agent.kill()
        agent.wait()


@pytest.mark.parametrize("first", ["lends", "keeps"])
def test_keys_are_lent_to_the_team_that_asks_for_it_alone(iris, sshd, remote_user, agent_with_key, first):
    keeps = team_of(sshd(), remote_user)
    keeps["remote"] = keeps["remote"].replace("ssh ", "ssh -o IdentityAgent=SSH_AUTH_SOCK ", 1)
    lends = keeps | {"remote": keeps["remote"].replace("ssh ", "ssh -A ", 1)}
    iris.write_config({"teams": {"lends": lends, "keeps": keeps}})
    seen = {}
    for team in ("lends", "keeps") if first == "lends" else ("keeps", "lends"):
        seen[team] = run_there(iris, team, "ssh-add -l; true")
    assert agent_with_key in seen["lends"], seen
    assert agent_with_key not in seen["keeps"], seen
    assert len(links(iris)) == 2


@pytest.mark.parametrize("how", ["-A", "forwardAgent"])
def test_lent_keys_follow_a_link_that_comes_back_and_go_with_it(iris, sshd, remote_user, agent_with_key, how):
    keeps = team_of(sshd(), remote_user)
    keeps["remote"] = keeps["remote"].replace("ssh ", "ssh -o IdentityAgent=SSH_AUTH_SOCK ", 1)
    if how == "-A":
        lends = keeps | {"remote": keeps["remote"].replace("ssh ", "ssh -A ", 1)}
    else:
        lends = keeps | {"remoteOptions": keeps["remoteOptions"] | {"forwardAgent": True}}
    iris.write_config({"teams": {"lends": lends, "keeps": keeps}})
    assert run_there(iris, "keeps", "echo ${SSH_AUTH_SOCK:-none}") == "none"
    path = run_there(iris, "lends", "echo $SSH_AUTH_SOCK")
    first = os.readlink(path)
    assert os.stat(os.path.dirname(path)).st_mode & 0o777 == 0o700
    [child] = [s["childPid"] for s in iris.status()["sessions"] if s["to"] == "lends"]

    os.kill(link_of(iris, "lends")["sshPid"], signal.SIGKILL)
    iris.wait_for_status(lambda s: links_of(s, "lends")[0]["losses"] == 1)
    assert agent_with_key in run_there(iris, "lends", "ssh-add -l")
    assert run_there(iris, "lends", "echo $SSH_AUTH_SOCK") == path
    assert os.readlink(path) != first
    [same] = [s["childPid"] for s in iris.status()["sessions"] if s["to"] == "lends"]
    assert same == child, "a claude that runs has the keys again"
    assert agent_with_key not in run_there(iris, "keeps", "ssh-add -l 2>&1; true")

    assert iris.run("stop").returncode == 0  # The agent and its sessions stay.
    wait_until(lambda: not os.path.lexists(path))
    assert run_there(iris, "keeps", "echo on") == "on"  # Linked: so the agent is ended with the rest.


def test_a_changed_host_key_is_refused_beside_a_team_that_takes_any(iris, sshd, scratch, remote_user):
    known = scratch / "known"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", scratch / "other"], check=True)
    known.write_text(f"[127.0.0.1]:{sshd().port} {(scratch / 'other.pub').read_text()}")
    strict = team_of(sshd(), remote_user)
    lax = strict | {"remote": strict["remote"].replace(
        "ssh ", "ssh -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null ", 1)}
    strict["remote"] = strict["remote"].replace("ssh ", f"ssh -o UserKnownHostsFile={known} ", 1)
    iris.write_config({"teams": {"lax": lax, "strict": strict}})
    assert iris.answer("lax", "hello") == "ECHO: hello"
    assert iris.failure("strict")["kind"] == "host_key"
    assert iris.answer("lax", "COUNT") == "2"


@pytest.fixture
def two_accounts(remote_users):
    return remote_users(), remote_users()


class Config:
    """An ssh_config whose host `gpu` is one account of a host, or another one as `lines` decide."""

    def __init__(self, server, scratch, accounts):
        self._server, self._accounts = server, accounts
        self.file = scratch / "gpu_config"
        self.flag = scratch / "flag"

    def write(self, condition=None, user=0):
        match = f"Match host gpu exec \"{condition}\"\n  User {self._accounts[1].name}\n" if condition else ""
        self.file.write_text(f"{match}Host gpu\n  HostName 127.0.0.1\n  HostKeyAlias [127.0.0.1]:{self._server.port}\n"
                             f"  User {self._accounts[user].name}\n  Port {self._server.port}\n"
                             f"Include {self._server.client_config}\n")

    def team(self, **fields):
        return {"remote": f"ssh -F {self.file} gpu", "path": "~/",
                "remoteOptions": _PATIENT | {"identity": str(self._server.identity)}} | fields


@pytest.fixture
def gpu(sshd, scratch, two_accounts):
    return Config(sshd(), scratch, two_accounts)


def write_teams(iris, gpu, server, accounts, *names):
    """The teams with these names at `gpu`; and `one` and `two`, whose links stay, so that the end finds both agents."""
    fixed = {name: team_of(server, account) for name, account in zip(("one", "two"), accounts)}
    iris.write_config({"teams": {name: gpu.team() for name in names} | fixed})
    for name in fixed:
        assert iris.answer(name, "hello") == "ECHO: hello"


def test_who_comes_after_a_change_of_ssh_config_is_where_it_leads_then(iris, gpu, sshd, two_accounts):
    one, two = two_accounts
    gpu.write(condition=f"test -e {gpu.flag}")
    write_teams(iris, gpu, sshd(), two_accounts, "a", "b", "c")
    assert iris.answer("a", "PWD") == str(one.home)
    gpu.flag.touch()
    assert iris.answer("b", "PWD") == str(two.home)
    assert iris.answer("a", "PWD") == str(one.home), "its conversation is there"
    assert link_of(iris, "a")["id"] != link_of(iris, "b")["id"]
    # The next connection goes where ssh goes now, and nothing is left of the old one.
    os.kill(link_of(iris, "a")["sshPid"], signal.SIGKILL)
    iris.wait_for_status(lambda s: any(link["state"] != "up" for link in links_of(s, "a")))
    assert iris.answer("a", "PWD") == str(two.home)
    assert iris.answer("c", "PWD") == str(two.home)
    status = iris.wait_for_status(lambda s: len(s["links"]) == 3)
    assert sorted(link["teams"] for link in status["links"]) == [["a", "b", "c"], ["one"], ["two"]]


def test_the_directory_in_which_ssh_decides_is_the_root(iris, gpu, sshd, two_accounts):
    gpu.write(condition="test $(pwd) = /")
    write_teams(iris, gpu, sshd(), two_accounts, "a")
    assert iris.answer("a", "PWD") == str(two_accounts[1].home)


def test_what_one_host_was_given_is_not_given_to_another(iris, gpu, sshd, two_accounts):
    one, two = two_accounts
    gpu.write(condition=f"test -e {gpu.flag}")
    write_teams(iris, gpu, sshd(), two_accounts, "a")
    assert iris.answer("a", "hello") == "ECHO: hello"
    told = iris.start_tell("a", "SLOW 30", as_json=True)
    iris.wait_for_status(lambda s: any(session["to"] == "a" and session["answerBytes"] for session in s["sessions"]))
    gpu.flag.touch()
    os.kill(link_of(iris, "a")["sshPid"], signal.SIGKILL)
    out, _ = told.communicate(timeout=180)
    failure = json.loads(out)["failure"]
    assert failure["kind"] == "wrong_host", failure
    assert one.name in failure["detail"] and two.name in failure["detail"]
    assert iris.answer("a", "COUNT") == "1"
    assert iris.answer("a", "PWD") == str(two.home)


def test_an_included_file_counts_as_it_is_at_the_connection(iris, gpu, scratch, two_accounts):
    one, two = two_accounts
    gpu.write(user=0)
    outer = scratch / "outer"
    outer.write_text(f"Include {gpu.file}\n")
    iris.write_config({"teams": {name: gpu.team(remote=f"ssh -F {outer} gpu") for name in ("a", "b")}})
    assert iris.answer("a", "PWD") == str(one.home)
    gpu.write(user=1)
    assert iris.answer("b", "PWD") == str(two.home)


def test_an_answer_that_differs_each_time_leads_somewhere_each_time(iris, gpu, sshd, two_accounts):
    toggle = f"if test -e {gpu.flag}; then rm {gpu.flag}; exit 1; else touch {gpu.flag}; fi"
    gpu.write(condition=toggle)
    write_teams(iris, gpu, sshd(), two_accounts, "a", "b")
    homes = {str(account.home) for account in two_accounts}
    for _ in range(3):
        for team in ("a", "b"):
            assert iris.answer(team, "PWD") in homes
        gone = [link["sshPid"] for link in links_of(iris.status(), "a", "b")]
        for pid in gone:
            os.kill(pid, signal.SIGKILL)
        iris.wait_for_status(lambda s: not any(link["sshPid"] in gone for link in s["links"]))
    assert len(links_of(iris.status(), "a", "b")) <= 2


def test_a_configuration_that_takes_its_time_delays_nobody_else(iris, gpu, scratch):
    runs, go = scratch / "runs", scratch / "go"
    runs.touch()
    script = scratch / "wait"
    script.write_text(f"#!/bin/sh\necho $$ >> {runs}\nwhile [ ! -e {go} ]; do sleep 0.1; done\n")
    script.chmod(0o755)
    gpu.write(condition=script)
    iris.write_config({"teams": {"slow": gpu.team(), "here": iris.local_team()}})
    assert iris.answer("here", "hello") == "ECHO: hello"
    slow = iris.start_tell("slow", "hello")
    iris.wait_for_status(lambda s: runs.read_text() != "")
    assert iris.answer("here", "COUNT") == "2"
    [pid] = runs.read_text().split()
    assert processes.process_info(int(pid)), "nobody waited for it"
    go.touch()
    out, err = slow.communicate(timeout=180)
    assert slow.returncode == 0, err
    assert out == "ECHO: hello\n"


def test_what_ssh_refuses_is_asked_again_with_the_next_message(iris, gpu):
    gpu.write()
    right = gpu.file.read_text()
    gpu.file.write_text("Nonsense yes\n" + right)
    iris.write_config({"teams": {"a": gpu.team()}})
    failure = iris.failure("a")
    assert failure["kind"] == "bad_request"
    assert "nonsense" in failure["detail"].lower()
    [link] = links(iris)
    assert (link["key"], link["state"], link["teams"]) == ("gpu", "blocked", ["a"])
    gpu.file.write_text(right)
    assert iris.answer("a", "hello") == "ECHO: hello"
    assert len(links(iris)) == 1


def test_a_host_that_two_links_reach_counts_once(iris, sshd, remote_user):
    plain = team_of(sshd(), remote_user)
    other = plain | {"remote": plain["remote"].replace("ssh ", "ssh -C ", 1)}
    iris.write_config({"teams": {"plain": plain, "other": other}})
    assert iris.answer("plain", "hello") == "ECHO: hello"
    assert iris.answer("other", "hello") == "ECHO: hello"
    first, second = links(iris)
    assert first["agent"]["pid"] == second["agent"]["pid"]
    assert first["id"] != second["id"]
    address = f"{remote_user.name}@127.0.0.1:{sshd().port}"
    assert (first["key"], second["key"]) == (f"{address} (plain)", f"{address} (other)")
    assert (first["sameAgentAs"], second["sameAgentAs"]) == ("", first["id"])
    assert first["holdings"]["sessions"] == first["holdings"]["withChild"] == 2
    assert "holdings" not in second
    text = iris.run("status", "--long").stdout
    assert text.count(" stores ") == 1, text
    assert f"{address} (other) uses the same agent as {address} (plain)" in text
    assert {s["to"]: s["state"] for s in iris.status()["sessions"]} == {"plain": "ready", "other": "ready"}
    stopped = iris.run("stop", "--agents")
    assert stopped.returncode == 0, stopped.stderr
    assert "agents stopped: 1\n" in stopped.stdout
    assert not processes.process_info(first["agent"]["pid"])


def test_the_agent_here_is_stopped_once_also_where_ssh_leads_back(iris, sshd, remote_user):
    plain = team_of(sshd(), remote_user)
    other = plain | {"remote": plain["remote"].replace("ssh ", "ssh -C ", 1)}
    iris.write_config({"teams": {"plain": plain, "other": other, "here": iris.local_team()}})
    for team in ("plain", "here", "other"):
        assert iris.answer(team, "hello") == "ECHO: hello"
    stopped = iris.run("stop", "--agents")
    assert stopped.returncode == 0, stopped.stderr
    assert "agents stopped: 2\n" in stopped.stdout


def test_a_team_that_is_not_configured_any_more_leaves_nothing_behind_once_it_has_answered(iris, sshd, remote_users):
    goes, stays = (team_of(sshd(), account) for account in (remote_users(), remote_users()))
    iris.write_config({"teams": {"goes": goes, "stays": stays, "also": goes}})
    assert iris.answer("goes", "hello") == iris.answer("stays", "hello") == iris.answer("also", "hello")
    link = link_of(iris, "goes")
    told = iris.start_tell("goes", "SLOW 5")
    iris.wait_for_status(lambda s: any(session["to"] == "goes" and session["answerBytes"] for session in s["sessions"]))
    iris.write_config({"teams": {"stays": stays, "also": goes}})
    assert link_of(iris, "also")["teams"] == ["also", "goes"], "it is answering"
    out, err = told.communicate(timeout=180)
    assert told.returncode == 0, err
    iris.wait_for_status(lambda s: links_of(s, "also")[0]["teams"] == ["also"])
    assert iris.answer("also", "COUNT") == "2", "another one's link stays"
    iris.write_config({"teams": {"stays": stays}})
    iris.wait_for_status(lambda s: [one["teams"] for one in s["links"]] == [["stays"]])
    assert not processes.process_info(link["sshPid"])
    iris.write_config({"teams": {"goes": goes, "stays": stays}})
    assert iris.answer("goes", "COUNT") == "3", "its conversation goes on"


def test_a_team_whose_remote_changed_leaves_nothing_behind(iris, sshd, remote_users):
    one, two = remote_users(), remote_users()
    stays = team_of(sshd(), one)
    stays["remote"] = stays["remote"].replace("ssh ", "ssh -C ", 1)
    iris.write_config({"teams": {"gpu": team_of(sshd(), one), "stays": stays}})
    assert iris.answer("gpu", "PWD") == iris.answer("stays", "PWD") == str(one.home)
    before = link_of(iris, "gpu")
    iris.write_config({"teams": {"gpu": team_of(sshd(), two), "stays": stays}})
    assert iris.answer("gpu", "PWD") == str(two.home)
    iris.wait_for_status(lambda s: before["id"] not in [link["id"] for link in s["links"]])
    assert not processes.process_info(before["sshPid"])
    assert sorted(link["teams"] for link in links(iris)) == [["gpu"], ["stays"]]
