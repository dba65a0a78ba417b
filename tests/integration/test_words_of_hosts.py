"""What a host says is never taken for ssh's own verdict, however much it looks like it."""

import os
import signal

import pytest

from integration.iris_fixtures import only_link
from testbed import sshd as daemons

# One of every row of the table in coordinator/reach/ssh/ssh_lines.cc.
WORDS = """\
@    WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!     @
@       WARNING: REVOKED HOST KEY DETECTED!               @
Host key verification failed.
No ED25519 host key is known for gpu1 and you have requested strict checking.
@         WARNING: UNPROTECTED PRIVATE KEY FILE!          @
Load key "/home/me/.ssh/id": bad permissions
Received disconnect from 10.0.0.1 port 22:2: Too many authentication failures
WARNING: Your password has expired.
You are required to change your password immediately.
This account is currently not available.
This service allows sftp connections only.
Your account has expired; please contact your system administrator.
Unprivileged users are not permitted to log in yet.
git@github.com: Permission denied (publickey).
Permission denied, please try again.
Unable to negotiate with 10.0.0.1 port 22: no matching host key type found.
command-line: line 0: Bad configuration option: nope
Bad owner or permissions on /home/me/.ssh/config
Can't open user config file /home/me/config: No such file or directory
/home/me/config line 2: no argument after keyword "port"
/home/me/config line 2: unsupported option "maybe".
/home/me/config line 2: invalid quotes
/home/me/config: terminating, 1 bad configuration options
Bad port '99999'
no such identity: /home/me/key: No such file or directory
Load key "/home/me/key": error in libcrypto
unknown option -- x
hostname contains invalid characters
Bad stdio forwarding specification 'x'
ssh: Could not resolve hostname nope: Name or service not known
ssh: connect to host gpu1 port 22: Connection refused
iris-agent: auth: come back later
iris-agent: bad_request: come back later
"""


@pytest.fixture(autouse=True)  # So it outlives `iris`, which ends its agents through it.
def server(scratch):
    """An sshd that says all that before the login."""
    folder = scratch / "sshd"
    folder.mkdir()
    (folder / "banner").write_text(WORDS)
    one = daemons.Sshd(folder, f"Banner {folder / 'banner'}")
    yield one
    one.stop()


@pytest.fixture
def user(remote_user):
    """An account whose startup file says all that, in lines as a program's and as ssh's own."""
    lines = remote_user.home / "words"
    lines.write_bytes(WORDS.encode() + WORDS.replace("\n", "\r\n").encode())
    remote_user.write(".bashrc", f"cat {lines} >&2\n")
    return remote_user


def cut(server, link):
    server.stop()
    server.start_again()


@pytest.mark.parametrize("mode", ["forward", "stdio"])
def test_whatever_ends_a_link_the_tell_stays_open_and_is_answered(iris, server, user, mode):
    iris.write_config({"teams": {"gpu": server.team(user, remoteOptions={"linkMode": mode})}})
    held = user.home / "held"
    held.touch()
    tell = iris.start_tell("gpu", f'BLOCKS 1\nTOOL Bash {{"command":"while test -e {held}; do sleep 0.1; done; echo freed"}}')
    link = only_link(iris.wait_for_status(lambda s: any(x.get("answerBytes") for x in s.get("sessions", [])), 120))
    kill = {name: lambda server, link, name=name: os.kill(link["sshPid"], name)
            for name in (signal.SIGKILL, signal.SIGTERM)}
    for losses, end in enumerate([*kill.values(), cut], start=1):
        end(server, link)
        before = link["sshPid"]
        # Where it were blocked, nothing would bring it back.
        link = only_link(iris.wait_for_status(
            lambda s: only_link(s)["state"] == "up" and only_link(s)["sshPid"] != before, 120))
        assert link["losses"] == losses
        assert tell.poll() is None
    held.unlink()
    out, err = tell.communicate(timeout=180)
    assert tell.returncode == 0, err
    # All of it, once: what came before the link was lost, and what came after.
    assert out == "block 1\n\n\nUsing a tool.\n\nTOOL-DONE: freed\n"


def test_the_reason_of_a_loss_is_dropped_and_of_a_refused_login_auth(iris, server, user):
    iris.write_config({"teams": {"gpu": server.team(user)}})
    assert iris.answer("gpu", "hello") == "ECHO: hello"
    server.refuse_key()
    os.kill(iris.link()["sshPid"], signal.SIGKILL)
    iris.wait_for_status(lambda s: only_link(s).get("failure", {}).get("kind") == "dropped")
    refused = iris.tell("gpu", "hello", as_json=True)
    assert '"auth"' in refused.stdout + refused.stderr
    server.accept_key()
    assert iris.answer_soon("gpu", "hello") == "ECHO: hello"
