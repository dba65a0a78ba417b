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


def _answer(blocks) -> str:
    """How Iris joins the text blocks of a turn."""
    return "\n\n".join(blocks)


class Work:
    """Endless tells for each session, all of them from the seed."""

    def __init__(self, seed: int):
        self._seed = seed
        self._random = {}
        self._numbers = {}

    def next(self, pair: Pair) -> Tell:
        chance = self._random.setdefault(pair, random.Random(f"{self._seed} {pair}"))
        number = self._numbers[pair] = self._numbers.get(pair, 0) + 1
        mark = ""
        match chance.choices(["sum", "big", "blocks", "slow", "tool"], [5, 2, 3, 4, 2])[0]:
            case "sum":
                text = f"{pair} {number} " + "x" * int(chance.paretovariate(0.5) * 10 % 60_000)
                command, answer = "SUM " + text, words.sum_of(text)
            case "big":
                count = chance.randrange(1_000, 600_000)
                command, answer = f"BIG {count}", words.big(count)
            case "blocks":
                count = chance.randrange(1, 200)
                command, answer = f"BLOCKS {count}", _answer(f"block {i}\n" for i in range(1, count + 1))
            case "slow":
                blocks = ["".join(f"word{i} " for i in range(first, first + 4)) for first in range(0, 20, 4)]
                command, answer = f"SLOW {chance.uniform(0.2, 2):.1f}", _answer(blocks)
            case "tool":
                mark = f"{pair.sender}-{pair.receiver}-{number}"
                command = 'TOOL Bash {"command":"echo %s >> ~/tools.log; echo done"}' % mark
                answer = _answer(["Using a tool.", "TOOL-DONE: done"])
        # A line that is no word for the stub, so that the tell is known by its text.
        return Tell(pair, number, f"{pair} #{number}\n{command}", answer, mark)
