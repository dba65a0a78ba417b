"""One session, wanted by two coordinators or on two hosts with one home: never two at once, and a person decides."""

import contextlib
import json
import shutil
import sqlite3
import uuid

import pytest

from integration.iris_fixtures import Iris, ended_cleanly
from testbed import shared_home


@pytest.fixture
def twin(iris, scratch):
    """twin(team) is another coordinator, on the machine `desk`, with the sessions of `iris` so far. Both are
    stopped and go on with the next command."""
    made = contextlib.ExitStack()
    iris.says_from = "cli"  # The same caller, whatever the machines are called.

    def make(team):
        folder = scratch / "desk"
        folder.mkdir()
        other = Iris(folder, inside=["unshare", "--uts", "sh", "-euc", 'hostname desk; exec "$@"', "sh"])
        other.says_from = "cli"
        made.enter_context(ended_cleanly(other, "the twin"))
        assert iris.run("stop").returncode == 0
        shutil.copy(iris.iris_home / "iris.db", other.iris_home / "iris.db")
        store = sqlite3.connect(other.iris_home / "iris.db")
        with store:
            store.execute("UPDATE coordinator SET id = ?", [str(uuid.uuid4())])
        store.close()
        other.write_config({"teams": {"gpu": team}})
        return other

    with made:
        yield make


def refusal(iris, text="COUNT") -> dict:
    done = iris.tell("gpu", text, as_json=True)
    assert done.returncode == 1, done.stdout
    return json.loads(done.stdout)["failure"]


def take_over(iris) -> dict:
    done = iris.run("takeover", "gpu", "--from", "cli", "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout)


def test_two_coordinators(iris, twin, sshd, remote_user):
    iris.write_config({"teams": {"gpu": sshd().team(remote_user)}})
    assert iris.answer("gpu", "COUNT") == "1"
    desk = twin(sshd().team(remote_user))
    assert iris.answer("gpu", "COUNT") == "2"

    failure = refusal(desk)
    assert failure["kind"] == "permission_denied" and "held by another coordinator, " in failure["detail"]
    assert "@desk" not in failure["detail"] and ", since 20" in failure["detail"], failure
    assert "`iris takeover gpu --from cli`" in failure["fix"], failure

    taken = take_over(desk)
    assert taken["ok"] and taken["childPid"] == iris.status()["sessions"][0]["childPid"], taken
    assert desk.answer("gpu", "COUNT") == "3"

    for _ in range(2):  # It does not come back by itself.
        failure = refusal(iris)
        assert failure["kind"] == "permission_denied" and "@desk, since 20" in failure["detail"], failure
    take_over(iris)
    assert iris.answer("gpu", "COUNT") == "4"
    assert refusal(desk)["kind"] == "permission_denied"


def test_a_takeover_while_a_message_is_worked_on(iris, twin, sshd, remote_user):
    iris.write_config({"teams": {"gpu": sshd().team(remote_user)}})
    assert iris.answer("gpu", "COUNT") == "1"
    desk = twin(sshd().team(remote_user))
    told = iris.start_tell("gpu", "SLOW 3", as_json=True)
    iris.wait_for_status(lambda s: any(x["answerBytes"] for x in s.get("sessions", [])))
    take_over(desk)
    assert desk.answer("gpu", "COUNT") == "3"  # After what was under way.
    out, _ = told.communicate(timeout=60)
    assert json.loads(out)["ok"], out


def claims(user) -> list:
    return [json.loads(path.read_text()) for path in (user.home / ".claude/projects/.iris").glob("*.claim")]


def test_two_hosts_with_one_home(iris, twin, scratch, remote_user):
    with shared_home.hosts(scratch, remote_user, "far-a", "far-b") as (a, b):
        iris.write_config({"teams": {"gpu": a.team(remote_user)}})
        assert iris.answer("gpu", "COUNT") == "1"
        assert [claim["hostname"] for claim in claims(remote_user)] == ["far-a"]
        desk = twin(b.team(remote_user))

        failure = refusal(desk)
        assert failure["kind"] == "wrong_host" and "runs on far-a, which shares this home" in failure["detail"]
        assert ", since 20" in failure["detail"] and "iris takeover gpu" in failure["fix"], failure
        assert [s["state"] for s in desk.status()["sessions"]] == ["unverifiable"]
        assert iris.answer("gpu", "COUNT") == "2"

        assert take_over(desk)["ok"]
        assert desk.answer("gpu", "COUNT") == "3"
        failure = refusal(iris)
        assert failure["kind"] == "wrong_host" and "far-b" in failure["detail"], failure
        assert [s["state"] for s in iris.status()["sessions"]] == ["unverifiable"]

        # A host that is gone for good cannot say so.
        b.stop()
        assert refusal(iris)["kind"] == "wrong_host"
        take_over(iris)
        assert iris.answer("gpu", "COUNT") == "4"
        assert [claim["hostname"] for claim in claims(remote_user)] == ["far-a"]
        assert iris.run("stop", "--agents").returncode == 0
        assert claims(remote_user) == []


def test_a_container_that_is_started_again_goes_on_by_itself(iris, scratch, remote_user):
    """It has pids of its own then, and the same boot: what ran there before is gone, and nobody has to say so."""
    with shared_home.hosts(scratch, remote_user, "pod") as (pod,):
        iris.write_config({"teams": {"gpu": pod.team(remote_user)}})
        assert iris.answer("gpu", "COUNT") == "1"
        [before] = claims(remote_user)
        pod.stop()
        pod.start_again()
        assert iris.answer("gpu", "COUNT") == "2"
        [after] = claims(remote_user)
        assert (before["hostname"], after["hostname"]) == ("pod", "pod")
        assert iris.run("stop", "--agents").returncode == 0
        assert claims(remote_user) == []
