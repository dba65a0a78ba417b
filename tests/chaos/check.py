"""What must hold in a chaos run, judged while it runs: by what clients sent and heard, what the store settled, what
each claude took, and what the tools did. What was judged is forgotten, so that a run may take as long as it likes."""

import collections
import dataclasses
import re
import threading
import time
from typing import NamedTuple, Optional

from chaos.evidence import Prompt, Row
from chaos.work import Tell, parse_name


class Answer(NamedTuple):
    """What a client was told."""
    text: str  # Of a failure: whatever came with it.
    failure: str  # Its kind; "" for an answer.
    detail: str = ""


# A prompt of which the store knows nothing is a finding after so many looks at both: the store is looked at first.
_LOOKS = 3
# A store keeps 1,000 settled tells (StoreOptions::settled_tells_max), those under way and those that nobody has fetched
# among them: so many more may be answered before they are looked at.
_UNSEEN_MAX = 500
# Findings that are kept; the first few say what happened.
_FOUND_MAX = 50


@dataclasses.dataclass
class _Entry:
    """One tell that is not judged yet."""
    tell: Tell
    sent_at: float
    told: Optional[Answer] = None
    heard_look: int = 0  # Which look at the store was the last that had begun when its client heard or gave up.
    given_up: bool = False  # Its client was killed, and nobody has heard of it since.
    row: Optional[Row] = None  # Once settled.
    row_at: float = 0
    tell_id: str = ""  # Once it is in the store.
    prompts: int = 0
    runs: int = 0


@dataclasses.dataclass
class _Session:
    """What was seen last of a session, by its tells' numbers."""
    session_id: str = ""
    settled: int = 0
    prompted: int = 0
    moved_at: float = dataclasses.field(default_factory=time.monotonic)


def _difference(expected, got) -> str:
    at = next((i for i, (a, b) in enumerate(zip(expected, got)) if a != b), min(len(expected), len(got)))
    return (f"{len(got)} characters for {len(expected)}; from {at}: "
            f"{got[at:at + 40]!r} for {expected[at:at + 40]!r}")


class Judge:
    """Told of everything as it happens; `found` are sentences about what does not hold. Thread-safe.

    `failures`: the kinds as which a tell may end; `refusals`: those of them with which one may be refused before it
    is in the store; `homes`: of a team's name, (home, project folder) of its claude."""

    def __init__(self, failures=frozenset(), refusals=frozenset(), homes=None):
        self.found = []
        self.counts = collections.Counter()  # lost, twice, order, other: findings by kind.
        self.sent = 0
        self.heard, self.judged = collections.Counter(), collections.Counter()  # By the team that was asked.
        self.failed = collections.Counter()  # Of the judged, by kind.
        self._failures, self._refusals, self._homes = failures, refusals, homes or {}
        self._mutex = threading.Lock()
        self._entries = {}  # (pair, number): _Entry.
        self._by_id = {}  # tell_id: _Entry.
        self._sessions = collections.defaultdict(_Session)  # By pair.
        self._strange = {}  # Prompts of which the store does not know yet: how many looks ago they came.
        # Judged tells that failed before their claude had them, or before their tool ran: both may still come.
        self._untaken, self._unrun = set(), set()
        self._order = 0  # Of the row that was settled last.
        self._looks_begun = self._looks = 0
        self._heard_before_look = self._heard_seen = 0

    # What clients say.

    def sends(self, tell: Tell):
        with self._mutex:
            self.sent += 1
            self._entries[tell.pair, tell.number] = _Entry(tell, time.monotonic())

    def hears(self, tell: Tell, told: Answer):
        with self._mutex:
            self.heard[tell.pair.receiver] += 1
            entry = self._entries.get((tell.pair, tell.number))
            if entry is None:
                return self._find("twice", f"{tell.name}: its client heard of it again: {told}"[:400])
            entry.told, entry.given_up, entry.heard_look = told, False, self._looks_begun

    def gives_up(self, tell: Tell):
        """Its client was killed."""
        with self._mutex:
            entry = self._entries[tell.pair, tell.number]
            entry.given_up, entry.heard_look = True, self._looks_begun

    def unheard(self) -> list:
        """The tells that are settled and that nobody waits for: (tell, its id)."""
        with self._mutex:
            return [(entry.tell, entry.tell_id) for entry in self._entries.values()
                    if entry.given_up and entry.row and not entry.row.fetched]

    def is_behind(self) -> bool:
        """Whether more tells should not be sent before the next look: what the store forgets unseen looks lost."""
        with self._mutex:
            return self.heard.total() - self._heard_seen > _UNSEEN_MAX

    # What was seen. In this order: a look at the store, then what is on the hosts, then settle().

    def begins_look(self):
        with self._mutex:
            self._looks_begun += 1
            self._heard_before_look = self.heard.total()

    def look(self, rows: list):
        """Open rows, and those settled since the last look."""
        with self._mutex:
            self._looks, self._heard_seen = self._looks_begun, self._heard_before_look
            for row in rows:
                self._see_row(row)

    def _see_row(self, row):
        if row.settled:
            self._require(row.order == self._order + 1, "other",
                          f"the store settled number {row.order} after {self._order}: what is between was not seen")
            self._order = row.order
        name = parse_name(row.text)
        if name is None or row.dropped:
            return self._find("lost", f"{row.tell_id}: {row.text[:40]!r}, dropped: {row.dropped}")
        pair, number = name
        entry, session = self._entries.get(name), self._sessions[pair]
        if entry is None:
            return self._find("twice", f"{pair} #{number}: in the store ({row.tell_id}), after it was judged")
        self._require(entry.tell_id in ("", row.tell_id), "twice",
                      f"{entry.tell.name}: twice in the store: {entry.tell_id}, {row.tell_id}")
        self._require(pair == (row.sender, row.receiver), "other", f"{entry.tell.name}: of {row.sender} for {row.receiver}")
        self._require(session.session_id in ("", row.session_id), "other", f"{pair}: has a second session {row.session_id}")
        session.session_id = row.session_id
        entry.tell_id = row.tell_id
        self._by_id[row.tell_id] = entry
        if row.settled:
            self._require(number > session.settled, "order", f"{entry.tell.name}: settled after #{session.settled}")
            session.settled, entry.row = number, row
            session.moved_at = entry.row_at = time.monotonic()

    def prompt(self, prompt: Prompt):
        with self._mutex:
            self._strange[prompt] = 0
            self._know_prompts()

    def _know_prompts(self):
        for prompt in list(self._strange):
            if entry := self._by_id.get(prompt.tell_id):
                del self._strange[prompt]
                self._see_prompt(entry, prompt)
            elif prompt.tell_id in self._untaken:
                del self._strange[prompt]
                self._untaken.remove(prompt.tell_id)

    def _see_prompt(self, entry, prompt):
        tell, session = entry.tell, self._sessions[entry.tell.pair]
        entry.prompts += 1
        self._require(entry.prompts == 1, "twice", f"{tell.name} ({entry.tell_id}): its claude got it {entry.prompts} times")
        self._require(tell.number >= session.prompted, "order", f"{tell.name}: its claude got it after #{session.prompted}")
        session.prompted = tell.number
        self._require(prompt.text == tell.text, "other",
                      f"{tell.name}: its claude got another text: {_difference(tell.text, prompt.text)}")
        self._require(prompt.session_id == session.session_id, "other", f"{tell.name}: reached session {prompt.session_id}")
        home, folder = self._homes.get(tell.pair.receiver, (prompt.home, None))
        self._require(home == prompt.home and (folder is None or prompt.folder == re.sub(r"[^A-Za-z0-9]", "-", str(folder))),
                      "other", f"{tell.name}: reached {prompt.home}, {prompt.folder}")

    def tool_ran(self, mark: str):
        with self._mutex:
            sender, receiver, number = mark.rsplit("-", 2)
            name = parse_name(f"{sender}>{receiver} #{number}")
            if entry := self._entries.get(name):
                entry.runs += 1
                self._require(entry.runs == 1, "twice", f"{entry.tell.name}: its tool ran {entry.runs} times")
            elif mark in self._unrun:
                self._unrun.remove(mark)
            else:
                self._find("twice", f"{mark}: its tool ran again after the answer")

    def settle(self, at_the_end=False):
        """Judges what is over: what the last look and what was seen after it are enough for."""
        with self._mutex:
            self._know_prompts()
            for prompt in list(self._strange):
                self._strange[prompt] += 1
                if self._strange[prompt] >= _LOOKS or at_the_end:
                    del self._strange[prompt]
                    self._find("twice", f"{prompt.session_id}: its claude got {prompt.tell_id}, which is not open: "
                               f"{prompt.text[:40]!r}")
            for entry in list(self._entries.values()):
                if at_the_end or self._is_over(entry):
                    self._judge(entry)

    def _is_over(self, entry) -> bool:
        if not entry.told and not entry.given_up:
            return False
        if entry.row:
            # What nobody fetched is fetched first, that the client hears the same as the store has.
            return bool(entry.told) or entry.row.fetched
        if entry.tell_id or entry.heard_look >= self._looks:
            return False  # It is open, or the last look is older than the word of its client.
        return bool(entry.told) or entry.tell.number < self._sessions[entry.tell.pair].settled

    def _judge(self, entry):
        tell, told, row = entry.tell, entry.told, entry.row
        name = f"{tell.name} ({entry.tell_id or 'without an id'})"
        del self._entries[tell.pair, tell.number]
        self._by_id.pop(entry.tell_id, None)
        self.judged[tell.pair.receiver] += 1
        if row:
            self._judge_outcome(name, tell, told, row)
        else:
            self._require(not entry.tell_id, "lost", f"{name}: open in the end")
            refused = told and told.failure in self._refusals
            # One that nobody heard of since its client was killed may never have arrived.
            self._require(entry.tell_id or refused or (entry.given_up and not told), "lost",
                          f"{name}: not in the store; its client heard {told}"[:400])
            if refused:
                self.failed[f"refused: {told.failure}"] += 1
        failed = not row or row.failure
        self._require(entry.prompts or failed, "lost", f"{name}: answered, and its claude did not get it")
        self._require(entry.runs or failed or not tell.mark, "lost", f"{name}: answered, and its tool did not run")
        if tell.mark and failed and not entry.runs:
            self._unrun.add(tell.mark)
        if entry.tell_id and not entry.prompts:
            self._untaken.add(entry.tell_id)

    def _judge_outcome(self, name, tell, told, row):
        if row.failure:
            self.failed[row.failure] += 1
            self._require(row.failure in self._failures, "lost", f"{name}: {row.failure}: {row.detail[:300]}")
        else:
            self._require(row.answer == tell.answer, "other", f"{name}: {_difference(tell.answer, row.answer)}")
        if told:
            self._require(told.failure == row.failure, "other", f"{name}: its client heard {told.failure or 'an answer'} "
                          f"({told.detail[:300]}), the store has {row.failure or 'an answer'}")
            self._require(told.failure or told.text.rstrip("\n") == row.answer.rstrip("\n"), "other",
                          f"{name}: its client was told something else: {_difference(row.answer, told.text)}")

    # What it comes to.

    def stuck(self, patience: float) -> list:
        """Sentences about tells for which nothing has happened for so long."""
        with self._mutex:
            now = time.monotonic()
            return [f"{entry.tell.name} ({entry.tell_id}), sent {now - entry.sent_at:.0f} s ago, is "
                    f"{'settled, and its client has not heard' if entry.row else 'open'}"
                    for entry in self._entries.values() if now - self._moved_at(entry) > patience]

    def _moved_at(self, entry) -> float:
        """When something was last done for this tell, or before it in its session."""
        if entry.told or (entry.given_up and not entry.tell_id):
            return time.monotonic()
        return max(entry.sent_at, entry.row_at if entry.row else self._sessions[entry.tell.pair].moved_at)

    def open(self) -> int:
        """Tells that are not judged."""
        with self._mutex:
            return len(self._entries)

    def find(self, kind: str, sentence: str):
        with self._mutex:
            self._find(kind, sentence)

    def _require(self, claim, kind, sentence):
        if not claim:
            self._find(kind, sentence)

    def _find(self, kind, sentence):
        self.counts[kind] += 1
        if len(self.found) < _FOUND_MAX:
            self.found.append(sentence)
