"""Whatever is wrong gets a typed failure with cause and fix, in time, and leaves nothing running."""

import socket
import subprocess
import time

import pytest

from testbed.waiting import wait_until



def failure_of(iris, team, text="hello", limit=30, **options):
    """The typed failure of a tell, which must come within `limit` seconds."""
    began = time.monotonic()
    failure = iris.failure(team, text, **options)
    took = time.monotonic() - began
    assert took < limit, f"{took:.1f} s"
    return failure


def expect_no_ssh(iris):
    wait_until(lambda: not any(p.info.cmdline.startswith("ssh ") for p in iris.processes()))


@pytest.fixture
def gpu(iris, sshd, remote_user):
    """gpu(**changes) writes a configuration with the team `gpu`, changed."""
    def write(path=None, remote=lambda text: text, **fields):
        team = sshd().team(remote_user, path=path, **fields)
        team["remote"] = remote(team["remote"])
        iris.write_config({"teams": {"gpu": team}})
    return write


def test_unknown_team(iris):
    iris.write_config({"teams": {"frontend": iris.local_team()}})
    failure = failure_of(iris, "frontent", code=2)
    assert failure["kind"] == "bad_request"
    assert "frontend" in failure["detail"] + failure["fix"]


def test_unknown_caller(iris):
    iris.write_config({"teams": {"app": iris.local_team()}})
    assert failure_of(iris, "app", from_="nobody", code=2)["kind"] == "bad_request"


def test_refused_connection(iris, gpu, sshd):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        gpu(remote=lambda text: text.replace(str(sshd().port), str(port)))
        failure = failure_of(iris, "gpu")
    assert failure["kind"] == "unreachable"
    assert "refused" in failure["detail"]
    expect_no_ssh(iris)


def test_a_host_that_says_nothing_within_connect_timeout(iris, gpu, sshd):
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        port = silent.getsockname()[1]
        gpu(remote=lambda text: text.replace(str(sshd().port), str(port)),
            remoteOptions={"connectTimeout": 2000})
        failure = failure_of(iris, "gpu", limit=9)  # The default is 10 s.
    assert failure["kind"] in ("unreachable", "timeout")
    expect_no_ssh(iris)


def test_refused_key(iris, gpu, scratch):
    key = scratch / "other_key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
    gpu(remoteOptions={"identity": str(key)})
    failure = failure_of(iris, "gpu")
    assert failure["kind"] == "auth"
    assert "Permission denied" in failure["detail"]
    expect_no_ssh(iris)


def test_unknown_host_key(iris, gpu, scratch):
    empty = scratch / "no_known_hosts"
    empty.write_text("")
    gpu(remote=lambda text: text.replace(" -p ", f" -o UserKnownHostsFile={empty} -p "))
    failure = failure_of(iris, "gpu")
    assert failure["kind"] == "host_key"
    assert "fingerprint" in failure["fix"]
    expect_no_ssh(iris)


def test_changed_host_key(iris, gpu, scratch, sshd):
    key = scratch / "other_host_key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
    kind, public, *_ = (scratch / "other_host_key.pub").read_text().split()
    known = scratch / "wrong_known_hosts"
    known.write_text(f"[127.0.0.1]:{sshd().port} {kind} {public}\n")
    gpu(remote=lambda text: text.replace(" -p ", f" -o UserKnownHostsFile={known} -p "))
    failure = failure_of(iris, "gpu")
    assert failure["kind"] == "host_key"
    assert "changed" in failure["detail"].lower()


def test_missing_directory(iris, gpu):
    gpu(path="/nonexistent/project")
    failure = failure_of(iris, "gpu")
    assert failure["kind"] == "bad_request"
    assert "/nonexistent/project" in failure["detail"]


def test_missing_claude(iris, gpu, remote_user):
    (remote_user.home / ".local/bin/claude").unlink()
    gpu()
    failure = failure_of(iris, "gpu")
    assert failure["kind"] == "claude_missing"
    assert str(remote_user.home / ".local/bin") in failure["detail"]
    status = iris.run("status").stdout
    assert "✗ claude missing" in status and "the last message failed: claude_missing: " in status
    [session] = iris.status()["sessions"]
    assert session["trouble"]["kind"] == "claude_missing"
    remote_user.put_claude()
    assert iris.answer("gpu", "hello") == "ECHO: hello"
    assert "✗" not in iris.run("status").stdout


def test_claude_not_logged_in(iris, gpu, remote_user):
    remote_user.write(".stub-not-logged-in", "")
    gpu()
    failure = failure_of(iris, "gpu")
    assert failure["kind"] == "claude_not_logged_in"
    assert "/login" in failure["fix"]


def test_claude_that_crashes_at_its_start(iris, gpu, remote_user):
    remote_user.write(".stub-crash-at-start", "")
    gpu()
    assert failure_of(iris, "gpu")["kind"] == "child_exited"


def test_claude_that_never_answers_its_start(iris, gpu, remote_user):
    remote_user.write(".stub-hang-at-start", "")
    gpu(sessionInitTimeout=1500)
    failure = failure_of(iris, "gpu", limit=25)  # The default is 30 s.
    assert failure["kind"] == "timeout"
    assert "sessionInitTimeout" in failure["fix"]


@pytest.mark.parametrize("text", ["{", "[]", '{"teams": {"a": {"path": "/x", "colour": "red"}}}'])
def test_a_bad_configuration_ends_with_3_and_names_file_and_fix(iris, text):
    iris.config.write_text(text)
    iris.config.chmod(0o600)
    for command in (["teams"], ["tell", "a", "hello"]):
        done = iris.run(*command)
        assert done.returncode == 3, done.stderr
        assert str(iris.config) in done.stderr
        assert "fix:" in done.stderr
    wait_until(lambda: iris.processes() == [])


def test_a_missing_configuration(iris):
    assert iris.run("tell", "a", "hello").returncode == 3


@pytest.mark.parametrize("args", [["tell"], ["tell", "a"], ["nonsense"], ["tell", "a", "b", "--id", "x"], ["tell", "a", "b", "--timeout", "x"],
                                  ["status", "--nonsense"]])
def test_wrong_usage_ends_with_2(iris, args):
    done = iris.run(*args)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr


def test_bytes_that_are_no_text_are_refused(iris):
    iris.write_config({"teams": {"app": iris.local_team()}})
    done = subprocess.run([iris.program, "tell", "app", "-"], env=iris.env, cwd=iris.home, input=b"\xff\xfe",
                          capture_output=True, timeout=180)
    assert done.returncode == 2
    assert b"UTF-8" in done.stderr


def test_rubbish_on_the_sockets_disturbs_nobody(iris):
    iris.write_config({"teams": {"app": iris.local_team()}})
    assert iris.answer("app", "hello") == "ECHO: hello"
    for path in iris.folder.glob("r/**/*.sock"):
        for rubbish in (b"", b"\0" * 100, b"GET / HTTP/1.1\r\n\r\n", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\xff" * 5000):
            with socket.socket(socket.AF_UNIX) as client:
                client.connect(str(path))
                client.sendall(rubbish)
    assert iris.answer("app", "COUNT") == "2"
