"""Every family of metrics carries an example; here it is run."""

from __future__ import annotations

import pytest

from analyzer.measure.family import Family, Settings, Threshold
from analyzer.measure.metrics import families
from analyzer.measure.scope import Scope
from tests.conftest import MakeLake


@pytest.mark.parametrize("family", families(), ids=lambda family: family.name)
def test_the_example_of_a_family_gives_the_values_it_states(family: Family, make_lake: MakeLake) -> None:
    lake = make_lake(family.example.invocations, family.example.events)
    settings = Settings(Threshold("duration>60s", 60_000.0), region="us-east-1")
    with lake.open() as engine:
        measured = {one.metric: one.value for one in family.measure(engine, Scope(function="checkout"), settings)}
    for metric, value in family.example.expect.items():
        assert measured[metric] == (value if value is None else pytest.approx(value, rel=1e-6)), metric


@pytest.mark.parametrize("family", families(), ids=lambda family: family.name)
def test_a_family_says_nothing_wrong_of_a_function_that_never_ran(family: Family, make_lake: MakeLake) -> None:
    lake = make_lake([{}])
    settings = Settings(Threshold("duration>60s", 60_000.0))
    with lake.open() as engine:
        for measured in family.measure(engine, Scope(function="never ran"), settings):
            assert measured.value in (None, 0)
