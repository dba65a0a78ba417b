"""Runs a claude (the stub or the real one) and talks stream-json to it."""

import dataclasses
import json
import os
import pathlib
import select
import subprocess
import threading
import time
import uuid

STREAM_JSON = ["--print", "--verbose", "--input-format", "stream-json", "--output-format", "stream-json"]


@dataclasses.dataclass
class Program:
    """A claude to test, and the prompts that only it understands."""

    name: str
    path: pathlib.Path
    env: dict
    permit_prompt: str  # Asks for a permission.
    background_prompt: str = ""  # Starts what ends soon after the turn.
    logged_out: dict = dataclasses.field(default_factory=dict)  # Changes to `env`; None takes away.


class Claude:
    """One process. Every line of stdout is kept; `lines()` are those that are JSON objects."""

    def __init__(self, program, home, cwd, args=(), env=None, flags=STREAM_JSON):
        clean = {"PATH": "/usr/bin:/bin", "HOME": str(home)} | program.env | (env or {})
        clean = {name: value for name, value in clean.items() if value is not None}
        self.process = subprocess.Popen(
            [program.path, *flags, *args], cwd=cwd, env=clean,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.home = pathlib.Path(home)
        self.raw = []
        self._parsed = []
        self.stderr = b""
        self._news = threading.Condition()
        self._stop = os.pipe()
        self._readers = [threading.Thread(target=self._read_stdout, daemon=True),
                         threading.Thread(target=self._read_stderr, daemon=True)]
        for reader in self._readers:
            reader.start()

    def _read_stdout(self):
        stdout, stop = self.process.stdout.fileno(), self._stop[0]
        rest = bytearray()  # Of the line that has no newline yet.
        while stop not in select.select([stdout, stop], [], [])[0]:
            data = os.read(stdout, 1 << 16)
            if not data:
                break
            rest += data
            if b"\n" in data:
                *whole, last = rest.split(b"\n")
                self._keep([bytes(line) + b"\n" for line in whole])
                rest = bytearray(last)
        self._keep([bytes(rest)] if rest else [])
        self.process.stdout.close()

    def _keep(self, lines):
        parsed = []
        for line in lines:
            try:
                parsed.append(json.loads(line))
            except ValueError:
                pass
        with self._news:
            self.raw += lines
            self._parsed += [line for line in parsed if isinstance(line, dict)]
            self._news.notify_all()

    def stop_reading(self):
        """Closes our end of the process's stdout."""
        os.write(self._stop[1], b"s")
        self._readers[0].join(60)
        assert self.process.stdout.closed

    def _read_stderr(self):
        self.stderr = self.process.stderr.read()

    # What goes in.

    def write(self, data: bytes):
        self.process.stdin.write(data)
        self.process.stdin.flush()

    def send(self, message: dict):
        self.write(json.dumps(message).encode() + b"\n")

    def say(self, text, **fields) -> str:
        """Sends a user message and returns its uuid."""
        fields.setdefault("uuid", str(uuid.uuid4()))
        self.send({"type": "user", "message": {"role": "user", "content": text}, **fields})
        return fields["uuid"]

    def control(self, subtype: str, timeout=120, **fields) -> dict:
        """Sends a control request and returns the `response` that answers it."""
        request_id = str(uuid.uuid4())
        self.send({"type": "control_request", "request_id": request_id,
                   "request": {"subtype": subtype, **fields}})
        answers = lambda line: line.get("response", {}).get("request_id") == request_id
        return self.wait_for("control_response", where=answers, timeout=timeout)["response"]

    # What comes out.

    def lines(self, type_=None, where=lambda line: True) -> list:
        with self._news:
            parsed = list(self._parsed)
        return [line for line in parsed if type_ in (None, line.get("type")) and where(line)]

    def wait_for(self, type_, count=1, where=lambda line: True, timeout=120) -> dict:
        """The `count`th such line."""
        deadline = time.monotonic() + timeout
        with self._news:
            while len(found := self.lines(type_, where)) < count:
                left = deadline - time.monotonic()
                assert left > 0, f"no {type_} no. {count} in {timeout} s; got {self.summary()}"
                self._news.wait(min(left, 0.2))
        return found[count - 1]

    def ask(self, text, timeout=120, **fields) -> dict:
        """Says `text` and returns the result line of its turn."""
        own = self.say(text, **fields)
        mine = lambda line: own in line.get("user_message_uuids", [])
        return self.wait_for("result", where=mine, timeout=timeout)

    def answer(self, text, timeout=120) -> str:
        """Says `text` and returns all text blocks of the turn."""
        result = self.ask(text, timeout=timeout)
        return self.text_of(result)

    def text_of(self, result: dict) -> str:
        """All text blocks between the previous result and this one."""
        texts = []
        for line in self.lines():
            if line["type"] == "result":
                if line["uuid"] == result["uuid"]:
                    break
                texts = []
            elif line["type"] == "assistant":
                texts += [b["text"] for b in line["message"]["content"] if b["type"] == "text"]
        return "".join(texts)

    def lifecycle(self, of: str) -> list:
        return [l["state"] for l in self.lines("command_lifecycle") if l["command_uuid"] == of]

    def summary(self) -> list:
        return [(l["type"], l.get("subtype")) for l in self.lines()]

    # The end.

    def close_stdin(self):
        try:
            self.process.stdin.close()
        except BrokenPipeError:
            pass

    def wait(self, timeout=120) -> int:
        code = self.process.wait(timeout)
        for reader in self._readers:
            reader.join(60)
        return code

    def end(self, timeout=120) -> int:
        """Closes stdin and returns the exit code."""
        self.close_stdin()
        return self.wait(timeout)

    def signal(self, number: int, timeout=120) -> int:
        os.kill(self.process.pid, number)
        return self.wait(timeout)

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(60)
        self.stop_reading()
        self.close_stdin()
        for end in self._stop:
            os.close(end)


def transcript(home, session_id: str) -> list:
    """The user and assistant lines of a session's transcript, whichever project holds it."""
    found = list(pathlib.Path(home).glob(f".claude/projects/*/{session_id}.jsonl"))
    assert len(found) <= 1, found
    # The last piece is empty, or a line that is just being written.
    lines = [json.loads(text) for path in found for text in path.read_bytes().split(b"\n")[:-1]]
    return [line for line in lines if line["type"] in ("user", "assistant")]
