"""A host that is away: a message can be left for it, and waits there is no more of than that."""

import json

import pytest

from testbed.waiting import wait_until


@pytest.fixture(autouse=True)  # So it outlives `iris`, which ends its agents through it.
def server(own_sshd):
    """It does not run yet."""
    own_sshd.stop()
    return own_sshd


def open_tells(iris, **options) -> list:
    done = iris.run("tells", "--json", **options)
    assert done.returncode == 0, done.stderr
    return [tell for tell in json.loads(done.stdout)["tells"] if tell["state"] != "settled"]


def doing(iris, **options) -> list:
    """What is done for each open message."""
    return [tell.get("doing", "") for tell in open_tells(iris, **options)]


def leave(iris, team, text) -> str:
    """The id of a message that nobody waits for."""
    left = iris.run("tell", team, text, "--timeout", -1)
    assert left.returncode == 0, left.stderr
    return left.stdout.strip()


def answer_of(iris, tell_id) -> str:
    answered = iris.run("tells", tell_id, "--wait")
    assert answered.returncode == 0, answered.stderr
    return answered.stdout.removesuffix("\n")


@pytest.fixture
def all_wait(iris):
    """all_wait(n) is whether n messages are open, and each waits for its host, and says so."""
    def look(count=1):
        texts = doing(iris)
        return len(texts) == count and all("out of reach" in text for text in texts)
    return look


@pytest.fixture
def waits(iris, server, remote_user, all_wait):
    """waits() is whether the only open message waits for the host of gpu, and says so."""
    iris.write_config({"teams": {"gpu": server.team(remote_user)}})
    return all_wait


def test_a_message_is_left_for_a_host_and_outlives_the_coordinator(iris, server, waits):
    left = leave(iris, "gpu", "COUNT")
    wait_until(waits, 60)
    [tell] = open_tells(iris)
    assert tell["state"] == "queued"

    failure = iris.failure("gpu", "is anybody there?")  # Not behind the other, unheard.
    assert failure["kind"] == "unreachable", failure
    assert "--when-away wait" in failure["fix"], failure
    assert not failure["fix"].startswith(" "), failure
    assert waits()

    assert iris.run("stop").returncode == 0
    wait_until(waits, 60)
    server.start_again()
    assert answer_of(iris, left) == "1"


def test_it_goes_where_the_team_is_by_then_though_the_team_was_elsewhere_before(
        iris, server, remote_user, remote_users, all_wait):
    server.start_again()
    iris.write_config({"teams": {"gpu": server.team(remote_user)}})
    assert iris.answer("gpu", "COUNT") == "1"
    server.stop()
    iris.write_config({"teams": {"gpu": server.team(remote_users())}})
    left = leave(iris, "gpu", "COUNT")
    wait_until(all_wait, 60)
    assert iris.run("stop").returncode == 0
    wait_until(all_wait, 60)
    server.start_again()
    assert answer_of(iris, left) == "1", "of the other account"


def test_when_the_host_is_back_no_more_go_on_at_once_than_there_are_processes(iris, server, remote_user, all_wait):
    teams = {name: server.team(remote_user) for name in ("a", "b", "c")}
    iris.write_config({"settings": {"maxProcesses": 1}, "teams": teams})
    held = 'TOOL Bash {"command":"until test -e go; do sleep 0.1; done; echo gone"}'
    left = [leave(iris, team, held) for team in teams]
    wait_until(lambda: all_wait(len(teams)), 120)
    server.start_again()

    def one_goes_on():
        tells = open_tells(iris)
        queued = [tell.get("doing", "") for tell in tells if tell["state"] == "queued"]
        return len(queued) == 2 and all("waiting for a free process" in text for text in queued)
    wait_until(one_goes_on, 120)
    # By what they run: what a claude has just forked for a tool has its command line for a moment.
    children = {p.info.cmdline for p in remote_user.processes()
                if "--input-format" in p.info.cmdline and "keeper" not in p.info.cmdline}
    assert len(children) == 1, children
    remote_user.write("go", "")
    assert all("gone" in answer_of(iris, tell) for tell in left)


def test_a_message_that_runs_on_a_host_that_is_away_keeps_nobody_else_waiting(iris, server, remote_user):
    server.start_again()
    iris.write_config({"settings": {"maxProcesses": 1},
                       "teams": {"gpu": server.team(remote_user), "here": iris.local_team()}})
    runs = leave(iris, "gpu", 'TOOL Bash {"command":"touch $HOME/begun; while [ ! -e $HOME/go ]; do sleep 0.1; done"}')
    assert wait_until(lambda: (remote_user.home / "begun").exists(), 60)
    server.stop()
    assert iris.answer("here", "hello") == "ECHO: hello"
    assert [tell["state"] for tell in open_tells(iris)] == ["running"]

    server.start_again()
    (remote_user.home / "go").touch()
    answer_of(iris, runs)


def test_who_waits_may_leave_it_too_and_cancel_it(iris, waits):
    waiting = iris.start("tell", "gpu", "hello", "--when-away", "wait")
    wait_until(waits, 60)
    [tell] = open_tells(iris)
    assert iris.run("cancel", tell["tellId"]).returncode == 0
    _, err = waiting.communicate(timeout=60)
    assert waiting.returncode == 1 and "cancelled" in err, err


def test_whose_time_is_over_hears_why_it_waits(iris, waits):
    iris.run("teams")  # So that the time is the tell's own.
    late = iris.run("tell", "gpu", "hello", "--when-away", "wait", "--timeout", "8s")
    assert late.returncode == 4, late.stderr
    assert late.stderr.startswith("still waiting after 8s: the host is out of reach, trying again: "), late.stderr
    assert ". Get it later: iris tells " in late.stderr, late.stderr


@pytest.mark.parametrize("how, words", [([], "the message waits for the team"),
                                        (["--agents"], "the team never got it")])
def test_who_stops_everything_hears_that_the_team_did_not_get_it(iris, waits, how, words):
    waiting = iris.start("tell", "gpu", "hello", "--when-away", "wait")
    wait_until(waits, 60)
    iris.run("stop", *how)
    _, err = waiting.communicate(timeout=60)
    assert waiting.returncode == 1 and words in err, err


def test_who_does_not_want_it_left_hears_so_though_nobody_waits(iris, waits):
    sent = iris.run("tell", "gpu", "hello", "--timeout", -1, "--when-away", "fail")
    assert sent.returncode == 0, sent.stderr
    ended = iris.run("tells", sent.stdout.strip(), "--wait", "--json")
    assert json.loads(ended.stdout)["failure"]["kind"] == "unreachable", ended.stdout


def test_a_team_that_is_taken_out_of_the_configuration_is_waited_for_no_more(iris, server, remote_user, waits):
    left = leave(iris, "gpu", "hello")
    wait_until(waits, 60)
    iris.write_config({"teams": {"here": iris.local_team()}})
    ended = iris.run("tells", left, "--wait", "--json")
    assert json.loads(ended.stdout)["failure"]["kind"] == "dropped", ended.stdout
    iris.wait_for_status(lambda status: not any("gpu" in link["teams"] for link in status["links"]))


# Its network comes before its disks.
def test_a_host_that_comes_back_before_its_homes_do_gets_it_all_the_same(iris, server, waits):
    left = leave(iris, "gpu", "COUNT")
    wait_until(waits, 60)
    server.refuse_key()
    server.start_again()
    wait_until(lambda: "tried again every few minutes" in "".join(doing(iris)), 90)
    server.accept_key()
    assert answer_of(iris, left) == "1"  # A minute later.


def test_who_asks_right_after_a_refused_login_has_the_next_one(iris, server, waits):
    left = leave(iris, "gpu", "COUNT")
    wait_until(waits, 60)
    assert iris.run("stop").returncode == 0
    server.refuse_key()
    server.start_again()
    wait_until(lambda: "waits for" in "".join(doing(iris)), 60)
    server.accept_key()
    assert answer_of(iris, left) == "1"


def test_keys_of_an_ssh_agent_come_with_whoever_looks_after_the_message(keys, iris, server, remote_user, all_wait):
    team = server.team(remote_user)
    del team["remoteOptions"]["identity"]
    team["remote"] = team["remote"].replace(
        "ssh ", "ssh -o IdentityAgent=SSH_AUTH_SOCK -o IdentitiesOnly=no ", 1)
    iris.write_config({"teams": {"gpu": team}})
    iris.env |= keys
    left = leave(iris, "gpu", "COUNT")
    wait_until(all_wait, 60)
    assert iris.run("stop").returncode == 0
    server.start_again()

    # Of a shell without: the coordinator has none of its own.
    without = {"SSH_AUTH_SOCK": str(iris.home / "none")}
    # For somebody with keys, or the next login with none; each look is an attempt, so by turns.
    wait_until(lambda: "waits for" in (done := "".join(doing(iris, env=without))) and "Permission denied" in done, 60)
    assert len(open_tells(iris, env=without)) == 1
    assert answer_of(iris, left) == "1"
