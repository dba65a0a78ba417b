"""What `iris` says where something is wrong on this machine, in the configuration, or in the API's answer."""

import pathlib
import signal
import socket
import subprocess

import pytest

from messages.golden import Golden, plain, shown
from testbed import processes
from testbed.waiting import wait_until


@pytest.fixture(scope="module")
def golden():
    return Golden(pathlib.Path(__file__).with_name("here.txt"))


@pytest.fixture
def says(iris, golden):
    """says(name, *args) runs `iris ARGS…` and holds what it prints to the entry `name`."""
    names = {str(iris.folder): "DIR", iris.caller: "ME", socket.gethostname(): "THIS-HOST",
             str(iris.program): "IRIS", str(iris.program.resolve()): "IRIS"}

    def run(name, *args, **options):
        done = iris.run(*args, **options)
        golden.check(name, plain(shown(args, done), names))
        return done
    return run


def write(iris, text: str, suffix=".json"):
    """The configuration is `text`, as it stands."""
    iris.config = iris.folder / f"config{suffix}"
    iris.config.write_text(text)
    iris.config.chmod(0o600)
    iris.env["IRIS_CONFIG"] = str(iris.config)


# A configuration that is refused: what is wrong, the file's suffix, the file.
REFUSED = [
    ("a tab in YAML", ".yaml", "teams:\n\tapp:\n\t\tpath: /srv/app\n"),
    ("an empty file", ".yaml", "# teams:\n"),
    ("a comment in JSON", ".json", '{"teams": {} // none yet\n}\n'),
    ("a team without anything", ".yaml", "teams:\n  app:\n"),
    ("a bare ~ as a path", ".yaml", "teams:\n  app:\n    path: ~\n"),
    ("a shell's variable in a path", ".yaml", "teams:\n  app:\n    path: $HOME/app\n"),
    ("a relative path", ".yaml", "teams:\n  app:\n    path: ./app\n"),
    ("a variable that is not set", ".yaml", "teams:\n  app:\n    path: ${PROJECTS}/app\n"),
    ("a variable that holds no number", ".yaml", "settings:\n  maxProcesses: ${HOME}\n"),
    ("times that are no milliseconds", ".yaml",
     "settings:\n  idleTimeout: 30m\n  sessionInitTimeout: 60\nteams:\n  app:\n    path: /p\n    idleTimeout: '5000'\n"),
    ("mistyped and misplaced keys", ".yaml",
     "settings:\n  idleTimeOut: 5\nteams:\n  app:\n    path: /p\n    port: 22\n    colour: '#ff0000'\n"),
    ("a remote without ssh", ".yaml",
     "teams:\n  a:\n    path: /p\n    remote: ml@gpu1\n  b:\n    path: /p\n    remote: gpu1\n"
     "  c:\n    path: /p\n    remote: docker exec -i box\n"),
    ("iris-mcp's settings", ".yaml",
     "settings:\n  sessionInitTimeout: ${IRIS_SESSION_INIT_TIMEOUT:-30000}\n  spawnTimeout: 20000\n"
     "  responseTimeout: 120000\n  maxProcesses: ${IRIS_MAX_PROCESSES:-10}\n  healthCheckInterval: 30000\n"
     "  httpPort: 1615\n  defaultTransport: http\n  hotReloadConfig: true\n"
     "  wonderLoggerConfig: ./wonder-logger.yaml\n  sessionMcpEnabled: true\n  sessionMcpPath: .claude/iris/mcp\n"
     "dashboard:\n  enabled: true\ndatabase:\n  path: data/team-sessions.db\nteams:\n"),
    ("iris-mcp's keys of a team", ".yaml",
     "teams:\n  gpu:\n    path: /mnt/ml\n    remote: ssh ml@gpu1\n    ssh2: true\n    grantPermission: forward\n"
     "    enableReverseMcp: true\n    reverseMcpPort: 1615\n    allowHttp: false\n    allowedTools: Bash\n"
     "    appendSystemPrompt: be kind\n    remoteOptions:\n      passphrase: x\n      serverAliveInterval: 30\n"
     "      compression: true\n      extraSshArgs: [-v]\n"),
]


@pytest.mark.parametrize("name, suffix, text", REFUSED, ids=[name for name, *_ in REFUSED])
def test_a_configuration_is_refused(iris, says, name, suffix, text):
    write(iris, text, suffix)
    assert says(name, "teams").returncode == 3


def test_there_is_no_configuration(iris, says):
    says("no configuration", "teams")
    folder = iris.home / ".iris"
    folder.mkdir()
    (folder / "config.yaml").write_text("settings:\n")
    says("no configuration, and iris-mcp's is there", "teams")


def test_there_are_no_teams(iris, says):
    write(iris, "settings:\nteams:\n", ".yaml")
    assert says("no teams", "teams").returncode == 0


def test_iris_home_is_no_directory(iris, says):
    write(iris, '{"teams": {}}')
    (iris.folder / "file").write_text("x")
    link = iris.folder / "link"
    link.symlink_to(iris.iris_home)
    for name, home in (("a file", iris.folder / "file"), ("below a file", iris.folder / "file/below"),
                       ("a symbolic link", link), ("relative", "iris")):
        assert says(f"IRIS_HOME is {name}", "status", env={"IRIS_HOME": str(home)}).returncode == 3


@pytest.fixture
def teams(iris):
    iris.write_config({"teams": {name: iris.local_team() for name in ["app", "web", *(f"team{i:02}" for i in range(12))]}})


def test_what_is_typed_means_nothing(says, teams):
    for name, *args in (("a mistyped command", "stauts"), ("a mistyped option", "tell", "app", "hello", "--tiemout", "5m"),
                        ("an id of one's own that is none", "tell", "app", "hello", "--id", "xyz"),
                        ("a mistyped team", "tell", "ap", "hello"), ("a team that there is not", "tell", "database", "hello"),
                        ("an empty message", "tell", "app", "-"), ("another caller", "tell", "app", "hello", "--from", "web"),
                        ("an id that no message has", "cancel", "1234"), ("no message to speak of", "tells", "--last")):
        assert says(name, *args).returncode == 2
    says("a team that there is not, to be woken", "wake", "wep")


@pytest.fixture
def team(iris):
    iris.write_config({"teams": {"app": iris.local_team()}})


def test_the_api_refuses(says, team):
    for status in (400, 401, 403, 404, 413, 429, 500, 529):
        assert says(f"the API's status is {status}", "tell", "app", f"ERR {status}").returncode == 1
    says("the API is not reached", "tell", "app", "ERR")
    says("the account's limit is reached", "tell", "app", "LIMIT")


def test_claude_is_not_logged_in(says, team):
    says("claude is not logged in", "tell", "app", "hello", env={"STUB_NOT_LOGGED_IN": "1"})


def test_a_turn_breaks_off(says, team):
    says("the turn ends with an error behind a part of the answer", "tell", "app", "ERRTURN")
    says("claude dies behind a part of the answer", "tell", "app", "CRASH 7")
    says("a tool is not permitted", "tell", "app", "PERMIT")


def test_there_is_no_answer_yet(iris, says, team):
    iris.answer("app", "hello")
    says("the time is over", "tell", "app", "HANG", "--timeout", "2s")
    id = iris.status()["sessions"][0]["tellInFlight"]
    says("not answered yet", "tells", id)
    behind = iris.answer("app", "later", timeout_ms=-1)
    iris.run("cancel", behind)
    says("cancelled in the queue", "tells", behind)
    iris.run("cancel", id)
    says("cancelled", "tells", id)


def test_a_person_interrupts(iris, golden, team):
    args = ["tell", "app", "HANG"]
    tell = iris.start(*args)
    wait_until(lambda: processes.catches_interrupts(tell.pid))
    tell.send_signal(signal.SIGINT)
    out, err = tell.communicate(timeout=60)
    done = subprocess.CompletedProcess(args, tell.returncode, out, err)
    golden.check("interrupted with ^C", plain(shown(args, done), {}))


def test_the_coordinator_cannot_be_started(iris, says, team):
    iris.iris_home.chmod(0o777)
    says("IRIS_HOME is open to others", "tell", "app", "hello")
    iris.iris_home.chmod(0o700)


def test_nothing_in_the_file_is_left_over(golden):
    golden.finish()
