"""A throwaway sshd with keys of its own, on loopback or elsewhere, that lets in only the test's accounts."""

import os
import pathlib
import re
import shlex
import signal
import socket
import subprocess
import time

from testbed import processes

# The first value of a keyword counts, so what a test adds goes first.
_CONFIG = """\
{lines}
ListenAddress {address}
Port {port}
HostKey {folder}/host_key
PidFile {folder}/sshd.pid
AuthorizedKeysFile {folder}/user_key.pub
AllowUsers iris-t-*
StrictModes no
UsePAM no
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin no
MaxSessions 100
MaxStartups 500
Subsystem sftp internal-sftp
LogLevel VERBOSE
"""

# For `ssh -F`: ssh looks up the account's home, not $HOME, so nothing may come from there.
_CLIENT_CONFIG = """\
UserKnownHostsFile {folder}/known_hosts
GlobalKnownHostsFile /dev/null
StrictHostKeyChecking yes
IdentitiesOnly yes
IdentityAgent none
"""


def named(name: str) -> list:
    """`inside` for a host with a name of its own."""
    return ["unshare", "--uts", "sh", "-euc", 'hostname "$1"; shift; exec "$@"', "sh", name]


class Sshd:
    """Runs from construction until stop(). `lines` are sshd_config lines that go first; `inside` is what
    goes before the command where it runs in a namespace."""

    def __init__(self, folder: pathlib.Path, *lines: str, address="127.0.0.1", inside=()):
        self.folder = folder
        self.address = address
        self._inside = inside
        self.identity = folder / "user_key"
        self.client_config = folder / "ssh_config"
        self._log = folder / "sshd.log"
        os.makedirs("/run/sshd", mode=0o755, exist_ok=True)
        for key in ("host_key", "user_key"):
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "iris-test",
                            "-f", folder / key], check=True)
        self._start(lines)
        kind, key, _ = (folder / "host_key.pub").read_text().split()
        (folder / "known_hosts").write_text(f"[{address}]:{self.port} {kind} {key}\n")
        self.client_config.write_text(_CLIENT_CONFIG.format(folder=folder))

    def _start(self, lines):
        # Somebody may take the port between the look and the start: then sshd ends, and we go on. (In a
        # namespace every port is free.)
        for _ in range(5):
            with socket.socket() as probe:
                probe.bind(("127.0.0.1", 0))
                self.port = probe.getsockname()[1]
            config = self.folder / "sshd_config"
            config.write_text(_CONFIG.format(lines="\n".join(lines), address=self.address, port=self.port,
                                             folder=self.folder))
            subprocess.run(["/usr/sbin/sshd", "-t", "-f", config], check=True)
            if self._run():
                return
        raise AssertionError(f"sshd does not start: {self.log()}")

    def _run(self) -> bool:
        since = self.position() if self._log.exists() else 0
        self._daemon = subprocess.Popen(
            [*self._inside, "/usr/sbin/sshd", "-D", "-f", self.folder / "sshd_config", "-E", self._log],
            stdin=subprocess.DEVNULL)
        deadline = time.monotonic() + 60
        while self._daemon.poll() is None and time.monotonic() < deadline:
            if f"Server listening on {self.address}" in self.log(since):
                return True
            time.sleep(0.02)
        return False

    def start_again(self):
        """After stop(): the same host, keys and port."""
        assert self._run(), f"sshd does not start again: {self.log()}"

    def rename_host(self, name: str):
        """Gives the host another name while it runs. Only `inside` a namespace of names (named())."""
        subprocess.run(["nsenter", f"--uts=/proc/{self._daemon.pid}/ns/uts", "--", "hostname", name], check=True)

    def refuse_key(self):
        """No login succeeds until accept_key()."""
        (self.folder / "user_key.pub").rename(self.folder / "user_key.away")

    def accept_key(self):
        (self.folder / "user_key.away").rename(self.folder / "user_key.pub")

    def stop(self):
        """Ends the daemon and every connection. Does nothing where it is stopped."""
        if self._daemon.poll() is not None:
            return
        sessions = processes.descendants(self._daemon.pid)
        self._daemon.send_signal(signal.SIGTERM)
        self._daemon.wait(60)
        for session in sessions:
            processes.end(session)

    # How to get in.

    def command(self, user, *options: str) -> list:
        """The start of an ssh command line; the remote command follows."""
        return ["ssh", "-F", str(self.client_config), "-i", str(self.identity), "-p", str(self.port),
                *options, f"{user.name}@{self.address}"]

    def run(self, user, command: str, timeout=60, **options) -> subprocess.CompletedProcess:
        options.setdefault("stdin", subprocess.DEVNULL)
        if "input" in options:
            del options["stdin"]
        return subprocess.run(self.command(user) + [command], timeout=timeout, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, **options)

    def team(self, user, path=None, **fields) -> dict:
        """The team's entry in a configuration."""
        destination = shlex.quote(f"{user.name}@{self.address}")
        remote = f"ssh -F {shlex.quote(str(self.client_config))} -p {self.port} {destination}"
        options = {"identity": str(self.identity)} | fields.pop("remoteOptions", {})
        return {"remote": remote, "path": str(path or user.home), "remoteOptions": options} | fields

    # What happened. `since` is an earlier position().

    def log(self, since=0) -> str:
        if not self._log.exists():
            return ""
        return self._log.read_bytes()[since:].decode(errors="replace")

    def position(self) -> int:
        return self._log.stat().st_size

    def connections(self, user, since=0) -> int:
        """How often the user logged in."""
        return len(re.findall(rf"Accepted publickey for {user.name} ", self.log(since)))

    def commands(self, user, since=0) -> int:
        """How many remote commands were started, on whatever connection."""
        return len(re.findall(rf"Starting session: command .*for {user.name} ", self.log(since)))
