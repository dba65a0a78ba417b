"""Hosts, accounts and startup files as people have them, behind a real sshd."""

import re
import shutil
import time

import pytest

from testbed import binaries
from testbed import sshd as daemons


def needs(program: str):
    return pytest.mark.skipif(shutil.which(program) is None, reason=f"there is no {program} here")


@pytest.mark.parametrize("suffix", ["\\jdoe", "@corp.example", "$"])
def test_an_account_whose_name_is_no_word_of_a_shell(iris, sshd, remote_users, suffix):
    user = remote_users(suffix=suffix)
    iris.write_config({"teams": {"gpu": sshd().team(user)}})
    assert iris.answer("gpu", "PWD") == str(user.home)


@pytest.mark.parametrize("line", [pytest.param("exec zsh -l", marks=needs("zsh")), "exec dash",
                                  pytest.param("exec tcsh", marks=needs("tcsh"))])
def test_a_bashrc_that_starts_another_shell(iris, sshd, remote_user, line):
    remote_user.write(".bashrc", f"{line}\n")
    iris.write_config({"teams": {"gpu": sshd().team(remote_user)}})
    assert iris.answer("gpu", "hello") == "ECHO: hello"  # The agent is put there through that shell.
    assert "start another shell" in iris.link()["remark"] and "without `exec`" in iris.link()["remark"]
    assert "start another shell" in iris.run("status").stdout
    assert iris.run("stop").returncode == 0
    assert iris.answer("gpu", "COUNT") == "2"  # And found through it.


@needs("fish")
def test_a_bashrc_that_starts_fish_is_named(iris, sshd, remote_user):
    remote_user.write(".bashrc", "exec fish\n")
    iris.write_config({"teams": {"gpu": sshd().team(remote_user)}})
    failure = iris.failure("gpu")
    assert failure["kind"] == "no_agent_possible"
    assert "start another shell" in failure["detail"] and "fish" in failure["detail"]
    assert "$- == *i*" in failure["fix"]


@pytest.mark.parametrize("line", ["sleep 8", "read -r a; read -r b; read -r c"])
def test_a_slow_bashrc_does_not_hear_of_what_was_for_another_shell(iris, sshd, remote_user, line):
    remote_user.write(".bashrc", f"{line}\n")
    iris.write_config({"teams": {"gpu": sshd().team(remote_user, remoteOptions={"connectTimeout": 30000})}})
    assert iris.answer("gpu", "hello") == "ECHO: hello"
    assert iris.link()["remark"] == ""
    assert iris.run("stop").returncode == 0
    assert iris.answer("gpu", "COUNT") == "2"


ASKS = "To authenticate, visit: https://login.example/a/1f2e"


@pytest.fixture
def asking(scratch):
    """asking(seconds) is an sshd that says where to log in, and is silent twice for so long before it lets in."""
    servers = []

    def start(seconds):
        folder = scratch / f"asking{seconds}"
        folder.mkdir()
        (folder / "banner").write_text(f"\n{ASKS}\n\n")
        servers.append(daemons.Sshd(folder, f"Banner {folder / 'banner'}", "AuthorizedKeysFile none",
                                    "AuthorizedKeysCommandUser root",
                                    f'AuthorizedKeysCommand /usr/bin/dash -c "sleep {seconds}; echo %t %k"'))
        return servers[-1]
    yield start
    for server in servers:
        server.stop()


def test_what_a_host_asks_before_the_login_is_heard_soon_and_waited_for(asking, iris, remote_user, tell_at_terminal):
    server = asking(4)
    iris.write_config({"teams": {"gpu": server.team(remote_user, remoteOptions={"connectTimeout": 3000})}})
    since = time.monotonic()
    terminal = tell_at_terminal("gpu", "hello")
    terminal.read_until(lambda seen: f"the host says: {ASKS}" in seen)
    assert time.monotonic() - since < 6, "the program's start counted"
    assert terminal.finish() == "ECHO: hello\n"
    assert len(re.findall("Connection from ", server.log())) == 1, "nobody tries again while a login goes on"


def test_hosts_that_come_at_once_are_connected_to_three_a_second(iris, sshd, remote_user):
    server = sshd()
    plain = server.team(remote_user)
    teams = {f"t{i}": plain | {"remote": plain["remote"].replace("ssh ", f"ssh -o ConnectionAttempts={i + 1} ", 1)}
             for i in range(7)}  # So each has a link of its own.
    iris.write_config({"teams": teams})
    since = time.monotonic()
    tells = [iris.start_tell(team, "hello") for team in teams]
    for tell in tells:
        assert tell.communicate(timeout=180)[0] == "ECHO: hello\n"
    assert server.connections(remote_user) >= 7
    assert time.monotonic() - since >= 2


# Where managers of versions put it; the last word is what the account has of it.
LAYOUTS = {
    "mise's shims": [".local/share/mise/shims/claude"],
    "mise": [".local/share/mise/installs/npm-anthropic-ai-claude-code/2.1.332/bin/claude"],
    "mise's node": [".local/share/mise/installs/node/22.20.0/bin/claude"],
    "asdf's shims": [".asdf/shims/claude", ".asdf/bin/asdf"],
    "asdf": [".asdf/installs/nodejs/22.20.0/bin/claude"],
    "fnm": [".local/share/fnm/node-versions/v22.20.0/installation/bin/claude"],
    "pnpm": [".local/share/pnpm/claude"],
    "linuxbrew": [".linuxbrew/bin/claude"],
    "nix": [".nix-profile/bin/claude"],
    "n": ["n/bin/claude"],
    "volta": [".volta/bin/claude"],
    "nvm": [".nvm/versions/node/v22.20.0/bin/claude"],
}


def put_program(user, path: str):
    """The stub, as a program of the account."""
    folder, _, name = path.rpartition("/")
    target = user.make_folder(folder) / name
    shutil.copy(binaries.claude_stub(), target)
    target.chmod(0o755)
    return target


@pytest.mark.parametrize("layout", LAYOUTS)
def test_claude_is_found_where_managers_of_versions_put_it(iris, sshd, remote_users, layout):
    user = remote_users(claude=False)
    for path in LAYOUTS[layout]:
        put_program(user, path)
    iris.write_config({"teams": {"gpu": sshd().team(user)}})
    assert iris.answer("gpu", "hello") == "ECHO: hello"


def test_node_is_on_the_path_of_claudes_hooks(iris, sshd, remote_user):
    node = put_program(remote_user, ".nvm/versions/node/v22.20.0/bin/node")
    iris.write_config({"teams": {"gpu": sshd().team(remote_user)}})
    answer = iris.answer("gpu", 'TOOL Bash {"command":"echo $PATH"}')
    assert str(node.parent) in answer or shutil.which("node", path="/usr/local/bin:/usr/bin:/bin")


def make_empty(claude):
    claude.write_bytes(b"")


def make_dangling(claude):
    claude.unlink()
    claude.symlink_to("/nonexistent/versions/2.1.332")


def make_plain(claude):
    claude.chmod(0o644)


def make_nodeless(claude):
    claude.write_text("#!/nonexistent/bin/node\n")


def make_broken(claude):
    claude.write_bytes(b"\x7fELF")


@pytest.mark.parametrize("spoil, why", [
    (make_empty, "is empty"), (make_dangling, "leads nowhere"), (make_plain, "is not executable"),
    (make_nodeless, "needs /nonexistent/bin/node"), (make_broken, "could not be started")])
def test_a_claude_that_cannot_run_is_not_a_reason_to_send_again(iris, sshd, remote_user, spoil, why):
    claude = remote_user.home / ".local/bin/claude"
    spoil(claude)
    iris.write_config({"teams": {"gpu": sshd().team(remote_user)}})
    failure = iris.failure("gpu")
    assert failure["kind"] == "not_executable"
    assert why in failure["detail"]
    assert "nstall Claude Code" in failure["fix"]
    claude.unlink()
    remote_user.put_claude()
    assert iris.answer("gpu", "hello") == "ECHO: hello"
