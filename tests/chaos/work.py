"""What is said to whom in a chaos run, and what must come back."""

import random
from typing import NamedTuple

from programs import words


class Pair(NamedTuple):
    """A session: its tells are answered in the order in which they were sent."""
    sender: str  # A team, or "cli".
    receiver: str

    def __str__(self):
        return f"{self.sender}>{self.receiver}"


class Tell(NamedTuple):
    pair: Pair
    number: int  # In its session, from 1.
    text: str
    answer: str
    mark: str  # A line that its tool adds to the account's log, once; "" if it has no tool.

    @property
    def name(self):
        return f"{self.pair} #{self.number}"


# How often which kind: most are short, so that a run has many; of every kind some are long. Of its time a session
# spends far more in the others, so that faults hit those.
_KINDS = {"sum": 30, "blocks": 3, "big": 1, "slow": 1, "tool": 2, "split": 1, "garbage": 0.5, "think": 0.5}


def _answer(blocks) -> str:
    """How Iris joins the text blocks of a turn."""
    return "\n\n".join(blocks)


def _long_tail(chance, alpha: float, least: int, most: int) -> int:
    """Mostly near `least`, now and then up to `most`."""
    return int(min(chance.paretovariate(alpha) * least, most))


def _said(chance, pair, number, kinds) -> tuple:
    """(what to say, the answer, the tool's mark)"""
    match chance.choices(list(kinds), kinds.values())[0]:
        case "sum":
            text = f"{pair} {number} " + "x" * _long_tail(chance, 0.7, 20, 60_000)
            return "SUM " + text, words.sum_of(text), ""
        case "big":
            count = _long_tail(chance, 0.5, 2_000, 2_000_000)
            return f"BIG {count}", words.big(count), ""
        case "blocks":
            count = _long_tail(chance, 0.7, 2, 200)
            return f"BLOCKS {count}", _answer(f"block {i}\n" for i in range(1, count + 1)), ""
        case "slow":
            blocks = ["".join(f"word{i} " for i in range(first, first + 4)) for first in range(0, 20, 4)]
            seconds = chance.uniform(0.05, 0.5) if chance.random() < 0.8 else chance.uniform(0.5, 3)
            return f"SLOW {seconds:.2f}", _answer(blocks), ""
        case "tool":
            mark = f"{pair.sender}-{pair.receiver}-{number}"
            command = 'TOOL Bash {"command":"echo %s >> ~/tools.log; echo done"}' % mark
            return command, _answer(["Using a tool.", "TOOL-DONE: done"]), mark
        case "split":
            return "SPLIT", words.SPLIT_TEXT, ""
        case "garbage":
            return "GARBAGE", "garbage over", ""
        case "think":
            return "THINK\nBLOCKS 1", "block 1\n", ""


class Work:
    """Endless tells for each session, all of them from the seed. `heavy`: more of them are big."""

    def __init__(self, seed: int, heavy=False):
        self._seed = seed
        self._kinds = _KINDS | ({"sum": 10, "big": 8} if heavy else {})
        self._random = {}
        self._numbers = {}

    def next(self, pair: Pair) -> Tell:
        chance = self._random.setdefault(pair, random.Random(f"{self._seed} {pair}"))
        number = self._numbers[pair] = self._numbers.get(pair, 0) + 1
        say, answer, mark = _said(chance, pair, number, self._kinds)
        # A line that is no word for the stub, so that the tell is known by its text.
        return Tell(pair, number, f"{pair} #{number}\n{say}", answer, mark)


def parse_name(text: str):
    """The (Pair, number) of a tell's text; None: it is no tell of ours."""
    first, _, _ = text.partition("\n")
    names, _, number = first.partition(" #")
    sender, arrow, receiver = names.partition(">")
    return (Pair(sender, receiver), int(number)) if arrow and number.isdigit() else None
