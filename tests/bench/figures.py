"""What is measured, what it is held against, and how that is shown."""

import statistics
from typing import NamedTuple, Optional


class Goal(NamedTuple):
    at_most: bool
    factor: float
    of_floor: bool = False
    more: float = 0  # Beside the floor.

    def limit(self, floor: Optional[float]) -> Optional[float]:
        """None: there is nothing to hold it against."""
        if not self.of_floor:
            return self.factor
        return None if floor is None else self.factor * floor + self.more

    def is_met(self, value: float, floor: Optional[float]) -> Optional[bool]:
        limit = self.limit(floor)
        if limit is None:
            return None
        return value <= limit if self.at_most else value >= limit

    def __str__(self):
        text = f"{'≤' if self.at_most else '≥'} {self.factor:g}"
        return text + (" × floor" if self.of_floor else "") + (f" + {self.more:g}" if self.more else "")


def at_most(limit: float) -> Goal:
    return Goal(True, limit)


def at_least(limit: float) -> Goal:
    return Goal(False, limit)


def at_most_floor(factor: float, more: float = 0) -> Goal:
    return Goal(True, factor, of_floor=True, more=more)


def at_least_floor(factor: float) -> Goal:
    return Goal(False, factor, of_floor=True)


class Figure(NamedTuple):
    name: str
    unit: str
    floor: Optional[str] = None  # The name of another figure of the same row.
    goal: Optional[Goal] = None


class Measured(NamedTuple):
    """A figure with its samples: of the build, of the floor, and of another build."""

    figure: Figure
    samples: list
    floor: Optional[float]
    before: list

    @property
    def median(self) -> float:
        return statistics.median(self.samples)

    @property
    def ratio(self) -> Optional[float]:
        return self.median / self.floor if self.floor else None

    @property
    def is_met(self) -> Optional[bool]:
        return self.figure.goal and self.figure.goal.is_met(self.median, self.floor)

    def as_json(self) -> dict:
        said = {"figure": self.figure.name, "unit": self.figure.unit, "median": self.median, "samples": self.samples}
        if self.floor is not None:
            said |= {"floor": self.figure.floor, "floorMedian": self.floor, "ratio": self.ratio}
        if self.before:
            said |= {"before": statistics.median(self.before), "samplesBefore": self.before}
        if self.figure.goal:
            said |= {"goal": str(self.figure.goal), "met": self.is_met}
        return said


def short(value: Optional[float]) -> str:
    """Three digits that count."""
    if value is None:
        return ""
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def measured(figures: list, samples: dict, before: dict) -> list:
    """Of those that have any samples, in the order of `figures`; samples: {figure's name: [value]}."""
    unknown = (set(samples) | set(before)) - {figure.name for figure in figures}
    assert not unknown, f"no figures: {unknown}"
    return [Measured(figure, samples[figure.name],
                     statistics.median(samples[figure.floor]) if figure.floor in samples else None,
                     before.get(figure.name, []))
            for figure in figures if figure.name in samples]


def table(rows: list) -> str:
    """[Measured] for a person to read."""
    with_before = any(one.before for one in rows)
    width = max([len(one.figure.name) for one in rows], default=0)
    head = f"  {'':{width}} {'median':>9} {'from':>9} {'to':>9}" + (f" {'before':>9} {'now':>6}" if with_before else "")
    lines = [head + f" {'floor':>9} {'ratio':>6}  goal"]
    for one in rows:
        line = f"  {one.figure.name:{width}} {short(one.median):>9} {short(min(one.samples)):>9} {short(max(one.samples)):>9}"
        if with_before:
            was = statistics.median(one.before) if one.before else None
            line += f" {short(was):>9} {f'× {one.median / was:.2f}' if was else '':>6}"
        line += f" {short(one.floor):>9} {short(one.ratio):>6}  {one.figure.unit}"
        if one.figure.goal:
            line += f", {one.figure.goal}: " + {True: "yes", False: "NO", None: "no floor"}[one.is_met]
        lines.append(line)
    return "\n".join(lines)


def page(rows: list) -> str:
    """The same as a table of Markdown."""
    lines = ["| figure | unit | before | now | floor | ratio | goal | met |", "|---|---|---|---|---|---|---|---|"]
    for one in rows:
        met = {True: "yes", False: "**no**", None: ""}[one.is_met]
        before = short(statistics.median(one.before)) if one.before else ""
        cells = [one.figure.name, one.figure.unit, before, short(one.median), short(one.floor), short(one.ratio),
                 str(one.figure.goal or ""), met]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)
