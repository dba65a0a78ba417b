"""When which faults happen in a chaos run, and what they may do to a tell."""

import collections
import contextlib
import random
import threading
import time

from chaos.faults import NOBODY, Faults

LINKS = ["kill_ssh", "kill_sshd_session", "kill_bridge", "reset_connections", "black_hole", "bad_network", "freeze_link"]
# What no answer may suffer from.
HARMLESS = LINKS + ["kill_coordinator", "kill_mcp", "kill_tell", "freeze_daemon"]
MIXES = {
    "calm": [],
    "links": LINKS,
    "harmless": HARMLESS,
    "rates": HARMLESS + ["change_rate"] * 6 + ["long_black_hole"],
    "places": HARMLESS + ["lose_runtime_here", "lose_runtime_there"] * 2,
    "children": HARMLESS + ["kill_claude"] * 4,
    "agents": HARMLESS + ["kill_claude", "kill_agent", "kill_agent"],
    "upgrades": HARMLESS + ["downgrade_agent", "upgrade_agent"] * 2,
    "disk": HARMLESS + ["fill_disk"] * 4,
    "store": HARMLESS + ["fill_store"] * 6,
}
MIXES["everything"] = sorted({fault for mix in MIXES.values() for fault in mix})
# How a tell may end where a child or an agent died under it, or where the disk of its agent was full. Where that of the
# coordinator is full, one that is accepted waits.
_DIED = frozenset({"child_exited", "ambiguous"})
FAILURES = collections.defaultdict(frozenset, {
    "children": _DIED,
    "agents": _DIED,
    "upgrades": _DIED,
    "disk": frozenset({"storage"}),
    "everything": _DIED | {"storage"},
})
# As what a tell may be refused, so that it was never there.
REFUSALS = collections.defaultdict(frozenset, {mix: frozenset({"storage"}) for mix in ("store", "everything")})
# Work with more that is big: small rows mostly find room where others were.
HEAVY = {"store"}
# How many tells a fault may fail: those under way, one a session.
SESSIONS = 16
MAY_FAIL = {"kill_claude": 1, "kill_agent": SESSIONS, "downgrade_agent": SESSIONS}


def own_faults(mix: str) -> set:
    """What this mix is about."""
    return set(MIXES[mix]) - set(HARMLESS) or set(MIXES[mix])


def may_fail(counts) -> int:
    """How many tells may have ended because a child or an agent died."""
    return sum(MAY_FAIL.get(fault, 0) * count for fault, count in counts.items())


def died(failed) -> int:
    """How many did."""
    return sum(failed[kind] for kind in _DIED)


# What is done in a moment. The others take a while, in which these go on; those change nothing for each other then.
_MOMENTS = {"kill_ssh", "kill_sshd_session", "kill_bridge", "kill_mcp", "kill_tell", "kill_claude", "kill_agent"}
# But for these: until both hosts have answered the next coordinator, no link is to break.
_ALONE = {"kill_coordinator", "downgrade_agent", "upgrade_agent", "fill_store"}


class Schedule(threading.Thread):
    """Faults of a mix, one after the other, in an order that follows from the seed, until `enough`: of those that take
    a moment, or of the others. The next one comes after some messages of the host, or where it is slow after some time."""

    _MESSAGES, _SECONDS = (1, 20), (0.5, 4)

    def __init__(self, stage, clients, mix: str, seed: int, moments: bool, alone: threading.Lock, count_heard,
                 enough: threading.Event):
        super().__init__(daemon=True)
        self._chance = random.Random(f"faults {seed} {moments}")
        self._faults = Faults(stage, clients, self._chance, enough)
        self._mix = [name for name in MIXES[mix] if (name in _MOMENTS) == moments]
        self._alone, self._count_heard, self._enough = alone, count_heard, enough
        self.happened = collections.deque(maxlen=2000)  # The last ones: (when, what), by time.monotonic().
        self.counts = collections.Counter()
        self.error = None

    def run(self):
        try:
            while self._mix and not self._waits_until_enough():
                name = self._chance.choice(self._mix)
                with self._alone if name in _MOMENTS | _ALONE else contextlib.nullcontext():
                    began = time.monotonic()
                    what = getattr(self._faults, name)()
                if what == NOBODY:
                    continue
                self.counts[name] += 1
                self.happened.append((began, f"for {time.monotonic() - began:.1f} s: {name}: {what or 'done'}"))
        except BaseException as error:
            self.error = error
            self._enough.set()

    def _waits_until_enough(self) -> bool:
        heard = self._count_heard() + self._chance.uniform(*self._MESSAGES)
        until = time.monotonic() + self._chance.uniform(*self._SECONDS)
        while not self._enough.wait(0.02):
            if self._count_heard() >= heard or time.monotonic() > until:
                return False
        return True


class Schedules:
    """Both kinds of faults of a mix at once."""

    def __init__(self, stage, clients, mix: str, seed: int, count_heard, enough: threading.Event):
        alone = threading.Lock()
        self.threads = [Schedule(stage, clients, mix, seed, moments, alone, count_heard, enough)
                        for moments in (True, False)]

    @property
    def counts(self) -> collections.Counter:
        return sum((thread.counts for thread in self.threads), collections.Counter())

    def happened(self, since: float) -> list:
        """What happened when, as sentences."""
        return [f"{at - since:7.1f} {what}" for at, what in sorted(fault for thread in self.threads for fault in thread.happened)]
