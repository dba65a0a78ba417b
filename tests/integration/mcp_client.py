"""A small MCP client: one `iris mcp`, JSON-RPC a line."""

import itertools
import json
import queue
import signal
import subprocess
import threading

VERSION = "2025-11-25"


class McpClient:
    """Every line of its stdout must be a JSON-RPC message, or `close()` fails."""

    def __init__(self, iris, team=None, **env):
        """It speaks for `team`, else for whoever works in the folder that `env` or `iris.home` says."""
        args = ["mcp"] if team is None else ["mcp", "--team", team]
        self.process = subprocess.Popen([*iris.command, *args], env=iris.env | env, cwd=iris.home,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE)
        self.notifications = []
        self.notes = []  # What results said beside their text.
        self.strange = []  # Lines that are no JSON-RPC, and answers that nobody waits for.
        self._answers = {}
        self._ids = itertools.count(1)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def _read(self):
        for line in self.process.stdout:
            try:
                message = json.loads(line)
                assert message["jsonrpc"] == "2.0"
            except (ValueError, AssertionError, KeyError, TypeError):
                # SIGKILL may cut a line; nothing else may.
                if line.endswith(b"\n") or self.process.wait() != -signal.SIGKILL:
                    self.strange.append(line)
                continue
            if "method" in message:
                self.notifications.append(message)
            elif message.get("id") in self._answers:
                self._answers[message["id"]].put(message)
            else:
                self.strange.append(line)
        for waiting in list(self._answers.values()):  # Another thread may be asking.
            waiting.put(None)

    # Saying something.

    def write(self, data: bytes):
        self.process.stdin.write(data)
        self.process.stdin.flush()

    def send(self, message: dict):
        self.write(json.dumps({"jsonrpc": "2.0"} | message, ensure_ascii=False).encode() + b"\n")

    def notify(self, method, **params):
        self.send({"method": method, "params": params})

    def expect(self, id):
        """What is written by hand is answered under `id`: for `answer`."""
        self._answers[id] = queue.Queue()

    def start(self, method, params=None, id=None):
        """Sends a request; returns its id, for `answer`."""
        id = next(self._ids) if id is None else id
        self.expect(id)
        self.send({"id": id, "method": method} | ({} if params is None else {"params": params}))
        return id

    def answer(self, id, within=180) -> dict:
        """The whole message. Fails if none comes."""
        message = self._answers[id].get(timeout=within)
        assert message is not None, f"iris mcp has ended ({self.process.poll()})"
        return message

    def answered(self, id) -> bool:
        return not self._answers[id].empty()

    def forget(self, id):
        """Of an answered request: another answer to it is strange. Also what was said beside it, which nobody reads."""
        del self._answers[id]
        self.notes.clear()
        self.notifications.clear()

    def start_bad(self, data: bytes) -> None:
        """What is no message: `answer(None)` is what it is answered."""
        self._answers.setdefault(None, queue.Queue())
        self.write(data)

    def request(self, method, params=None, id=None, within=180) -> dict:
        return self.answer(self.start(method, params, id), within)

    def initialize(self, version=VERSION) -> dict:
        result = self.request("initialize", {"protocolVersion": version, "capabilities": {},
                                             "clientInfo": {"name": "test", "version": "1"}})["result"]
        self.notify("notifications/initialized")
        return result

    # Tools.

    def start_call(self, tool, id=None, token=None, **arguments):
        params = {"name": tool, "arguments": arguments}
        if token is not None:
            params["_meta"] = {"progressToken": token}
        return self.start("tools/call", params, id)

    def result(self, id, within=180) -> tuple:
        """(text, whether it is an error) of a call that was started. What stands beside it is added to `notes`."""
        result = self.answer(id, within)["result"]
        content, *notes = result["content"]
        assert all(block["type"] == "text" for block in result["content"])
        self.notes += [note["text"] for note in notes]
        return content["text"], result.get("isError", False)

    def call(self, tool, within=180, **arguments) -> str:
        """The text of a call, which must succeed."""
        text, failed = self.result(self.start_call(tool, **arguments), within)
        assert not failed, text
        return text

    def failure(self, tool, within=180, **arguments) -> str:
        text, failed = self.result(self.start_call(tool, **arguments), within)
        assert failed, text
        assert "\nfix: " in text
        return text

    def progress(self, token) -> list:
        return [n["params"] for n in self.notifications
                if n["method"] == "notifications/progress" and n["params"]["progressToken"] == token]

    # The end.

    def close(self) -> str:
        """EOF, as a client says goodbye; returns stderr."""
        if self.process.stdin.closed is False:
            self.process.stdin.close()
        try:
            assert self.process.wait(60) == 0
        finally:
            if self.process.poll() is None:
                self.process.kill()
                self.process.wait()
            self._reader.join()
            stderr = self.process.stderr.read().decode()
            self.process.stdout.close()
            self.process.stderr.close()
        assert self.strange == [], self.strange
        return stderr
