"""`iris tell` to teams behind a real sshd: bootstrap, links, and what happens when they go."""

import json
import os
import signal
import stat
import subprocess
import time

import pytest

from programs import words
from testbed import binaries, processes


@pytest.fixture
def host(iris, sshd, remote_user):
    """A host with one team, `gpu`."""
    iris.write_config({"teams": {"gpu": sshd().team(remote_user)}})
    return remote_user


def child_of(iris):
    [session] = iris.status()["sessions"]
    return session["childPid"], session["childStartTime"]


def test_a_bare_host_gets_the_agent_and_answers(iris, host):
    assert iris.answer("gpu", "PWD") == str(host.home)
    link = iris.link()
    assert (link["state"], link["mode"], link["modeReason"]) == ("up", "forward", "")
    [agent] = (host.home / ".local/share/iris/bin").iterdir()
    assert stat.S_IMODE(agent.stat().st_mode) == 0o700
    assert os.stat(f"/proc/{link['agent']['pid']}").st_uid == host.uid


def test_warm_is_one_connection_and_one_exec(iris, sshd, host):
    assert iris.answer("gpu", "hello") == "ECHO: hello"
    assert iris.run("stop").returncode == 0
    before = sshd().position()
    assert iris.answer("gpu", "COUNT") == "2"
    assert sshd().connections(host, before) == 1
    assert sshd().commands(host, before) == 1


def test_cold_is_one_connection_and_one_exec_too(iris, sshd, host):
    before = sshd().position()
    assert iris.answer("gpu", "hello") == "ECHO: hello"
    assert sshd().connections(host, before) == 1
    assert sshd().commands(host, before) == 1


def test_two_teams_on_a_host_share_one_connection(iris, sshd, remote_user):
    server = sshd()
    other = server.team(remote_user, path=remote_user.make_folder("other"))
    iris.write_config({"teams": {"gpu": server.team(remote_user), "other": other}})
    before = server.position()
    assert iris.answer("gpu", "PWD") == str(remote_user.home)
    assert iris.answer("other", "PWD") == str(remote_user.home / "other")
    assert server.connections(remote_user, before) == 1
    assert iris.link()["teams"] == ["gpu", "other"]


@pytest.mark.parametrize("kind", ["prints", "reads", "sleeps", "all"])
def test_a_noisy_bashrc_is_no_matter(iris, host, kind):
    host.make_noise(kind)
    assert iris.answer("gpu", "hello") == "ECHO: hello"


def test_a_bashrc_that_reads_a_line_for_ever_is_answered(iris, host):
    host.write(".bashrc", "echo welcome\nread -r line\n")
    assert iris.answer("gpu", "hello") == "ECHO: hello"
    assert iris.run("stop").returncode == 0
    assert iris.answer("gpu", "COUNT") == "2"


@pytest.mark.parametrize("line", ["AllowStreamLocalForwarding no", "DisableForwarding yes"])
def test_refused_forwarding_falls_back_to_stdio_and_says_why(iris, sshd, remote_user, line):
    server = sshd(line)
    iris.write_config({"teams": {"gpu": server.team(remote_user)}})
    before = server.position()
    assert iris.answer("gpu", "BIG 1000000") == words.big(1_000_000)
    link = iris.link()
    assert link["mode"] == "stdio"
    assert "prohibited" in link["modeReason"] or "forward" in link["modeReason"]
    assert server.connections(remote_user, before) == 1


def test_link_mode_stdio_asks_for_no_forward(iris, sshd, remote_user):
    iris.write_config({"teams": {"gpu": sshd().team(remote_user, remoteOptions={"linkMode": "stdio"})}})
    assert iris.answer("gpu", "hello") == "ECHO: hello"
    assert (iris.link()["mode"], iris.link()["modeReason"]) == ("stdio", "remoteOptions.linkMode is stdio")


def test_link_mode_forward_fails_where_forwarding_is_refused(iris, sshd, remote_user):
    server = sshd("AllowStreamLocalForwarding no")

    def set_mode(mode):
        iris.write_config({"teams": {"gpu": server.team(remote_user, remoteOptions={"linkMode": mode})}})
    set_mode("forward")
    told = iris.tell("gpu", "hello", as_json=True)
    assert told.returncode == 1
    failure = json.loads(told.stdout)["failure"]
    assert failure["kind"] == "unreachable"
    assert "linkMode is forward" in failure["detail"]
    assert "AllowStreamLocalForwarding" in failure["fix"]
    assert iris.link()["state"] == "down"
    set_mode("auto")
    assert iris.answer("gpu", "COUNT") == "1"


def test_big_answers_arrive_byte_exact(iris, host):
    assert iris.answer("gpu", "BIG 16777216") == words.big(16_777_216)
    assert iris.answer("gpu", "BIGCJK 300000") == words.big_cjk(300_000)


def test_twenty_concurrent_cold_tells_are_answered_by_one_child_on_one_connection(iris, sshd, host):
    before = sshd().position()
    tells = [iris.start_tell("gpu", "PID") for _ in range(20)]
    answers = set()
    for tell in tells:
        out, err = tell.communicate(timeout=180)
        assert tell.returncode == 0, err
        answers.add(out)
    assert len(answers) == 1
    assert sshd().connections(host, before) == 1


def test_killing_ssh_mid_turn_touches_neither_agent_nor_child_and_the_answer_arrives(iris, host):
    iris.answer("gpu", "hello")
    link, child = iris.link(), child_of(iris)
    told = iris.start_tell("gpu", "SLOW 8", as_json=True)
    iris.wait_for_status(lambda s: s["sessions"][0]["answerBytes"] > 0)
    os.kill(link["sshPid"], signal.SIGKILL)
    # The issue here is time itself: what would die of the loss has five seconds to.
    time.sleep(5)
    assert processes.process_info(child[0]).start_time == child[1]
    out, err = told.communicate(timeout=180)
    assert told.returncode == 0, err
    assert json.loads(out)["answer"] == iris.answer("gpu", "SLOW 0.1")
    assert processes.process_info(child[0]).start_time == child[1]
    assert processes.process_info(link["agent"]["pid"])
    assert iris.answer("gpu", "PID") == str(child[0])
    assert iris.link()["agent"]["pid"] == link["agent"]["pid"]
    assert iris.link()["sshPid"] != link["sshPid"]


def test_agent_dir_moves_everything_the_agent_keeps(iris, sshd, remote_user):
    place = remote_user.make_folder("place")
    place.chmod(0o700)
    team = sshd().team(remote_user, remoteOptions={"agentDir": str(place)})
    iris.write_config({"teams": {"gpu": team}})
    assert iris.answer("gpu", "hello") == "ECHO: hello"
    assert (place / "bin").is_dir()
    assert not (remote_user.home / ".local/share/iris").exists()
    assert iris.link()["agent"]["dataDir"].startswith(str(place))


def test_a_damaged_agent_is_installed_again(iris, host):
    iris.answer("gpu", "hello")
    assert iris.run("stop", "--agents").returncode == 0
    [agent] = (host.home / ".local/share/iris/bin").iterdir()
    # In its place, not into it: a bridge that is just leaving may still run it.
    whole = agent.read_bytes()
    agent.unlink()
    agent.write_bytes(whole[:100_000])
    agent.chmod(0o700)
    os.chown(agent, host.uid, host.uid)
    assert iris.answer("gpu", "COUNT") == "2"


def test_the_agent_runs_in_an_empty_root(scratch):
    agent = binaries.program("agent/iris-agent")
    assert agent.stat().st_size <= 9_000_000  # 8.3 MB with Debian 12's libraries, 8.8 with 13's.
    (scratch / "iris-agent").write_bytes(agent.read_bytes())
    (scratch / "iris-agent").chmod(0o755)
    done = subprocess.run(["env", "-i", "/usr/sbin/chroot", scratch, "/iris-agent", "version"],
                          capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("iris-agent ")
