"""What must hold after a chaos run: by the store, the transcripts, and what the tools did."""

import collections
import json
import pathlib
import re
import sqlite3
from typing import NamedTuple

from chaos.work import Pair

_PROTO = pathlib.Path(__file__).resolve().parents[2] / "proto/iris/v1/failure.proto"
_KINDS = {int(number): name.lower() for name, number in
          re.findall(r"FAILURE_([A-Z_]+) = (\d+);", _PROTO.read_text())}


# Settled tells that a store keeps (StoreOptions::settled_tells_max): of a run with more, not all can be looked at.
_STORE_KEEPS = 1000


class Settled(NamedTuple):
    """A tell as the coordinator's store has it, in the order of acceptance."""
    tell_id: str
    session_id: str
    pair: Pair
    text: str
    state: str
    failure: str
    detail: str
    answer: str
    order: int  # Of the settling.


def read_store(iris_home) -> list:
    with sqlite3.connect(iris_home / "iris.db") as database:
        rows = database.execute("SELECT tell_id, session_id, from_team, to_team, text, state, kind, detail, answer, settled_seq"
                                " FROM tells JOIN sessions USING (session_id) ORDER BY tells.rowid")
        return [Settled(tell_id, session_id, Pair(sender, receiver), text.decode(), state,
                        "" if not kind else _KINDS[kind], detail, (answer or b"").decode(errors="replace"), order)
                for tell_id, session_id, sender, receiver, text, state, kind, detail, answer, order in rows]


def read_prompts(homes) -> dict:
    """By session: the ids of the prompts that its claude has taken, in order."""
    prompts = collections.defaultdict(list)
    for home in homes:
        for path in home.glob(".claude/projects/*/*.jsonl"):
            for line in path.read_text().splitlines():
                entry = json.loads(line)
                content = entry.get("message", {}).get("content")
                is_result = isinstance(content, list) and any(block.get("type") != "text" for block in content)
                if entry["type"] == "user" and not is_result and "[Request interrupted" not in str(content):
                    prompts[path.stem].append(entry["uuid"])
    return prompts


def read_tool_log(homes) -> collections.Counter:
    return collections.Counter(mark for home in homes if (home / "tools.log").exists()
                               for mark in (home / "tools.log").read_text().split())


class Findings(list):
    """Sentences about what does not hold."""

    def require(self, claim, sentence):
        if not claim:
            self.append(sentence)


def check(tells: dict, store: list, prompts: dict, tool_log, failures: set) -> list:
    """`tells`: what the clients sent, with what they were answered. `failures`: kinds that may be."""
    found = Findings()
    found.require(len(tells) < _STORE_KEEPS, f"{len(tells)} tells are more than the store keeps; make it a shorter run")
    by_text = collections.defaultdict(list)
    for row in store:
        by_text[row.pair, row.text].append(row)
    for tell, told in tells.items():
        name = f"{tell.pair} #{tell.number}"
        rows = by_text[tell.pair, tell.text]
        # One that nobody heard of since its client was killed may never have arrived.
        found.require(len(rows) == 1 or (not rows and told is None),
                      f"{name}: {len(rows)} times in the store; its client heard {told}"[:400])
        for row in rows:
            _check_outcome(found, name, tell, told, row, failures)
            seen = prompts[row.session_id].count(row.tell_id)
            found.require(seen == 1 or (seen == 0 and row.failure), f"{name}: its claude saw it {seen} times")
        ran = tool_log[tell.mark] if tell.mark else 0
        found.require(ran <= 1, f"{name}: its tool ran {ran} times")
        found.require(ran == 1 or not tell.mark or not rows or rows[0].failure, f"{name}: answered, and its tool did not run")
    _check_order(found, store, prompts)
    return found


def _check_outcome(found, name, tell, told, row, failures):
    found.require(row.state == "settled", f"{name} ({row.tell_id}): {row.state} in the end")
    if row.failure:
        found.require(row.failure in failures, f"{name} ({row.tell_id}): {row.failure}: {row.detail}")
    else:
        found.require(row.answer == tell.answer, f"{name} ({row.tell_id}): {_difference(tell.answer, row.answer)}")
    if told:
        found.require(told.failure == row.failure, f"{name} ({row.tell_id}): its client heard {told.failure or 'an answer'} "
                      f"({told.detail}), the store has {row.failure or 'an answer'}")
        found.require(told.failure or told.text.rstrip("\n") == row.answer.rstrip("\n"),
                      f"{name} ({row.tell_id}): its client was told something else: {_difference(row.answer, told.text)}")


def _difference(expected, got) -> str:
    at = next((i for i, (a, b) in enumerate(zip(expected, got)) if a != b), min(len(expected), len(got)))
    return (f"{len(got)} characters for {len(expected)}; from {at}: "
            f"{got[at:at + 40]!r} for {expected[at:at + 40]!r}")


def _check_order(found, store, prompts):
    sessions = collections.defaultdict(list)
    for row in store:
        sessions[row.session_id].append(row)
    for session, rows in sessions.items():
        orders = [row.order for row in rows if row.order]
        found.require(orders == sorted(orders), f"{rows[0].pair}: settled in another order than accepted")
        ids = [row.tell_id for row in rows]
        seen = [ids.index(prompt) for prompt in prompts[session] if prompt in ids]
        found.require(seen == sorted(seen), f"{rows[0].pair}: its claude got them in another order")
        numbers = [int(row.text.split("\n")[0].partition("#")[2]) for row in rows]
        found.require(numbers == sorted(numbers), f"{rows[0].pair}: accepted in another order than sent")
