"""The coordinator's own disk: full for a while, gone, and put back from a copy. No answer is lost, no team blocked."""

import contextlib
import json
import shutil
import sqlite3
import subprocess
import uuid

import pytest

from integration.test_tells import Gate, tells, wait_until
from programs import words
from testbed import disk


@pytest.fixture
def teams(iris):
    iris.write_config({"teams": {"app": iris.local_team(), "web": iris.local_team()}})


@pytest.fixture
def small_disk(iris):
    """All that Iris keeps lies on a disk of 4 MiB, the local agent's journal too."""
    small = disk.Disk(iris.iris_home, 0, mib=4)
    yield small
    iris.stop()
    disk.unmount_below(iris.folder)


def told_in_background(iris, text):
    """A message and its id; whoever sent it waits."""
    id = str(uuid.uuid4())
    return id, iris.start("tell", "app", text, "--json", "--id", id)


def answer_of(told, timeout=120):
    out, err = told.communicate(timeout=timeout)
    assert out, err
    outcome = json.loads(out)
    assert "answer" in outcome, outcome
    return outcome["answer"]


def progress_of(iris, id):
    return tells(iris).get(id, {}).get("doing", "")


def test_an_answer_that_comes_while_the_disk_is_full_is_kept(iris, teams, small_disk):
    assert iris.answer("app", "COUNT") == "1"
    gate = Gate(iris.folder / "gate")
    id, told = told_in_background(iris, gate.message)
    iris.wait_for_status(lambda s: any(x["tellInFlight"] == id and x["answerBytes"] for x in s.get("sessions", [])))
    small_disk.take_room()
    gate.touch()
    wait_until(lambda: "cannot be stored yet" in progress_of(iris, id))
    assert told.poll() is None
    cancelled = iris.run("cancel", id)
    assert cancelled.returncode != 0 and "storage" in cancelled.stderr, cancelled
    small_disk.give_back()
    assert answer_of(told) == gate.answer
    assert iris.answer("app", "COUNT") == "3"  # The team is not blocked, and nothing ran twice.
    assert iris.run("stop").returncode == 0
    assert iris.run("tells", id, "--wait").stdout.removesuffix("\n") == gate.answer


def test_an_answer_for_which_there_is_no_room_waits_for_it(iris, small_disk, sshd, remote_user):
    iris.write_config({"teams": {"app": sshd().team(remote_user)}})
    id, told = told_in_background(iris, "BIG 6000000")
    wait_until(lambda: "cannot be stored yet" in progress_of(iris, id))
    assert told.poll() is None
    subprocess.run(["mount", "-o", "remount,size=64m", str(iris.iris_home)], check=True)
    assert answer_of(told) == words.big(6000000)


def test_a_store_that_goes_from_under_the_coordinator_takes_no_message(iris, teams):
    def refused():
        failure = iris.failure("web")
        assert failure["kind"] == "storage" and "was removed or replaced" in failure["detail"], failure
        assert "iris stop" in failure["fix"], failure

    gate = Gate(iris.folder / "gate")
    id, told = told_in_background(iris, gate.message)
    iris.wait_for_status(lambda s: any(x["tellInFlight"] == id and x["answerBytes"] for x in s.get("sessions", [])))
    away = iris.folder / "away"
    away.mkdir()
    for file in list(iris.iris_home.glob("iris.db*")):
        file.rename(away / file.name)
    refused()
    gate.touch()
    assert answer_of(told) == gate.answer  # It was accepted before.
    for file in list(away.iterdir()):
        file.rename(iris.iris_home / file.name)
    assert iris.answer("web", "hello") == "ECHO: hello"
    for file in list(iris.iris_home.glob("iris.db*")):
        file.unlink()
    refused()
    assert iris.run("stop").returncode == 0
    assert iris.answer("web", "hello") == "ECHO: hello"


def copy_of(iris):
    """Of a store that nobody uses."""
    assert iris.run("stop").returncode == 0
    copy = iris.folder / "copy.db"
    shutil.copy(iris.iris_home / "iris.db", copy)
    return copy


def put_back(iris, copy):
    assert iris.run("stop").returncode == 0
    for left in iris.iris_home.glob("iris.db*"):
        left.unlink()
    shutil.copy(copy, iris.iris_home / "iris.db")


def test_a_store_that_is_put_back_hears_from_the_host_how_its_messages_ended(iris, teams):
    assert iris.answer("app", "COUNT") == "1"
    gate = Gate(iris.folder / "gate")
    running, told = told_in_background(iris, gate.message)
    iris.wait_for_status(lambda s: any(x["tellInFlight"] == running and x["answerBytes"]
                                       for x in s.get("sessions", [])))
    copy = copy_of(iris)
    told.communicate(timeout=60)
    gate.touch()
    assert iris.run("tells", running, "--wait").stdout.removesuffix("\n") == gate.answer
    later = str(uuid.uuid4())
    assert iris.run("tell", "app", "SUM later", "--id", later).stdout.strip() == words.sum_of("later")
    cancelled, told = told_in_background(iris, "HANG")
    wait_until(lambda: cancelled in tells(iris))
    assert iris.run("cancel", cancelled).returncode == 0
    told.communicate(timeout=60)

    put_back(iris, copy)
    with contextlib.closing(sqlite3.connect(copy)) as kept:
        assert kept.execute("SELECT tell_id, state FROM tells WHERE settled_seq = 0").fetchall() == [(running, 1)]
    assert iris.run("tells", running, "--wait", timeout=60).stdout.removesuffix("\n") == gate.answer
    # Those of which the copy knows nothing, sent again by who still has their ids.
    again = iris.run("tell", "app", "SUM later", "--id", later, timeout=60)
    assert again.stdout.strip() == words.sum_of("later")
    again = iris.run("tell", "app", "HANG", "--id", cancelled, timeout=60)
    assert again.returncode != 0 and "ambiguous" in again.stderr, again
    assert iris.answer("app", "COUNT") == "5"  # Nothing ran twice.


def test_cancelling_what_a_copy_has_open_ends(iris, teams):
    gate = Gate(iris.folder / "gate")
    running, told = told_in_background(iris, gate.message)
    iris.wait_for_status(lambda s: any(x["answerBytes"] for x in s.get("sessions", [])))
    copy = copy_of(iris)
    told.communicate(timeout=60)
    gate.touch()
    assert iris.run("tells", running, "--wait").returncode == 0
    put_back(iris, copy)
    cancelled = iris.run("cancel", running, timeout=60)
    has_ended = "ended by itself" in cancelled.stderr or "had ended before" in cancelled.stderr
    assert cancelled.returncode == 0 or has_ended, cancelled
    assert iris.answer("app", "COUNT") == "2"
