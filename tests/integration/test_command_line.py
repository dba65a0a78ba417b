"""The manners of the command line: help, guesses, short ids, what fits a terminal, and what an exit code says."""

import pytest

from testbed.terminal import Terminal
from testbed.waiting import wait_until

GREEN = "\x1b[32m"


@pytest.fixture(autouse=True)
def teams(iris):
    iris.write_config({"teams": {"app": iris.local_team(description="the app " + "x" * 200), "web": iris.local_team()}})


def test_who_knows_nothing_is_helped(iris):
    alone = iris.run()
    assert (alone.returncode, alone.stderr) == (0, "")
    for args in (["help"], ["--help"], ["-h"]):
        assert iris.run(*args).stdout == alone.stdout
    assert max(map(len, alone.stdout.splitlines())) <= 80
    for words in ("Talk:", "Look:", "Run:", "Examples:", "IRIS_CONFIG", "4 not answered yet"):
        assert words in alone.stdout
    told = iris.run("help", "tell")
    assert told.returncode == 0 and "--timeout" in told.stdout and "1h30m" in told.stdout
    assert iris.run("--version").stdout == iris.run("version").stdout != ""


def test_what_is_mistyped_is_guessed(iris):
    for args, guess in ((["stauts"], "did you mean `status`?"), (["help", "cancle"], "did you mean `cancel`?"),
                        (["tell", "app", "x", "--tiemout", "5m"], "did you mean --timeout?")):
        done = iris.run(*args)
        assert (done.returncode, done.stdout) == (2, "") and guess in done.stderr, done


def test_a_message_needs_no_quotes_and_time_is_written_as_people_do(iris):
    done = iris.run("tell", "app", "how", "full", "--timeout", "5m", "is", "it")
    assert (done.returncode, done.stdout) == (0, "ECHO: how full is it\n"), done.stderr


def test_what_is_not_answered_yet_is_4_and_its_id_may_be_short(iris):
    late = iris.run("tell", "app", "HANG", "--timeout", "2s")
    assert late.returncode == 4 and "after 2s. Get it later: iris tells " in late.stderr, late.stderr
    id = iris.answer("web", "SUM later", timeout_ms=-1)
    assert iris.run("tells", "--last", "--wait").returncode == 0
    wait_until(lambda: id[:8] not in iris.run("tells").stdout)
    shown = iris.run("tells", "--all").stdout
    assert id[:8] in shown and id not in shown
    assert iris.run("tells", id[:13]).returncode == 0
    [open_id] = [line.split()[0] for line in iris.run("tells").stdout.splitlines()[1:]]
    assert iris.run("tells", open_id).returncode == 4
    assert iris.run("cancel", open_id).returncode == 0
    assert iris.run("tells", open_id).returncode == 1


def test_status_and_teams_have_a_line_a_team(iris):
    assert iris.answer("app", "hello") == "ECHO: hello"
    status = iris.run("status").stdout
    [app] = [line for line in status.splitlines() if line.startswith("app ")]
    assert "this machine" in app and "ready" in app and len(app) <= 80
    assert "SESSION" not in status and "SESSION" in iris.run("status", "--long").stdout
    teams = iris.run("teams").stdout
    assert max(map(len, teams.splitlines())) <= 80 and "…" in teams
    assert "x" * 200 in iris.run("teams", "--long").stdout
    assert "x" * 60 in iris.run("teams", env={"COLUMNS": "160"}).stdout


def seen_at_terminal(iris, *args, **env) -> str:
    terminal = Terminal([iris.program, *args], stdout_too=True, env=iris.env | env, cwd=iris.home)
    try:
        terminal.finish()
        return terminal.seen
    finally:
        terminal.close()


def test_a_terminal_gets_colours_unless_it_wants_none(iris):
    assert iris.answer("app", "hello") == "ECHO: hello"
    assert f"{GREEN}ready" in seen_at_terminal(iris, "status")
    assert f"{GREEN}ready" in seen_at_terminal(iris, "teams")
    for env in ({"NO_COLOR": "1"}, {"TERM": "dumb"}):
        assert "\x1b" not in seen_at_terminal(iris, "status", **env)
    assert f"{GREEN}ready" in seen_at_terminal(iris, "status", NO_COLOR="")
    assert "\x1b" not in iris.run("status").stdout


def test_a_team_is_woken_and_put_to_sleep_by_hand(iris):
    woken = iris.run("wake", "app")
    assert woken.returncode == 0 and woken.stdout.startswith("app is ready; its claude has pid "), woken.stderr
    assert iris.run("wake", "app").stdout.startswith("app was ready before")
    asleep = iris.run("sleep", "app")
    assert (asleep.returncode, asleep.stdout) == (0, "app sleeps now; the conversation stays\n"), asleep.stderr
    assert iris.run("sleep", "app").stdout == "app slept before; the conversation stays\n"
    assert iris.answer("app", "COUNT") == "1"
