"""The Messages API on loopback: with it the real claude runs without an account and a network.

The last user message steers the answer, by the words of the stub (tests/programs/README.md): a word
at the beginning of a line counts. Known here: SLOW, WAIT, BLOCKS, THINK, BIG, BIGCJK, COUNT, ERR,
ERRONCE, and TOOL <name> <JSON input>, whose result is answered with TOOL-DONE. Else ECHO: <prompt>.
LIMIT <Unix seconds>: 429 once, as for a subscription whose five hours are used up until then.
"""

import contextlib
import http.server
import itertools
import json
import re
import threading
import time
from typing import NamedTuple

from programs import words

_ERRORS = {400: "invalid_request_error", 401: "authentication_error", 403: "permission_error",
           404: "not_found_error", 429: "rate_limit_error", 500: "api_error", 529: "overloaded_error"}
_INTERRUPTED = "[Request interrupted by user]"
_DELTA_BYTES = 1 << 16


class Block(NamedTuple):
    """A content block of the answer, streamed over `seconds`."""

    content: dict  # {"type": "text", "text": …}, or a thinking or tool_use block.
    seconds: float = 0


class Answer:
    """What the words of one prompt ask for."""

    def __init__(self):
        self.blocks = []
        self.wait = 0.0
        self.error = 0  # HTTP status.
        self.headers = {}  # Of the error.

    @property
    def stop_reason(self) -> str:
        return "tool_use" if any(b.content["type"] == "tool_use" for b in self.blocks) else "end_turn"

    def say(self, text: str, seconds: float = 0):
        self.blocks.append(Block({"type": "text", "text": text}, seconds))


class Prompt:
    """The last user message of a request, without what claude adds to it."""

    def __init__(self, body: dict):
        users = [m["content"] for m in body.get("messages", []) if m["role"] == "user"]
        self.text = _text_of(users[-1]) if users else ""
        self.count = sum(1 for content in users if _text_of(content))
        last = users[-1] if users and isinstance(users[-1], list) else []
        self.tool_results = [_result_of(block) for block in last if block["type"] == "tool_result"]


def _text_of(content) -> str:
    blocks = [{"type": "text", "text": content}] if isinstance(content, str) else content
    texts = [block["text"] for block in blocks if block["type"] == "text"]
    shown = [re.sub(r"<system-reminder>.*?</system-reminder>\s*", "", text, flags=re.S).strip() for text in texts]
    if _INTERRUPTED in shown:  # What was cut short before any answer stands in the same message.
        shown = shown[shown.index(_INTERRUPTED) + 1:]
    return "\n".join(text for text in shown if text)


def _result_of(block: dict) -> str:
    content = block.get("content") or ""
    if isinstance(content, str):
        return content
    return "".join(part.get("text", "") for part in content)


class MessagesApi:
    """Runs from construction until stop(). Thread-safe."""

    def __init__(self):
        self.requests = []  # The body of every request for a message.
        self._failed_once = set()
        self._numbers = itertools.count(1)
        api = self

        class Bound(_Handler):
            messages_api = api

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Bound)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def stop(self):
        self._server.shutdown()
        self._server.server_close()

    def claude_env(self) -> dict:
        """What brings a claude here, and keeps it from everywhere else."""
        return {"ANTHROPIC_BASE_URL": self.url, "ANTHROPIC_API_KEY": "sk-test",
                "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1", "DISABLE_TELEMETRY": "1",
                "DISABLE_AUTOUPDATER": "1", "DISABLE_ERROR_REPORTING": "1"}

    def new_id(self, prefix: str) -> str:
        return f"{prefix}_test{next(self._numbers):06}"

    def answer(self, body: dict) -> Answer:
        self.requests.append(body)
        prompt, answer = Prompt(body), Answer()
        for line in prompt.text.split("\n"):
            word, _, rest = line.partition(" ")
            self._obey(word, rest, prompt, answer)
        if prompt.tool_results and not answer.blocks:
            more = f" +USER: {prompt.text}" if prompt.text else ""
            answer.say(f"TOOL-DONE: {prompt.tool_results[0]}{more}")
        elif all(block.content["type"] == "thinking" for block in answer.blocks):
            answer.say(f"ECHO: {prompt.text}")
        return answer

    def _obey(self, word: str, rest: str, prompt: Prompt, answer: Answer):
        if word == "WAIT":
            answer.wait = float(rest)
        elif word == "SLOW":
            answer.say(words.SLOW_TEXT, float(rest))
        elif word == "BLOCKS":
            for number in range(1, int(rest) + 1):
                answer.say(f"block {number}\n")
        elif word == "THINK":
            answer.blocks.append(Block({"type": "thinking", "thinking": "pondering deeply", "signature": "c2ln"}))
        elif word == "BIG":
            answer.say(words.big(int(rest)))
        elif word == "BIGCJK":
            answer.say(words.big_cjk(int(rest)))
        elif word == "COUNT":
            answer.say(str(prompt.count))
        elif word == "ERR":
            answer.error = int(rest)
        elif word == "LIMIT" and rest not in self._failed_once:
            self._failed_once.add(rest)
            answer.error, answer.headers = 429, _limit_headers(int(rest))
        elif word == "ERRONCE" and prompt.text not in self._failed_once:
            self._failed_once.add(prompt.text)
            answer.error = int(rest)
        elif word == "TOOL":
            name, _, given = rest.partition(" ")
            answer.say("Using a tool.")
            answer.blocks.append(Block({"type": "tool_use", "id": self.new_id("toolu"), "name": name,
                                        "input": json.loads(given)}))


def _limit_headers(until: int) -> dict:
    prefix = "anthropic-ratelimit-unified-"
    return {prefix + name: str(value) for name, value in {
        "status": "rejected", "reset": until, "representative-claim": "five_hour", "5h-status": "rejected",
        "5h-reset": until, "5h-utilization": 1, "overage-status": "rejected"}.items()}


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    messages_api = None

    def log_message(self, *_):
        pass

    def do_HEAD(self):
        self.send_response(200)
        self.send_header("content-length", "0")
        self.end_headers()

    def do_GET(self):
        self._send_error(404)

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        if not self.path.startswith("/v1/messages"):
            return self._send_error(404)
        if "count_tokens" in self.path:
            return self._send_json(200, {"input_tokens": 10})
        answer = self.messages_api.answer(body)
        try:
            if answer.error:
                return self._send_error(answer.error, answer.headers)
            time.sleep(answer.wait)
            message = {"id": self.messages_api.new_id("msg"), "type": "message", "role": "assistant",
                       "model": body["model"], "content": [], "stop_reason": None, "stop_sequence": None,
                       "usage": {"input_tokens": 10, "output_tokens": 1}}
            if body.get("stream"):
                self._stream(message, answer)
            else:
                content = [block.content for block in answer.blocks]
                self._send_json(200, message | {"content": content, "stop_reason": answer.stop_reason})
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True  # The client hung up; that is its right.

    def _send_json(self, status: int, value: dict, headers=None):
        data = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(data)))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    def _send_error(self, status: int, headers=None):
        error = {"type": _ERRORS.get(status, "api_error"), "message": f"made up {status}"}
        self._send_json(status, {"type": "error", "error": error}, headers)

    # Server-sent events.

    def _event(self, type_: str, **fields):
        text = f"event: {type_}\ndata: {json.dumps({'type': type_, **fields})}\n\n".encode()
        self.wfile.write(b"%x\r\n%s\r\n" % (len(text), text))

    def _stream(self, message: dict, answer: Answer):
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        self._event("message_start", message=message)
        for index, block in enumerate(answer.blocks):
            empty, deltas = _deltas(block)
            self._event("content_block_start", index=index, content_block=empty)
            for delta in deltas:
                time.sleep(block.seconds / len(deltas))
                self._event("content_block_delta", index=index, delta=delta)
            self._event("content_block_stop", index=index)
        self._event("message_delta", delta={"stop_reason": answer.stop_reason, "stop_sequence": None},
                    usage={"output_tokens": 25})
        self._event("message_stop")
        self.wfile.write(b"0\r\n\r\n")


def _deltas(block: Block):
    """The block as it starts, and what it then grows by."""
    content = block.content
    if content["type"] == "thinking":
        return ({"type": "thinking", "thinking": "", "signature": ""},
                [{"type": "thinking_delta", "thinking": content["thinking"]},
                 {"type": "signature_delta", "signature": content["signature"]}])
    if content["type"] == "tool_use":
        return content | {"input": {}}, [{"type": "input_json_delta", "partial_json": json.dumps(content["input"])}]
    text = content["text"]
    step = max(1, len(text) // 20) if block.seconds else _DELTA_BYTES
    return ({"type": "text", "text": ""},
            [{"type": "text_delta", "text": text[at:at + step]} for at in range(0, len(text), step)])


@contextlib.contextmanager
def messages_api():
    api = MessagesApi()
    try:
        yield api
    finally:
        api.stop()
