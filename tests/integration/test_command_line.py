"""The manners of the command line: help, guesses, short ids, what fits a terminal, and what an exit code says."""

import json
import re
import subprocess

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
    for words in ("Talk:", "Look:", "Run:", "Examples:", "IRIS_CONFIG", "4 not answered yet", "130 interrupted"):
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
    assert late.returncode == 4 and re.search(r"after 2s.*\. Get it later: iris tells ", late.stderr), late.stderr
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
    assert iris.run("sleep", "app").stdout == "app is not running\n"
    assert iris.answer("app", "COUNT") == "1"


def test_messages_are_listed_as_wide_as_the_screen_and_of_one_caller_if_asked(iris):
    iris.answer("app", "how " + "long " * 30, timeout_ms=-1)
    told = iris.start_tell("web", "HANG")
    wait_until(lambda: len(iris.run("tells").stdout.splitlines()) == 3)
    for columns in (80, 120):
        listed = iris.run("tells", env={"COLUMNS": str(columns)}).stdout
        assert max(map(len, listed.splitlines())) <= columns, listed
    [caller] = {tell["from"] for tell in json.loads(iris.run("tells", "--json").stdout)["tells"]}
    assert len(json.loads(iris.run("tells", "--from", caller, "--json").stdout)["tells"]) == 2
    assert iris.run("tells", "--from", "somebody-else").stdout == "no messages\n"
    assert iris.run("cancel", "--last").returncode == 0
    told.communicate(timeout=60)


def test_a_message_of_blanks_is_empty(iris):
    sent = iris.run("tell", "app", " \n\t ")
    assert sent.returncode == 2 and "the message is empty" in sent.stderr, sent
    assert by_shell(iris, "<<'END'\n\n\nEND", "tell", "app", "-").returncode == 2


def test_what_was_not_used_since_the_coordinator_began_is_not_asked_yet(iris):
    assert iris.answer("app", "hello") == "ECHO: hello"
    assert iris.run("stop").returncode == 0
    assert iris.run("tells").returncode == 0  # Starts another coordinator.
    [line] = [line for line in iris.run("status").stdout.splitlines() if line.startswith("app ")]
    assert "this machine" in line and "not asked yet" in line, line


def by_shell(iris, redirections, *args) -> subprocess.CompletedProcess:
    """`iris ARGS… REDIRECTIONS`, as a shell runs it."""
    return subprocess.run(["/bin/sh", "-c", f'exec "$0" "$@" {redirections}', *iris.command, *args], env=iris.env,
                          cwd=iris.home, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=180)


@pytest.mark.parametrize("redirections", [">&-", "<&- >&-"])
@pytest.mark.parametrize("json_too", [[], ["--json"]])
def test_an_answer_that_goes_nowhere_is_no_success_and_stays_unread(iris, redirections, json_too):
    told = by_shell(iris, redirections, "tell", "app", "hello", *json_too)
    assert told.returncode == 1 and "stdout" in told.stderr, told
    assert "ECHO: hello" in iris.run("tells", env={"COLUMNS": "200"}).stdout
    for args in (["tells", "--last"], ["status"], ["teams"], ["version"], ["help"], ["tell", "app", "x", "-d"]):
        done = by_shell(iris, redirections, *args)
        assert done.returncode == 1 and "stdout" in done.stderr, (args, done)


@pytest.mark.parametrize("redirections", [">&-", "> /dev/full"])
def test_an_mcp_server_whose_words_go_nowhere_says_so(iris, redirections):
    served = by_shell(iris, redirections + """ <<'END'
{"jsonrpc": "2.0", "id": 1, "method": "ping"}
END""", "mcp")
    assert served.returncode == 1 and "iris: stdout: " in served.stderr, served


def test_a_closed_stderr_is_nobody_elses(iris):
    told = by_shell(iris, "2>&-", "tell", "app", "hello")
    assert (told.returncode, told.stdout) == (0, "ECHO: hello\n"), told
    assert by_shell(iris, "2>&-", "tell", "nobody", "hello").returncode != 0


@pytest.mark.parametrize("redirections", ["< /tmp", "<&-"])
def test_a_message_that_cannot_be_read_is_not_sent(iris, redirections):
    for args in (["tell", "app", "-"], ["answer", "1234", "deny", "--message", "-"]):
        done = by_shell(iris, redirections, *args)
        assert done.returncode == 1 and "bad_request: stdin cannot be read" in done.stderr, (args, done)
    assert by_shell(iris, redirections, "mcp").returncode == 1
    done = by_shell(iris, redirections, "tell", "app", "-", "--json")
    assert "stdin cannot be read" in json.loads(done.stdout)["failure"]["detail"]
    assert iris.status().get("sessions", []) == []


def test_a_dash_beside_words_and_an_option_without_its_value_are_wrong_usage(iris):
    for args, says in ((["review", "this", "-"], "- reads the whole message from stdin"),
                       (["hello", "--timeout"], "--timeout needs a value"),
                       (["git", "push", "-f", "origin"], "put -- before the message")):
        done = iris.run("tell", "app", *args)
        assert (done.returncode, done.stdout) == (2, "") and says in done.stderr, done
    assert iris.run("tell", "app", "--", "a", "-", "b").stdout == "ECHO: a - b\n"
    assert json.loads(iris.run("--json", "tell", "app", "a", "b").stdout)["answer"] == "ECHO: a b"


def test_wrong_usage_shows_nothing_that_a_terminal_obeys(iris):
    for args in (["\x1b[31mfoo"], ["tell", "app", "x", "--\x1b[31mfoo"], ["teams", "\x1b[31mfoo"]):
        done = iris.run(*args)
        assert done.returncode == 2 and "\x1b" not in done.stderr and "foo" in done.stderr, done


def test_status_of_one_team_is_of_that_or_says_that_there_is_none(iris):
    late = iris.answer("app", "hello", timeout_ms=-1)
    wait_until(lambda: json.loads(iris.run("tells", late[:8], "--json").stdout)["state"] == "settled")
    late = iris.answer("app", "hello again", timeout_ms=-1)
    wait_until(lambda: "ECHO: hello again" in iris.run("tells", env={"COLUMNS": "200"}).stdout)
    assert "1 answer to read" in iris.run("status", "app").stdout
    web = iris.run("status", "web")
    assert web.returncode == 0 and "web has not been used yet" in web.stdout and "to read" not in web.stdout
    assert json.loads(iris.run("status", "web", "--json").stdout)["sessions"] == []
    wrong = iris.run("status", "ap")
    assert wrong.returncode == 2 and wrong.stdout == "", wrong
    assert "bad_request: there is no team \"ap\"" in wrong.stderr and "Did you mean app?" in wrong.stderr
    failed = json.loads(iris.run("status", "ap", "--json").stdout)
    assert failed["ok"] is False and failed["failure"]["kind"] == "bad_request"


def test_a_team_that_is_not_configured_is_wrong_usage_whatever_is_asked_of_it(iris):
    for verb in ("wake", "sleep", "takeover"):
        wrong = iris.run(verb, "ap", *(["--from", "web"] if verb == "takeover" else []))
        assert wrong.returncode == 2 and "bad_request: there is no team \"ap\"" in wrong.stderr, wrong


def test_long_names_fit_a_terminal_too(iris):
    name = "n" * 64
    iris.write_config({"teams": {name: iris.local_team(description="d" * 100)}})
    assert iris.answer(name, "hello") == "ECHO: hello"
    for args in (["status"], ["teams"]):
        table = [line for line in iris.run(*args).stdout.splitlines() if line.startswith(("TEAM", "nnn"))]
        assert len(table) == 2 and max(map(len, table)) <= 80, table
    assert name in iris.run("teams", "--long").stdout


def test_a_short_beginning_of_an_id_cancels_nothing(iris):
    id = iris.answer("app", "HANG", timeout_ms=-1)
    for verb in ("cancel", "tells"):
        done = iris.run(verb, id[:3])
        assert done.returncode != 0 and "4 characters" in done.stderr, done
    assert iris.run("cancel", id[:4]).returncode == 0
