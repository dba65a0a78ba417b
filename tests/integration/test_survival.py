"""What may die while a team works on a message. Its caller sees the answer, once and whole, or is told plainly."""

import contextlib
import json
import os
import shutil
import signal

import pytest

from programs import words
from testbed import processes
from testbed import sshd as daemons
from testbed.scratch import scratch_folder
from testbed.waiting import wait_until

SLOW = "SLOW 4"


@pytest.fixture
def host(iris, sshd, remote_user):
    """A host with one team, `gpu`."""
    iris.write_config({"teams": {"gpu": sshd().team(remote_user)}})
    return remote_user


class Turn:
    """A message that the team has begun to answer, and who takes part in it."""

    def __init__(self, iris, host, text=SLOW):
        self.iris, self.host = iris, host
        self.told = iris.start_tell("gpu", text, as_json=True)
        status = iris.wait_for_status(lambda s: any(x["answerBytes"] for x in s.get("sessions", [])))
        [link] = status["links"]
        [session] = status["sessions"]
        self.coordinator, self.agent, self.ssh = status["pid"], link["agent"]["pid"], link["sshPid"]
        self.claude = session["childPid"]

    def of_host(self, *words_in_cmdline) -> list:
        """The account's processes with one of these in their command line."""
        return [p.pid for p in self.host.processes() if any(w in p.info.cmdline for w in words_in_cmdline)]

    def kill(self, *pids):
        assert pids
        for pid in pids:
            os.kill(pid, signal.SIGKILL)

    @contextlib.contextmanager
    def agent_away(self):
        """Kills the agent; nobody starts the next one before this is over."""
        os.kill(self.coordinator, signal.SIGSTOP)
        try:
            self.kill(self.agent)
            wait_until(lambda: processes.process_info(self.agent) is None)
            yield
        finally:
            os.kill(self.coordinator, signal.SIGCONT)

    def outcome(self, timeout=90) -> dict:
        out, err = self.told.communicate(timeout=timeout)
        assert out, err
        return json.loads(out)

    def is_answered_once_and_whole(self, messages=1):
        outcome = self.outcome()
        assert outcome.get("answer") == "\n\n".join(slow_blocks()), outcome
        assert self.iris.answer("gpu", "COUNT") == str(messages + 1)


def slow_blocks() -> list:
    """The five blocks in which SLOW says its words."""
    every = words.SLOW_TEXT.split(" ")
    return [" ".join(every[i:i + 4]) + " " for i in range(0, 20, 4)]


def wait_for_no_process(iris, host, *words_in_cmdline):
    iris.wait_for_status(lambda _: not [p for p in host.processes()
                                        if any(w in p.info.cmdline for w in words_in_cmdline)])


def test_the_ssh_client(iris, host):
    turn = Turn(iris, host)
    turn.kill(turn.ssh)
    turn.is_answered_once_and_whole()


def test_the_session_of_sshd(iris, host):
    turn = Turn(iris, host)
    turn.kill(*turn.of_host("sshd:", "sshd-session:"))
    turn.is_answered_once_and_whole()


def test_the_bridge(iris, host):
    turn = Turn(iris, host)
    turn.kill(*turn.of_host("iris-agent bridge", " bridge"))
    turn.is_answered_once_and_whole()


def test_the_coordinator(iris, host):
    turn = Turn(iris, host)
    turn.kill(turn.coordinator)
    turn.is_answered_once_and_whole()


def test_the_coordinator_and_the_link(iris, host):
    turn = Turn(iris, host)
    turn.kill(turn.coordinator, turn.ssh)
    turn.is_answered_once_and_whole()


@pytest.fixture
def named_sshd(sshd):
    """An sshd on a host called `before`. Named before `iris` by a test, it outlives it: its agents end by ssh."""
    with scratch_folder() as folder:
        one = daemons.Sshd(folder, inside=daemons.named("before"))
        yield one
        one.stop()


def hosts_of(host) -> list:
    return sorted((host.home / ".local/share/iris/hosts").iterdir())


def test_the_agent_of_a_host_that_is_renamed(named_sshd, iris, remote_user):
    iris.write_config({"teams": {"gpu": named_sshd.team(remote_user)}})
    turn = Turn(iris, remote_user)
    [before] = hosts_of(remote_user)
    [claim] = (remote_user.home / ".claude/projects/.iris").glob("*.claim")
    claim = json.loads(claim.read_text())
    assert claim["hostname"] == "before"
    with turn.agent_away():
        named_sshd.rename_host("after")
    turn.is_answered_once_and_whole()
    [after] = hosts_of(remote_user)
    assert after.name != before.name, "it has the host's new name"
    assert json.loads((after / "identity").read_text())["id"] == claim["host_id"]


def test_the_agent_of_a_host_whose_identity_is_lost(iris, host):
    turn = Turn(iris, host)
    [folder] = hosts_of(host)
    with turn.agent_away():
        (folder / "identity").write_text("what is this")
    outcome = turn.outcome()
    assert outcome["failure"]["kind"] == "wrong_host", outcome


def test_the_agent(iris, host):
    turn = Turn(iris, host)
    turn.kill(turn.agent)
    turn.is_answered_once_and_whole()
    assert processes.process_info(turn.claude) is None  # It finished its turn; another one resumed.


def test_the_agent_and_the_coordinator(iris, host):
    turn = Turn(iris, host)
    turn.kill(turn.agent, turn.coordinator)
    turn.is_answered_once_and_whole()


def test_the_agent_while_a_tool_runs(iris, host):
    turn = Turn(iris, host, "BLOCKS 1\nTOOL 4\nBLOCKS 2")
    turn.kill(turn.agent)
    outcome = turn.outcome()
    assert "TOOL-DONE" in outcome["answer"] and outcome["answer"].endswith("block 2\n"), outcome
    assert iris.answer("gpu", "COUNT") == "2"


def test_everything_on_the_host_before_claude_had_said_anything_for_good(iris, host):
    turn = Turn(iris, host)
    turn.kill(turn.agent, *turn.of_host("keeper"), turn.claude)
    turn.is_answered_once_and_whole()


def test_everything_on_the_host_while_a_tool_runs_is_ambiguous_and_never_run_again(iris, host):
    turn = Turn(iris, host, "BLOCKS 1\nTOOL 600\nBLOCKS 2")
    transcripts = host.home / ".claude/projects"
    iris.wait_for_status(lambda _: any("tool_use" in t.read_text() for t in transcripts.glob("*/*.jsonl")))
    turn.kill(turn.agent, *turn.of_host("keeper"), turn.claude)
    outcome = turn.outcome()
    assert outcome["failure"]["kind"] == "ambiguous", outcome
    assert outcome["partial"].startswith("block 1"), outcome
    assert iris.answer("gpu", "COUNT") == "2"
    wait_for_no_process(iris, host, "sleep 600")


def test_claude(iris, host):
    turn = Turn(iris, host)
    turn.kill(turn.claude)
    outcome = turn.outcome()
    assert outcome["failure"]["kind"] == "child_exited" and outcome["partial"], outcome
    assert iris.answer("gpu", "COUNT") == "2"


def test_the_journal_while_the_agent_is_away(iris, host):
    turn = Turn(iris, host)
    [sessions] = (host.home / ".local/share/iris/hosts").glob("*/sessions")
    with turn.agent_away():
        shutil.rmtree(sessions)
    turn.is_answered_once_and_whole()


def test_what_the_agent_wrote_since_an_earlier_copy(iris, host):
    assert iris.answer("gpu", "COUNT") == "1"
    [sessions] = (host.home / ".local/share/iris/hosts").glob("*/sessions")
    copy = sessions.with_name("copy")
    shutil.copytree(sessions, copy)
    turn = Turn(iris, host)
    with turn.agent_away():
        shutil.rmtree(sessions)
        copy.rename(sessions)
        for path in [sessions, *sessions.rglob("*")]:
            os.chown(path, host.uid, host.uid)
    turn.is_answered_once_and_whole(messages=2)


def test_the_caller_who_comes_back_later(iris, host):
    turn = Turn(iris, host)
    [session] = iris.status()["sessions"]
    tell_id = session["tellInFlight"]
    turn.told.kill()
    turn.kill(turn.coordinator, turn.ssh)
    later = iris.run("tell", "gpu", SLOW, "--id", tell_id, "--json")
    assert json.loads(later.stdout)["answer"] == "\n\n".join(slow_blocks())
    assert iris.answer("gpu", "COUNT") == "2"
