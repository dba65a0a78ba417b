"""The test bed itself: accounts, sshd, and finding what is left behind."""

import os
import pwd
import signal
import socket
import subprocess
import threading
import time

import pytest

from integration.iris_fixtures import Iris
from programs import words
from programs.claude_driver import STREAM_JSON, Claude, Program
from testbed import npm, processes, remote_user as accounts
from testbed.waiting import wait_until


class ClaudeOverSsh(Claude):
    """The account's claude, through ssh."""

    def __init__(self, sshd, user):
        ssh = sshd.command(user)
        remote = "exec ~/.local/bin/claude " + " ".join(STREAM_JSON)
        super().__init__(Program("ssh", ssh[0], {}, ""), user.home, "/", flags=[*ssh[1:], remote])


@pytest.fixture
def over_ssh():
    running = []

    def start(sshd, user):
        running.append(ClaudeOverSsh(sshd, user))
        return running[-1]
    yield start
    for claude in running:
        claude.kill()


def test_an_account_is_reached_with_plain_ssh(sshd, remote_user):
    done = sshd().run(remote_user, "id -un; pwd; echo $HOME")
    assert done.returncode == 0, done.stderr
    assert done.stdout.decode().split() == [remote_user.name, str(remote_user.home), str(remote_user.home)]


def test_the_stub_answers_over_ssh(sshd, remote_user, over_ssh):
    claude = over_ssh(sshd(), remote_user)
    assert claude.answer("PWD") == str(remote_user.home)
    assert claude.answer("BIGCJK 100000") == words.big_cjk(100_000)
    assert claude.end() == 0


@pytest.mark.parametrize("kind", ["prints", "reads", "sleeps", "all"])
def test_a_noisy_account_is_noisy_and_works(sshd, remote_user, over_ssh, kind):
    remote_user.make_noise(kind)
    began = time.monotonic()
    claude = over_ssh(sshd(), remote_user)
    if kind in ("reads", "all"):
        claude.write(b"no JSON, which claude would not survive\n")
    assert claude.answer("hello") == "ECHO: hello"
    assert (b"Welcome to" in b"".join(claude.raw)) == (kind in ("prints", "all"))
    assert time.monotonic() - began >= 1 or kind not in ("sleeps", "all")


def test_connections_and_commands_are_counted(sshd, remote_user):
    server = sshd()
    before = server.position()
    server.run(remote_user, "true")
    server.run(remote_user, "true")
    assert server.connections(remote_user, before) == server.commands(remote_user, before) == 2
    assert server.connections(remote_user, server.position()) == 0


def forward(server, user, folder):
    """Forwards a socket to one where `user` listens; returns what comes out of it, and stderr."""
    # Answers one connection, or ends with the session.
    listener = ("import select,socket; s=socket.socket(socket.AF_UNIX); s.bind('there'); s.listen(); "
                "print('up', flush=True); "
                "s in select.select([s, 0], [], [])[0] and s.accept()[0].sendall(b'hello')")
    here = folder / "here"
    command = server.command(user, "-L", f"{here}:{user.home}/there", "-o", "StreamLocalBindUnlink=yes")
    with subprocess.Popen(command + [f'exec /usr/bin/python3 -c "{listener}"'],
                          stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as ssh:
        assert ssh.stdout.readline() == b"up\n"
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(60)
            client.connect(str(here))
            got = client.recv(100)
        # By the end of its input: ssh 9.2 can lose a SIGTERM that comes just before its poll().
        _, stderr = ssh.communicate(timeout=60)
        return got, stderr


def test_sockets_are_forwarded(sshd, remote_user, scratch):
    got, _ = forward(sshd(), remote_user, scratch)
    assert got == b"hello"


@pytest.mark.parametrize("line", ["AllowStreamLocalForwarding no", "DisableForwarding yes"])
def test_forwarding_can_be_refused(sshd, remote_user, scratch, line):
    got, stderr = forward(sshd(line), remote_user, scratch)
    assert got == b""
    assert b"open failed" in stderr


def test_only_throwaway_accounts_get_in(sshd):
    root = type("Root", (), {"name": "root"})
    done = sshd().run(root, "true")
    assert done.returncode == 255
    assert b"Permission denied" in done.stderr


def test_an_account_goes_with_all_that_it_had(sshd, scratch):
    with accounts.user(scratch) as user:
        assert sshd().run(user, "true").returncode == 0
        name, uid, home = user.name, user.uid, user.home
        assert home.exists()
    with pytest.raises(KeyError):
        pwd.getpwnam(name)
    assert not home.exists()
    assert processes.of_user(uid) == []


def test_accounts_are_made_and_removed_by_one_run_at_a_time(scratch):
    """Else one may be made with the number of a stray, whose processes and folders another run just removes."""
    made = []
    maker = threading.Thread(target=lambda: made.append(accounts.RemoteUser(scratch)))
    with accounts.only_run_with_accounts():
        maker.start()
        maker.join(1)
        assert made == [] and maker.is_alive()
    maker.join(60)
    with pytest.raises(KeyError):
        assert made[0].remove(patience=0) == []
        pwd.getpwnam(made[0].name)


def test_what_an_account_leaves_behind_is_killed_and_fails_the_test(sshd, scratch, over_ssh):
    with pytest.raises(AssertionError, match="left behind .* sleep 600"):
        with accounts.user(scratch, patience=0.5) as user:
            daemon = int(over_ssh(sshd(), user).answer("DAEMON").removeprefix("daemon-pid "))
            wait_until(lambda: processes.process_info(daemon).cmdline == "sleep 600")
    assert processes.process_info(daemon) is None


def test_strays_of_a_killed_run_are_removed(scratch):
    child = os.fork()
    if child == 0:
        os._exit(0)
    os.waitpid(child, 0)
    name = f"iris-t-{child}-1"
    subprocess.run(["useradd", "--no-create-home", "--home-dir", scratch / "gone", name], check=True)
    accounts.remove_strays()
    with pytest.raises(KeyError):
        pwd.getpwnam(name)


def test_descendants_and_their_start_times():
    shell = subprocess.Popen(["/bin/sh", "-c", "sleep 30 & echo $!; wait"], stdout=subprocess.PIPE)
    sleeper = int(shell.stdout.readline())
    found = lambda: [(p.pid, p.info.cmdline) for p in processes.descendants(shell.pid)]
    wait_until(lambda: found() == [(sleeper, "sleep 30")])
    assert processes.process_info(sleeper).start_time >= processes.process_info(shell.pid).start_time
    os.kill(sleeper, signal.SIGKILL)
    shell.communicate()
    assert processes.process_info(shell.pid) is None


FAKE_IRIS = """#!/bin/sh
case $1 in
  status) echo '{"schema":1,"ok":true,"running":false}' ;;
  tell) printf '%s\\n' "$*" "$HOME" "$(command -v claude)" ;;
  stop) exit 0 ;;
  leave) setsid sleep 600 >/dev/null 2>&1 & (cd "$HOME" && exec env -i setsid sleep 601 >/dev/null 2>&1 &) ;;
  *) exit 2 ;;
esac
"""


@pytest.fixture
def fake_iris(scratch, monkeypatch):
    path = scratch / "fake-iris"
    path.write_text(FAKE_IRIS)
    path.chmod(0o755)
    monkeypatch.setenv("IRIS_BIN", str(path))
    return Iris(scratch)


def test_iris_runs_in_a_clean_environment(fake_iris):
    fake_iris.write_config({"teams": {}})
    assert fake_iris.config.stat().st_mode & 0o777 == 0o600
    assert fake_iris.status()["running"] is False
    told = fake_iris.answer("gpu", "hello", from_="me", timeout_ms=5, as_json=True).splitlines()
    assert told == ["tell gpu hello --from me --timeout 5 --json", str(fake_iris.home),
                    f"{fake_iris.folder}/bin/claude"]
    assert fake_iris.run("nonsense").returncode == 2
    assert fake_iris.stop() == []


def test_what_iris_leaves_behind_is_found_by_home_or_by_place(fake_iris):
    def names(found):
        return sorted(process.info.cmdline for process in found)
    fake_iris.run("leave")
    wait_until(lambda: names(fake_iris.processes()) == ["sleep 600", "sleep 601"])
    assert names(fake_iris.stop(patience=0.5)) == ["sleep 600", "sleep 601"]
    assert fake_iris.processes() == []


def test_a_team_entry_names_everything_ssh_needs(sshd, remote_user):
    server = sshd()
    team = server.team(remote_user, remoteOptions={"connectTimeout": 5000}, description="far away")
    ssh = team["remote"].split()
    done = subprocess.run([*ssh[:1], "-i", team["remoteOptions"]["identity"], *ssh[1:], "echo in"],
                          stdin=subprocess.DEVNULL, capture_output=True, timeout=30)
    assert done.stdout == b"in\n", done.stderr
    assert team["path"] == str(remote_user.home)
    assert team["remoteOptions"]["connectTimeout"] == 5000


def test_what_npm_does_not_give_is_asked_for_once_in_a_run(monkeypatch, tmp_path):
    tries = []

    def refuse(*args, cwd):
        tries.append(args)
        raise AssertionError("no registry")

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("IRIS_TESTS_RUN", str(tmp_path))
    monkeypatch.setattr(npm, "_npm", refuse)
    monkeypatch.setattr(npm, "_failed", {})
    with pytest.raises(AssertionError, match="no registry"):
        npm.claude.__wrapped__()
    for _ in range(2):
        with pytest.raises(pytest.fail.Exception, match=r"no registry\n\(not tried again"):
            npm.claude.__wrapped__()
        npm._failed.clear()  # As another process begins.
    assert len(tries) == 1
