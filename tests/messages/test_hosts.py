"""What `iris` says where something is wrong with a host, with the way to it, or with claude there."""

import pathlib
import re
import socket
import subprocess

import pytest

from messages.golden import Golden, plain, shown
from testbed import sshd as daemons


@pytest.fixture(scope="module")
def golden():
    return Golden(pathlib.Path(__file__).with_name("hosts.txt"))


@pytest.fixture(autouse=True)  # So it outlives `iris`, which ends its agents through it.
def server(own_sshd):
    return own_sshd


@pytest.fixture
def closed_port():
    """A port of this machine where nothing listens, and nothing will."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield bound.getsockname()[1]


@pytest.fixture
def says(iris, golden, server, closed_port):
    """says(name, user, entry) asks the team `gpu`, whose configuration is `entry`, and holds what is printed to the
    golden entry `name`. `places`: also where claude was looked for."""
    def ask(name, user, entry, text="hello", team="gpu", places=False):
        names = {str(user.home): "HOME", user.name: "USER", str(server.folder): "SSHD", str(iris.folder): "DIR",
                 f"{server.port}": "PORT", f"{closed_port}": "CLOSED-PORT", socket.gethostname(): "THIS-HOST",
                 # Without any DNS server.
                 "Temporary failure in name resolution": "Name or service not known"}
        iris.write_config({"teams": {team: entry}})
        iris.run("stop")  # Else a login that was refused is not tried again at once.
        done = iris.tell(team, text)
        assert done.returncode == 1, done
        printed = plain(shown(["tell", team, text], done), names)
        golden.check(name, printed if places else re.sub(r"; looked in .*", "; looked in …", printed))
    return ask


def with_options(entry, *options, **remote_options) -> dict:
    """The team's entry with these words for ssh before its own, and these remoteOptions (None: without)."""
    merged = {key: value for key, value in (entry["remoteOptions"] | remote_options).items() if value is not None}
    return entry | {"remote": " ".join(["ssh", *map(str, options), entry["remote"].removeprefix("ssh ")]),
                    "remoteOptions": merged}


def with_port(entry, port) -> dict:
    return entry | {"remote": re.sub(r"-p \d+", f"-p {port}", entry["remote"])}


def new_key(path) -> pathlib.Path:
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", path], check=True)
    return path


def test_the_key(iris, says, server, remote_user):
    entry = server.team(remote_user)
    missing = iris.folder / "no_key"
    says("the key file of remoteOptions.identity is missing", remote_user, with_options(entry, identity=str(missing)))
    says("the key file of -i in `remote` is missing", remote_user, with_options(entry, "-i", missing, identity=None))
    config = iris.folder / "ssh_config"
    config.write_text(f"IdentityFile {missing}\nInclude {server.client_config}\n")
    named = entry | {"remote": entry["remote"].replace(str(server.client_config), str(config))}
    says("the key file of IdentityFile in ssh's configuration is missing", remote_user,
         with_options(named, identity=None))
    garbage = iris.folder / "garbage"
    garbage.write_text("no key\n")
    garbage.chmod(0o600)
    says("the key file holds no key", remote_user, with_options(entry, identity=str(garbage)))
    open_key = iris.folder / "open_key"  # Without a public key beside it, of which the host is asked first.
    open_key.write_bytes(pathlib.Path(server.identity).read_bytes())
    open_key.chmod(0o644)
    says("others can read the key file", remote_user, with_options(entry, identity=str(open_key)))
    folder = iris.folder / "key_folder"
    folder.mkdir()
    says("the key file is a directory", remote_user, with_options(entry, identity=str(folder)))
    other = new_key(iris.folder / "other_key")
    says("the host does not accept the key", remote_user, with_options(entry, identity=str(other)))


def through_jump(folder, server, user, **settings) -> dict:
    """The team's entry with `-J jump`. The jump host is the same server, but for these settings of ssh's."""
    settings = {"HostName": server.address, "Port": server.port, "User": user.name,
                "IdentityFile": server.identity} | settings
    config = folder / "ssh_config"
    config.write_text("Host jump\n" + "".join(f"  {keyword} {value}\n" for keyword, value in settings.items())
                      + f"Host *\nInclude {server.client_config}\n")
    entry = server.team(user)
    return with_options(entry | {"remote": entry["remote"].replace(str(server.client_config), str(config))},
                        "-J", "jump")


def test_the_jump_host(iris, says, server, remote_user, closed_port):
    def entry(**settings):
        return through_jump(iris.folder, server, remote_user, **settings)
    says("the jump host refuses the connection", remote_user, entry(Port=closed_port))
    says("the jump host's name is unknown", remote_user, entry(HostName="nope.invalid"))
    says("the jump host refuses the login", remote_user, entry(IdentityFile=new_key(iris.folder / "other_key")))
    says("the jump host's key is unknown", remote_user, entry(UserKnownHostsFile="/dev/null"))
    says("nothing listens on the host behind the jump host", remote_user, with_port(entry(), closed_port))


def test_a_jump_host_that_forwards_nothing(iris, says, server, scratch, remote_user):
    folder = scratch / "jump"
    folder.mkdir()
    jump = daemons.Sshd(folder, "AllowTcpForwarding no")
    known = scratch / "both_known"
    known.write_text((folder / "known_hosts").read_text() + (server.folder / "known_hosts").read_text())
    try:
        says("the jump host leads no further", remote_user,
             through_jump(scratch, server, remote_user, Port=jump.port, IdentityFile=jump.identity,
                          UserKnownHostsFile=known))
    finally:
        jump.stop()


def test_the_way_to_the_host(iris, says, server, remote_user, closed_port):
    entry = server.team(remote_user)
    says("nothing listens on the port", remote_user, with_port(entry, closed_port))
    says("the host's name is unknown", remote_user, entry | {"remote": f"ssh -F {server.client_config} gpu.invalid"})
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        says("the host accepts the connection and says nothing", remote_user,
             with_options(with_port(entry, silent.getsockname()[1]), connectTimeout=1500))
    says("a ProxyCommand that is missing", remote_user, with_options(entry, "-o", "ProxyCommand=/nonexistent/proxy"))
    says("the host's key is unknown", remote_user, with_options(entry, "-o", "UserKnownHostsFile=/dev/null"))
    changed = iris.folder / "changed_hosts"
    kind, key, _ = new_key(iris.folder / "changed").with_suffix(".pub").read_text().split()
    changed.write_text(f"[{server.address}]:{server.port} {kind} {key}\n")
    says("the host's key has changed", remote_user, with_options(entry, "-o", f"UserKnownHostsFile={changed}"))


def test_the_configuration_of_ssh(iris, says, server, remote_user):
    entry = server.team(remote_user)

    def of_file(path):
        return entry | {"remote": entry["remote"].replace(str(server.client_config), str(path))}
    says("the file of -F is missing", remote_user, of_file(iris.folder / "no_config"))
    for number, (name, line) in enumerate([("an option that ssh does not know", "Nonsense yes"),
                                           ("a port that is no number", "Port abc"),
                                           ("an option without its value", "User"),
                                           ("a variable that is not set", "UserKnownHostsFile ${IRIS_T_STATE}/known_hosts")]):
        config = iris.folder / f"config{number}"
        config.write_text(f"{line}\nInclude {server.client_config}\n")
        says(f"{name}, in the file of -F", remote_user, of_file(config))
    says("an option that ssh does not know, in `remote`", remote_user, with_options(entry, "-o", "Nonsense=yes"))


def test_the_account(says, server, remote_users):
    nobody = remote_users(shell="/usr/sbin/nologin", claude=False)
    says("the account has no shell", nobody, server.team(nobody))
    user = remote_users()
    user.write(".bashrc", "echo 'go away' >&2\nexit 4\n")
    says("a startup file ends the shell", user, server.team(user))
    user.write(".bashrc", "kill -9 $$\n")
    says("the account's shell is killed", user, with_options(server.team(user), "-o", "ConnectionAttempts=2"))


def test_the_agents_directory(iris, says, server, remote_user):
    locked = iris.folder / "locked"
    locked.mkdir()
    entry = server.team(remote_user)
    says("agentDir is where the account may not write", remote_user,
         with_options(entry, agentDir=str(locked / "iris")))
    says("agentDir is another account's", remote_user, with_options(entry, agentDir=str(locked)))


@pytest.fixture
def shut(iris):
    """A folder that no account of a test may enter."""
    folder = iris.folder / "shut"
    (folder / "project").mkdir(parents=True)
    folder.chmod(0o700)
    return folder


def test_the_teams_directory(says, server, remote_user, shut):
    home = remote_user.home
    remote_user.write("notes.txt", "x")
    (home / "link").symlink_to("nowhere")
    for name, path in (("missing", home / "nowhere"), ("a link that leads nowhere", home / "link"),
                       ("a file", home / "notes.txt"), ("below a file", home / "notes.txt/project"),
                       ("a folder that the account may not enter", shut),
                       ("behind a folder that the account may not enter", shut / "project")):
        says(f"the team's directory is {name}", remote_user, server.team(remote_user, path=path))


def test_where_claude_is(says, server, remote_users, shut):
    user = remote_users(claude=False)
    says("there is no claude", user, server.team(user), places=True)
    claude = user.make_folder(".local/bin") / "claude"
    claude.write_text("#!/bin/sh\n")
    claude.chmod(0o644)
    says("claude is not executable", user, server.team(user))
    claude.unlink()
    claude.symlink_to(shut / "claude")
    says("claude is a link into a folder that the account may not enter", user, server.team(user))
    claude.unlink()
    claude.symlink_to("versions/2.1.332")
    says("claude is a link that leads nowhere", user, server.team(user))
    claude.unlink()
    claude.write_bytes(b"")
    claude.chmod(0o755)
    says("claude is empty", user, server.team(user))
    claude.write_text("#!/nonexistent/bin/node\n")
    says("claude needs a program that is missing", user, server.team(user))
    says("claudePath is missing", user, server.team(user, claudePath="/opt/claude/bin/claude"))
    says("claudePath is behind a folder that the account may not enter", user,
         server.team(user, claudePath=str(shut / "claude")))


def test_what_claude_is(says, server, remote_users):
    user = remote_users()
    for team in ("true", "cat"):
        says(f"claudePath is /bin/{team}", user, server.team(user, claudePath=f"/bin/{team}"), team=team)
    echo = user.write("echo", "#!/bin/sh\nexec cat\n", mode=0o755)
    says("claudePath is a program that repeats its input", user, server.team(user, claudePath=str(echo)), team="echo")
    user.write(".stub-crash-at-start", "")
    says("claude crashes when it starts", user, server.team(user), team="crash")
    (user.home / ".stub-crash-at-start").unlink()
    user.write(".stub-hang-at-start", "")
    says("claude does not answer when it starts", user, server.team(user, sessionInitTimeout=1500), team="hang")
    (user.home / ".stub-hang-at-start").unlink()


def test_claude_ends_right_after_each_start(iris, says, server, remote_user):
    iris.write_config({"teams": {"gpu": server.team(remote_user)}})
    assert iris.tell("gpu", "CRASH 3").returncode == 1
    says("claude ends right after each start", remote_user, server.team(remote_user), text="CRASH 3")


def test_nothing_in_the_file_is_left_over(golden):
    golden.finish()
