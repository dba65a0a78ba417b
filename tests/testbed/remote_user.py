"""Throwaway accounts on this machine, to be reached through ssh."""

import contextlib
import fcntl
import glob
import itertools
import os
import pathlib
import pwd
import re
import shutil
import subprocess
import time

from testbed import binaries, disk, processes

_numbers = itertools.count(1)
_LOCK = "/run/iris-t-accounts.lock"

# What people have in their .bashrc; it runs for `ssh host command` too. The `read` has a limit,
# since nobody sends anything before the shell is through.
NOISE = {
    "prints": 'echo "Welcome to $HOSTNAME"\nprintf "\\033[1mnews\\033[0m \\377\\376\\n"\n'
              "head -c 20000 /dev/zero | tr '\\0' '#'\necho\n",
    "reads": "read -r -t 1 line\n",
    "sleeps": "sleep 1\n",
    "all": "",
}
NOISE["all"] = NOISE["prints"] + NOISE["reads"] + NOISE["sleeps"]


class RemoteUser:
    """An account with a home of its own and, if wanted, the stub as ~/.local/bin/claude. Its name ends with
    `suffix`, which may hold what only directories of companies have in names."""

    def __init__(self, folder: pathlib.Path, shell="/bin/bash", claude=True, suffix=""):
        plain = f"iris-t-{os.getpid()}-{next(_numbers)}"
        self.name = plain + suffix
        self.home = folder / plain
        with only_run_with_accounts():
            _account_tool(["useradd", "--badname", "--user-group", "--no-log-init", "--create-home", "--home-dir", self.home,
                           "--skel", "/dev/null", "--shell", shell, "--password", "*", self.name])
        self.uid = pwd.getpwnam(self.name).pw_uid
        self.home.chmod(0o755)
        if claude:
            self.put_claude()

    def put_claude(self, program=None):
        """A copy of `program` (None: the stub) as ~/.local/bin/claude."""
        target = self.make_folder(".local/bin") / "claude"
        shutil.copy(program or binaries.claude_stub(), target)
        target.chmod(0o755)

    def make_folder(self, relative: str) -> pathlib.Path:
        """A folder below the home, owned by the user, with its parents."""
        path = self.home
        for part in pathlib.PurePath(relative).parts:
            path /= part
            path.mkdir(exist_ok=True)
            os.chown(path, self.uid, self.uid)
        return path

    def write(self, relative: str, text: str, mode=0o644) -> pathlib.Path:
        path = self.home / relative
        path.write_text(text)
        path.chmod(mode)
        os.chown(path, self.uid, self.uid)
        return path

    def make_noise(self, kind: str):
        """One of NOISE, in .bashrc."""
        self.write(".bashrc", NOISE[kind])

    def processes(self) -> list:
        return processes.of_user(self.uid)

    def remove(self, patience: float = 20) -> list:
        """Removes the account and all that it left. Returns the processes that had to be killed."""
        leftovers = processes.end_leftovers(self.processes, patience)
        with only_run_with_accounts():
            self._delete()
        return leftovers

    def _delete(self):
        """With all that it has: its number is the next account's as soon as one can be made."""
        _account_tool(["userdel", "--force", self.name])
        for place in ("/tmp", "/var/tmp", "/dev/shm", "/run/user"):
            for path in (f"{place}/{self.uid}", *glob.glob(f"{place}/iris-{self.uid}"),
                         *glob.glob(f"{place}/iris-{self.uid}-*")):
                if os.path.isdir(path) and os.stat(path).st_uid == self.uid:
                    shutil.rmtree(path, ignore_errors=True)
        disk.unmount_below(self.home)
        shutil.rmtree(self.home, ignore_errors=True)


@contextlib.contextmanager
def only_run_with_accounts():
    """While one test run makes or removes an account no other one does: numbers come again."""
    with open(_LOCK, "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _account_tool(command):
    """useradd and userdel fail while another one holds the lock on /etc/passwd."""
    deadline = time.monotonic() + 60
    while True:
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode == 0 or "does not exist" in done.stderr:  # Another run removed the same stray.
            return
        assert "cannot lock" in done.stderr and time.monotonic() < deadline, done.stderr
        time.sleep(0.2)


def remove_strays():
    """Accounts of test runs that were killed: those whose run, named by its pid, is gone."""
    with only_run_with_accounts():
        for account in pwd.getpwall():
            match = re.fullmatch(r"iris-t-(\d+)-\d+([^0-9].*)?", account.pw_name)
            if match and not os.path.exists(f"/proc/{match[1]}"):
                stray = RemoteUser.__new__(RemoteUser)
                stray.name, stray.uid = account.pw_name, account.pw_uid
                stray.home = pathlib.Path(account.pw_dir)
                processes.end_leftovers(stray.processes, patience=0)
                stray._delete()


@contextlib.contextmanager
def user(folder, patience=20, **options):
    """A RemoteUser that is gone afterwards. Fails if its processes outlive it by `patience` seconds."""
    account = RemoteUser(folder, **options)
    try:
        yield account
    finally:
        leftovers = account.remove(patience)
    assert not leftovers, f"left behind by {account.name}: {list(map(str, leftovers))}"
