"""`Iris`: the programs under test in an environment of their own."""

import contextlib
import json
import os
import pathlib
import socket
import subprocess
import time

from testbed import binaries, json_schema, processes
from testbed.waiting import wait_until


def only_link(status: dict) -> dict:
    [link] = status["links"]
    return link


@contextlib.contextmanager
def ended_cleanly(one, who="iris"):
    """`one`, an Iris or what is stopped like it, is stopped in the end. Fails if it leaves anything behind."""
    try:
        yield one
    finally:
        leftovers = one.stop()
    assert not leftovers, f"left behind by {who}: {list(map(str, leftovers))}"


class Iris:
    """One user's Iris: a home, an IRIS_HOME, a configuration, and the stub as `claude` on PATH.

    Nothing of the environment that the tests run in is passed on.
    """

    def __init__(self, folder: pathlib.Path, inside=()):
        """`inside` goes before every command where it is to run in a namespace."""
        self.folder = folder
        self._inside = inside
        self.home = self._make("h")
        self.iris_home = self._make("i")
        self.project = self._make("h/project")
        self.config = folder / "config.json"
        runtime = self._make("r")
        programs = self._make("bin")
        (programs / "claude").symlink_to(binaries.claude_stub())
        self.env = {"PATH": f"{programs}:/usr/bin:/bin", "HOME": str(self.home),
                    "IRIS_HOME": str(self.iris_home), "IRIS_CONFIG": str(self.config),
                    "XDG_RUNTIME_DIR": str(runtime), "LANG": "C.UTF-8"}
        self.says_from = None  # What tells that say nothing of it have as `from_`.
        self._background = []

    def _make(self, name: str) -> pathlib.Path:
        path = self.folder / name
        path.mkdir()
        path.chmod(0o700)
        return path

    @property
    def program(self) -> pathlib.Path:
        """$IRIS_BIN, else the built one."""
        given = os.environ.get("IRIS_BIN")
        return pathlib.Path(given) if given else binaries.program("coordinator/iris")

    @property
    def command(self) -> list:
        """The start of a command line; the verb follows."""
        return [*self._inside, self.program]

    def write_config(self, config: dict):
        """At once: a coordinator that reads it meanwhile sees the old one or the new one."""
        new = self.config.with_suffix(".new")
        new.write_text(json.dumps(config, indent=1))
        new.chmod(0o600)
        new.rename(self.config)

    def local_team(self, **fields) -> dict:
        """The entry of a team on this machine."""
        return {"path": str(self.project)} | fields

    # Running it.

    def run(self, *args, timeout=180, **options) -> subprocess.CompletedProcess:
        """`iris ARGS…`, to its end; stdout and stderr as text. Fails after `timeout` seconds."""
        env = self.env | options.pop("env", {})
        return subprocess.run([*self.command, *map(str, args)], env=env, cwd=self.home, timeout=timeout,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              text=True, **options)

    def start(self, *args, env=None) -> subprocess.Popen:
        """`iris ARGS…` in the background; ended with the test."""
        process = subprocess.Popen([*self.command, *map(str, args)], env=self.env | (env or {}), cwd=self.home,
                                   stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, text=True)
        self._background.append(process)
        return process

    def _tell_args(self, team, text, from_=None, timeout_ms=None, as_json=False) -> list:
        args = ["tell", team, text]
        from_ = from_ or self.says_from
        if from_ is not None:
            args += ["--from", from_]
        if timeout_ms is not None:
            args += ["--timeout", timeout_ms]
        return args + (["--json"] if as_json else [])

    def tell(self, team, text, timeout=180, **options) -> subprocess.CompletedProcess:
        """`iris tell`. Options: from_ (cli, or a team of this machine), timeout_ms, as_json."""
        env = self.works_for(options.get("from_"))
        return self.run(*self._tell_args(team, text, **options), timeout=timeout, env=env)

    def start_tell(self, team, text, **options) -> subprocess.Popen:
        return self.start(*self._tell_args(team, text, **options), env=self.works_for(options.get("from_")))

    @property
    def caller(self) -> str:
        """Who a front end is that nobody tells where it works."""
        return f"{self.home.name}@{socket.gethostname()}"

    def works_for(self, caller) -> dict:
        """The environment of a front end that works in the folder of this team of this machine."""
        if caller in (None, "cli") or not self.config.exists():
            return {}
        team = json.loads(self.config.read_text())["teams"].get(caller, {})
        return {"CLAUDE_PROJECT_DIR": team["path"]} if "path" in team and "remote" not in team else {}

    def answer(self, team, text, **options) -> str:
        """What `team` answers; the tell must succeed."""
        done = self.tell(team, text, **options)
        assert done.returncode == 0, f"tell failed ({done.returncode}): {done.stdout}{done.stderr}"
        return done.stdout.removesuffix("\n")

    def answer_soon(self, team, text, timeout=60) -> str:
        """What `team` answers once a login is tried again: after a refused one that is not at once."""
        def answered():
            done = self.tell(team, text)
            said = done.stdout + done.stderr
            assert done.returncode == 0 or "at the earliest" in said, said
            return done.returncode == 0 and done.stdout.removesuffix("\n")
        return wait_until(answered, timeout)

    def status(self) -> dict:
        done = self.run("status", "--json")
        assert done.returncode == 0, f"status failed ({done.returncode}): {done.stderr}"
        return json_schema.check_reply("status", done.stdout)

    def wait_for_status(self, condition, timeout=60) -> dict:
        """The first status for which `condition` holds."""
        deadline = time.monotonic() + timeout
        while not condition(status := self.status()):
            assert time.monotonic() < deadline, f"not in {timeout} s: {json.dumps(status, indent=1)}"
            time.sleep(0.1)
        return status

    def link(self) -> dict:
        """The only link of its status."""
        return only_link(self.status())

    def failure(self, team, text="hello", code=1, **options) -> dict:
        """As what a tell fails, with cause and fix; `code` 2: it is refused."""
        done = self.tell(team, text, as_json=True, **options)
        assert done.returncode == code, done.stdout + done.stderr
        failure = json_schema.check_reply("tell", done.stdout)["failure"]
        assert failure["detail"] and failure["fix"]
        return failure

    # The end.

    def processes(self) -> list:
        """Everything that belongs to this Iris, also what no longer has a parent of ours."""
        return processes.of_folder(self.folder)

    def stop(self, patience: float = 20) -> list:
        """`iris stop --agents`; returns what still runs `patience` seconds later, killed by now."""
        if self.config.exists() or self._background:
            try:
                self.run("stop", "--agents", "--force")
            except subprocess.TimeoutExpired:
                pass  # What it left says enough.
        for process in self._background:
            if process.poll() is None:
                process.kill()
            process.communicate()
        return processes.end_leftovers(self.processes, patience)
