"""Goals are held to, and tables say so."""

import pytest

from bench import figures, run
from bench.figures import Figure, at_least, at_least_floor, at_most, at_most_floor


@pytest.mark.parametrize("goal, floor, good, bad", [
    (at_most(4), None, 4, 4.1), (at_least(5000), 1, 5000, 4999),
    (at_most_floor(1.5), 10, 15, 15.1), (at_most_floor(1, more=200), 50, 250, 251), (at_least_floor(0.5), 10, 5, 4.9)])
def test_a_goal_is_met_or_missed(goal, floor, good, bad):
    assert goal.is_met(good, floor) is True and goal.is_met(bad, floor) is False


def test_without_a_floor_nobody_knows():
    assert at_most_floor(2).is_met(1, None) is None


def test_what_is_shown_is_the_median_beside_that_of_the_floor():
    wanted = [Figure("floor", "ms"), Figure("way", "ms", "floor", at_most_floor(2)), Figure("not measured", "ms")]
    floor, way = figures.measured(wanted, {"way": [9, 5, 4], "floor": [1, 2, 3]}, {"way": [10]})
    assert (way.median, way.floor, way.ratio, way.is_met) == (5, 2, 2.5, False)
    assert floor.is_met is None
    assert "NO" in figures.table([way]) and "× 0.50" in figures.table([way])
    assert "**no**" in figures.page([way])
    assert way.as_json()["met"] is False and way.as_json()["before"] == 10


def test_a_figure_that_no_row_names_is_a_mistake():
    with pytest.raises(AssertionError):
        figures.measured([], {"way": [1]}, {})


@pytest.mark.parametrize("name", run.ROWS)
def test_every_floor_is_a_figure_of_its_row(name):
    names = [figure.name for figure in run.row(name).FIGURES]
    assert len(set(names)) == len(names)
    assert {figure.floor for figure in run.row(name).FIGURES} <= {None, *names}
