"""Those who send tells in a chaos run, and what they were answered."""

import re
import signal
import subprocess
import threading
import time
import uuid

from chaos.check import Answer, Judge
from chaos.follow import report
from chaos.work import Pair, Work
from integration.mcp_client import McpClient

# After a failure a client does not try again at once: a full disk refuses hundreds a second, and then the store
# keeps no longer all that the run is to look at.
_REST_AFTER_FAILURE = 0.3
_REST_FOR_JUDGE = 0.05
# Of a daemon, on a machine that has other things to do, or killed as it started. The tell never got anywhere.
_NOT_STARTED = re.compile("it did not say in time that it is ready|it ended before it was ready")
_TO_BE_GONE = 20  # Seconds.
# Of one tell, whatever happens.
_TELL_SECONDS_MAX = 600


class Client(threading.Thread):
    """Sends until `enough` is set, waits for the answers, ends."""

    def __init__(self, work: Work, judge: Judge, enough: threading.Event):
        super().__init__(daemon=True)
        self.error = None  # What broke the client itself.
        self._work, self._judge, self._enough = work, judge, enough

    def run(self):
        try:
            self.talk()
        except BaseException as error:  # Shown by the run, which goes on to its end.
            self.error = error

    def talk(self):
        raise NotImplementedError

    def _next(self, pair: Pair):
        tell = self._work.next(pair)
        self._judge.sends(tell)
        return tell


class CommandLineClient(Client):
    """`iris tell` after `iris tell`, in one session. Killed, or where no daemon started in time, it says the same again
    under the same id."""

    is_mcp = False

    def __init__(self, iris, pair, work, judge, enough):
        super().__init__(work, judge, enough)
        self._iris, self._pair = iris, pair
        self._process = None

    def kill(self):
        """From any thread."""
        process = self._process
        if process:
            process.kill()

    def talk(self):
        while not self._enough.is_set():
            if self._judge.is_behind():
                self._enough.wait(_REST_FOR_JUDGE)
                continue
            told = self.say_one()
            if told.failure:
                self._enough.wait(_REST_AFTER_FAILURE)

    def say_one_each(self):
        yield self.say_one()

    def say_one(self) -> Answer:
        tell, tell_id = self._next(self._pair), str(uuid.uuid4())
        told = None
        while told is None:
            told = self._say(tell, tell_id)
        self._judge.hears(tell, told)
        return told

    def _say(self, tell, tell_id):
        """None: it is not known what became of it."""
        self._process = subprocess.Popen(
            [*self._iris.command, "tell", tell.pair.receiver, "-", "--from", tell.pair.sender, "--id", tell_id, "--json"],
            env=self._iris.env | self._iris.works_for(tell.pair.sender), cwd=self._iris.home,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        with self._process as process:
            try:
                stdout, stderr = process.communicate(tell.text.encode(), timeout=_TELL_SECONDS_MAX)
            finally:
                process.kill()
        if process.returncode == -signal.SIGKILL:
            return None
        assert stdout, f"iris tell says nothing ({process.returncode}): {stderr.decode(errors='replace')}"
        told = report(stdout)
        return None if told is None or _NOT_STARTED.search(told.detail) else told


def mcp_answer(message: dict):
    """What a call of a tool was answered; None: `iris mcp` does not know what became of it, as no daemon started in time."""
    if refused := message.get("error"):
        assert _NOT_STARTED.search(refused["message"]), refused
        return None
    content = message["result"]["content"][0]["text"]
    if not message["result"].get("isError", False):
        return Answer(content, "")
    kind, _, rest = content.partition(": ")
    return Answer("", kind, rest)


class Mcp(Client):
    """`iris mcp` of one sender, with several sessions and several tells at once in each. Killed, it comes again; what it
    was waiting for is then not asked for any more."""

    is_mcp = True

    def __init__(self, iris, pairs, work, judge, enough, at_once=4):
        super().__init__(work, judge, enough)
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
            self._client = McpClient(self._iris, self._pairs[0].sender)
            waiting = {}  # Of a call, its tell.
            try:
                self._live(self._client, waiting)
            finally:
                for tell in waiting.values():
                    self._judge.gives_up(tell)
                self._bury(self._client)

    def _live(self, client, waiting):
        """Until `enough`, or until it was killed."""
        try:
            client.initialize()
            while True:
                if not self._enough.is_set() and not self._judge.is_behind():
                    self._say_more(client, waiting)
                for call in [call for call in waiting if client.answered(call)]:
                    if not self._hear(client, waiting, call):
                        return
                if self._enough.is_set() and not waiting:
                    return
                if client.process.poll() is not None:
                    return
                time.sleep(0.01)
        except (BrokenPipeError, AssertionError):
            try:
                client.process.wait(_TO_BE_GONE)  # Its end of the pipe closes before it is gone.
            except subprocess.TimeoutExpired:
                pass
            if client.process.poll() is None:
                raise

    def _say_more(self, client, waiting):
        for pair in self._pairs:
            if time.monotonic() < self._rests_until[pair]:
                continue
            while sum(tell.pair == pair for tell in waiting.values()) < self._at_once:
                tell = self._next(pair)
                try:
                    call = client.start_call("send_message", toTeam=pair.receiver, message=tell.text)
                except BrokenPipeError:
                    self._judge.gives_up(tell)
                    raise
                waiting[call] = tell

    def _hear(self, client, waiting, call) -> bool:
        """False: it was killed."""
        try:
            message = client.answer(call, within=1)
        except AssertionError:
            return False
        finally:
            client.forget(call)
        tell, answer = waiting.pop(call), mcp_answer(message)
        if answer is None:
            self._judge.gives_up(tell)
        else:
            self._judge.hears(tell, answer)
        if answer is None or answer.failure:
            self._rests_until[tell.pair] = time.monotonic() + _REST_AFTER_FAILURE
        return True

    def say_one_each(self):
        """What each of its sessions answers, by a client of its own."""
        client = McpClient(self._iris, self._pairs[0].sender)
        try:
            client.initialize()
            for pair in self._pairs:
                tell = self._next(pair)
                call = client.start_call("send_message", toTeam=pair.receiver, message=tell.text)
                told = mcp_answer(client.answer(call, within=_TELL_SECONDS_MAX))
                client.forget(call)
                assert told is not None, f"{tell.name}: no daemon started in time"
                self._judge.hears(tell, told)
                yield told
        finally:
            self._bury(client)

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
