"""The words of a report promise no interval that so many calls cannot give: every number of calls from 1 to 400 is read."""

from __future__ import annotations

import re
from math import comb

import pytest

from analyzer.figures import write_measured
from analyzer.measure.family import Settings, Threshold, share
from analyzer.measure.metrics import duration
from analyzer.measure.metrics.errors import FAILED
from analyzer.measure.scope import Scope
from tests.measure.rows import engine_over

MOST = 400
QUANTILES = {"duration.p50": 0.50, "duration.p90": 0.90, "duration.p95": 0.95, "duration.p99": 0.99}
SETTINGS = Settings(Threshold("duration>60s", 60_000.0))
Printed = dict[int, dict[str, str]]


def at_most(k: int, n: int, p: float) -> float:
    """The chance of k successes or fewer in n, from its definition."""
    return sum(comb(n, i) * p**i * (1 - p) ** (n - i) for i in range(k + 1))


@pytest.fixture(scope="module")
def printed() -> Printed:
    """For each n the words of what is measured of calls that took 1, 2 ... n seconds, of which every tenth failed."""
    rows = [
        {"duration_ms": 1000.0 * second, "outcome": "ok" if second % 10 else "error"} for second in range(1, MOST + 1)
    ]
    found: Printed = {}
    with engine_over(rows) as engine:
        for n in range(1, MOST + 1):
            scope = Scope(narrowing=f"duration_ms <= {1000 * n}", population=f"the first {n}")
            measured = [*duration.FAMILY.measure(engine, scope, SETTINGS), share(engine, scope, "failure.rate", FAILED)]
            found[n] = {one.metric: write_measured(one) for one in measured}
    return found


def ranks(words: str) -> tuple[int | None, int | None]:
    """The limits that are printed, as ranks: the call of that rank took that many seconds."""
    if both := re.search(r"95 % CI ([\d.]+)–([\d.]+) s", words):
        return int(float(both[1])), int(float(both[2]))
    if lower := re.search(r"95 % CI at least ([\d.]+) s", words):
        return int(float(lower[1])), None
    if upper := re.search(r"95 % CI at most ([\d.]+) s", words):
        return None, int(float(upper[1]))
    return None, None


@pytest.mark.parametrize("metric", QUANTILES)
def test_a_limit_of_a_quantile_is_printed_exactly_where_order_statistics_give_it(printed: Printed, metric: str) -> None:
    p = QUANTILES[metric]
    for n in range(1, MOST + 1):
        words = printed[n][metric]
        if words.startswith("not estimable"):
            assert "CI" not in words
            continue
        low, high = ranks(words)
        # The longest of n lies above the quantile with 1 - p^n, the shortest below it with 1 - (1 - p)^n.
        assert (high is not None) == (1 - p**n >= 0.975), (n, words)
        assert (low is not None) == (1 - (1 - p) ** n >= 0.975), (n, words)
        if low is not None:
            assert at_most(low - 1, n, p) <= 0.025, (n, words)
        if high is not None:
            assert 1 - at_most(high - 1, n, p) <= 0.025, (n, words)


def test_a_limit_that_is_missing_is_said_to_be_missing(printed: Printed) -> None:
    for n, words in printed.items():
        for metric in QUANTILES:
            if words[metric].startswith("not estimable"):
                continue
            low, high = ranks(words[metric])
            if (low is None) != (high is None):
                assert f"no {'lower' if low is None else 'upper'} limit at n = {n}" in words[metric], (n, words[metric])
            if low is None and high is None:
                assert f"no lower or upper limit at n = {n}" in words[metric], (n, words[metric])


def test_a_name_such_as_p99_is_given_only_to_what_is_not_just_the_longest_call(printed: Printed) -> None:
    for n, words in printed.items():
        for metric, least in (("duration.p90", 10), ("duration.p95", 20), ("duration.p99", 100)):
            assert words[metric].startswith("not estimable") == (n < least), (n, words[metric])


def test_a_share_of_none_or_all_is_never_certain(printed: Printed) -> None:
    for n, words in printed.items():
        low, high = (float(limit) for limit in re.findall(r"95 % CI ([\d.]+)–([\d.]+) %", words["failure.rate"])[0])
        rate = 100 * (n // 10) / n
        assert low <= rate <= high <= 100
        assert high - low > 0
        if n < 10:
            # Wilson's upper limit of none of n.
            assert high == pytest.approx(100 * 1.96**2 / (n + 1.96**2), abs=0.06), words
