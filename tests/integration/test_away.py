"""A host that is away and never answered: a message can be left for it."""

import json

import pytest

from testbed import sshd as daemons
from testbed.waiting import wait_until


@pytest.fixture(autouse=True)  # So it outlives `iris`, which ends its agents through it.
def server(scratch):
    """An sshd of this test's own, which does not run yet."""
    folder = scratch / "sshd"
    folder.mkdir()
    one = daemons.Sshd(folder)
    one.stop()
    yield one
    one.stop()


@pytest.fixture
def waits(iris, server, remote_user):
    """waits() is whether the only open message waits for its host, and says so."""
    iris.write_config({"teams": {"gpu": server.team(remote_user)}})

    def look():
        tells = json.loads(iris.run("tells", "--json").stdout)["tells"]
        open_tells = [tell for tell in tells if tell["state"] != "settled"]
        return len(open_tells) == 1 and "out of reach" in open_tells[0].get("doing", "")
    return look


def test_a_message_is_left_for_a_host_and_outlives_the_coordinator(iris, server, waits):
    left = iris.run("tell", "gpu", "COUNT", "--timeout", -1)
    assert left.returncode == 0, left.stderr
    wait_until(waits, 60)

    failure = iris.failure("gpu", "is anybody there?")  # Not behind the other, unheard.
    assert failure["kind"] == "unreachable", failure
    assert "--when-away wait" in failure["fix"], failure
    assert waits()

    assert iris.run("stop").returncode == 0
    wait_until(waits, 60)
    server.start_again()
    answered = iris.run("tells", left.stdout.strip(), "--wait")
    assert answered.returncode == 0, answered.stderr
    assert answered.stdout == "1\n"


def test_who_waits_may_leave_it_too_and_cancel_it(iris, waits):
    waiting = iris.start("tell", "gpu", "hello", "--when-away", "wait")
    wait_until(waits, 60)
    [tell] = json.loads(iris.run("tells", "--json").stdout)["tells"]
    assert iris.run("cancel", tell["tellId"]).returncode == 0
    _, err = waiting.communicate(timeout=60)
    assert waiting.returncode == 1 and "cancelled" in err, err


def test_who_does_not_want_it_left_hears_so_though_nobody_waits(iris, waits):
    sent = iris.run("tell", "gpu", "hello", "--timeout", -1, "--when-away", "fail")
    assert sent.returncode == 0, sent.stderr
    ended = iris.run("tells", sent.stdout.strip(), "--wait", "--json")
    assert json.loads(ended.stdout)["failure"]["kind"] == "unreachable", ended.stdout
