"""What others on the machine, and a host's words, cannot do to a person."""

import os
import pathlib
import re
import shutil
import subprocess

import pytest

from integration.iris_fixtures import ended_cleanly
from integration.users_iris import UsersIris
from testbed.terminal import Terminal
from testbed.waiting import wait_until

NOBODY = 65534
ESCAPES = "\x1b]0;pwned\x07 \x1b[31m red \u009b32m \u202eturned"


@pytest.fixture
def users_iris(scratch, remote_users):
    """Iris as an ordinary user runs it, with the team `app`."""
    one = UsersIris(scratch / "u", remote_users())
    one.write_config({"teams": {"app": one.local_team()}})
    with ended_cleanly(one):
        yield one


def seen_by_nobody(pid) -> bytes:
    """The arguments of a process as another user sees them."""
    return subprocess.run(["cat", f"/proc/{pid}/cmdline"], user=NOBODY, capture_output=True).stdout


def own_seconds(pid) -> float:
    """How long a process has computed; a busy machine does not change that."""
    return int(pathlib.Path(f"/proc/{pid}/schedstat").read_text().split()[0]) / 1e9


def test_what_is_told_cannot_be_read_off_the_process_list(iris):
    iris.write_config({"teams": {"app": iris.local_team()}})
    running = iris.start_tell("app", "WAIT 2\nthe code is 4711")
    while True:
        computed = own_seconds(running.pid)
        if b"4711" not in (arguments := seen_by_nobody(running.pid)):
            break
        assert computed < 0.05, arguments
    wait_until(lambda: any(s["tellInFlight"] for s in iris.status().get("sessions", [])))
    assert seen_by_nobody(running.pid).split(b"\0")[1] == b"tell"
    assert b"4711" not in seen_by_nobody(running.pid)
    out, err = running.communicate(timeout=180)
    assert running.returncode == 0, err
    assert "4711" in out, "the message itself is whole"


def test_a_terminal_does_not_obey_what_a_host_says(iris):
    iris.write_config({"teams": {"app": iris.local_team()}})
    assert iris.answer("app", ESCAPES) == f"ECHO: {ESCAPES}", "a pipe gets it as it is"
    terminal = Terminal([iris.program, "tell", "app", ESCAPES], stdout_too=True, env=iris.env, cwd=iris.home)
    listing = None
    try:
        terminal.finish()
        shown = terminal.seen.split("ECHO: ")[-1]
        assert "pwned" in shown and "red" in shown and "turned" in shown
        assert not set("\x1b\x07\u009b\u202e") & set(shown), repr(shown)
        listing = Terminal([iris.program, "tells", "--all"], stdout_too=True, env=iris.env, cwd=iris.home)
        listing.finish()
        assert "pwned" in listing.seen and not set("\x1b\x07\u009b\u202e") & set(listing.seen), repr(listing.seen)
    finally:
        terminal.close()
        if listing:
            listing.close()


def test_a_configuration_that_others_may_write_is_not_obeyed(iris):
    iris.write_config({"teams": {"app": iris.local_team()}})
    iris.config.chmod(0o666)
    refused = iris.tell("app", "hello")
    assert refused.returncode == 3 and f"chmod go-w {iris.config}" in refused.stderr, refused.stderr
    iris.config.chmod(0o600)
    assert iris.answer("app", "hello") == "ECHO: hello"

    # Nor does the running coordinator read it again: what it read while nobody else could write it counts.
    folder = iris.folder
    folder.chmod(0o777)
    iris.write_config({"teams": {"other": iris.local_team()}})
    told = iris.tell("app", "hello")
    assert told.stdout == "ECHO: hello\n" and f"chmod go-w {folder}" in told.stderr, told.stderr
    assert iris.tell("other", "hello").returncode != 0
    folder.chmod(0o755)
    # A configuration that did not load is read once a second at most.
    wait_until(lambda: iris.tell("other", "hello").stdout == "ECHO: hello\n", timeout=30)


def taken(uid):
    """/tmp/iris-UID, made by somebody else before its user comes."""
    path = pathlib.Path(f"/tmp/iris-{uid}")
    path.mkdir(mode=0o700)
    os.chown(path, NOBODY, NOBODY)
    return path


def test_whoever_takes_a_users_name_in_tmp_locks_nobody_out(users_iris):
    del users_iris.env["XDG_RUNTIME_DIR"]
    stolen = taken(users_iris.user.uid)
    try:
        assert users_iris.answer("app", "hello") == "ECHO: hello"
        assert users_iris.answer("app", "COUNT") == "2", "both ends find the same again"
        [link] = users_iris.status()["links"]
        assert re.match(rf"/tmp/iris-{users_iris.user.uid}-[0-9a-f]{{16}}/", link["agent"]["socket"])
    finally:
        shutil.rmtree(stolen)
    assert users_iris.answer("app", "COUNT") == "3", "nor when the name becomes free"


def test_nor_on_a_host(iris, sshd, remote_user):
    iris.write_config({"teams": {"gpu": sshd().team(remote_user)}})
    stolen = taken(remote_user.uid)
    try:
        assert iris.answer("gpu", "hello") == "ECHO: hello"
        assert iris.run("stop").returncode == 0
        assert iris.answer("gpu", "COUNT") == "2"
    finally:
        shutil.rmtree(stolen)


def test_where_nothing_is_left_the_owner_is_named(users_iris):
    del users_iris.env["XDG_RUNTIME_DIR"]
    stolen = taken(users_iris.user.uid)
    try:
        refused = users_iris.run("tell", "app", "hello", env={"HOME": "/proc"})
        assert refused.returncode == 1
        assert "belongs to nobody (uid 65534)" in refused.stderr and "XDG_RUNTIME_DIR" in refused.stderr, refused.stderr
    finally:
        shutil.rmtree(stolen)
