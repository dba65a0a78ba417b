"""Those who send tells in a chaos run, and what they were answered."""

import json
import queue
import threading
import time
from typing import NamedTuple

from chaos.work import Pair, Tell, Work
from integration.mcp_client import McpClient


# After a failure a client does not try again at once: a full disk refuses hundreds a second, and then the store
# keeps no longer all that the run is to look at.
_REST_AFTER_FAILURE = 0.3


class Answer(NamedTuple):
    """What a client was told."""
    text: str  # Of a failure: whatever came with it.
    failure: str  # Its kind; "" for an answer.
    detail: str = ""


class Client(threading.Thread):
    """Sends until `enough` is set, waits for the answers, ends. What it does not know in the end is None."""

    def __init__(self, work: Work, enough: threading.Event):
        super().__init__(daemon=True)
        self.answers = {}  # Tell -> Answer or None.
        self.error = None  # What broke the client itself.
        self._work, self._enough = work, enough

    def run(self):
        try:
            self.talk()
        except BaseException as error:  # Shown by the run, which goes on to its end.
            self.error = error

    def talk(self):
        raise NotImplementedError

    def _next(self, pair: Pair) -> Tell:
        tell = self._work.next(pair)
        self.answers[tell] = None
        return tell


class CommandLineClient(Client):
    """`iris tell` after `iris tell`, in one session."""

    def __init__(self, iris, pair, work, enough):
        super().__init__(work, enough)
        self._iris, self._pair = iris, pair

    def talk(self):
        while not self._enough.is_set():
            tell = self._next(self._pair)
            done = self._iris.tell(self._pair.receiver, tell.text, from_=self._pair.sender, as_json=True, timeout=600)
            report = json.loads(done.stdout)
            failure = report.get("failure") or {}
            text = report.get("partial", "") if failure else report["answer"]
            self.answers[tell] = Answer(text, failure.get("kind", ""), failure.get("detail", ""))
            if failure:
                self._enough.wait(_REST_AFTER_FAILURE)


class Mcp(Client):
    """`iris mcp` with several sessions and several tells at once in each. Killed, it comes again; what it
    was waiting for is then not asked for any more."""

    def __init__(self, iris, pairs, work, enough, at_once=4):
        super().__init__(work, enough)
        self._iris, self._pairs, self._at_once = iris, pairs, at_once
        self._client = None
        self._rests_until = dict.fromkeys(pairs, 0.0)

    def kill(self):
        """From any thread."""
        client = self._client
        if client:
            client.process.kill()

    def talk(self):
        while not self._enough.is_set():
            self._client = McpClient(self._iris)
            try:
                self._live(self._client)
            finally:
                self._bury(self._client)

    def _live(self, client):
        """Until `enough`, or until it was killed."""
        waiting = {}  # Of a call, its tell.
        try:
            client.initialize()
            while True:
                if not self._enough.is_set():
                    self._say_more(client, waiting)
                for call in [call for call in waiting if client.answered(call)]:
                    tell = waiting.pop(call)
                    answer = self.answers[tell] = self._answer(client, call)
                    if answer and answer.failure:
                        self._rests_until[tell.pair] = time.monotonic() + _REST_AFTER_FAILURE
                if self._enough.is_set() and not waiting:
                    return
                if client.process.poll() is not None:
                    return
                time.sleep(0.02)
        except (BrokenPipeError, AssertionError):
            if client.process.poll() is None:
                raise

    def _say_more(self, client, waiting):
        for pair in self._pairs:
            if time.monotonic() < self._rests_until[pair]:
                continue
            while sum(tell.pair == pair for tell in waiting.values()) < self._at_once:
                tell = self._next(pair)
                call = client.start_call("send_message", toTeam=pair.receiver, fromTeam=pair.sender,
                                         message=tell.text)
                waiting[call] = tell

    @staticmethod
    def _answer(client, call):
        try:
            text, failed = client.result(call, within=1)
        except (AssertionError, queue.Empty):
            return None  # Killed.
        if not failed:
            return Answer(text, "")
        kind, _, rest = text.partition(": ")
        return Answer("", kind, rest)

    @staticmethod
    def _bury(client):
        if client.process.poll() is None:
            client.process.stdin.close()
        try:
            client.process.wait(20)
        finally:
            if client.process.poll() is None:
                client.process.kill()
                client.process.wait()
        assert client.strange == [], client.strange
