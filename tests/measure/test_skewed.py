"""Skewed data in environments that differ, through the lake, held against statsmodels, which shares nothing with the code here."""

from __future__ import annotations

from math import log, sqrt

import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from statsmodels.duration.survfunc import SurvfuncRight
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import proportion_confint

from analyzer.measure.metrics import duration, inputs, tails, timeouts
from analyzer.measure.statistics import wilson
from analyzer.measure.two_groups import adjusted
from tests.measure.rows import Row, asked

REPEATABLE = settings(derandomize=True, deadline=None, database=None, max_examples=80)
STREAMS, CALLS = 12, 25


@pytest.fixture(scope="module")
def rows() -> list[Row]:
    """Log-normal durations with a tail that holds most of the time, environments apart from each other, inputs of all sizes."""
    generator = np.random.default_rng(17)
    own = 0.5 * generator.standard_normal(STREAMS)
    made = []
    for number in range(STREAMS * CALLS):
        size = float(np.ceil(10 * np.exp(generator.standard_normal())))
        length = 40 * size**0.8 * np.exp(own[number % STREAMS] + 0.8 * generator.standard_normal())
        length += 4000 * generator.pareto(1.5) * (generator.random() < 0.05)
        made.append(
            {"request_id": f"r{number}", "stream": f"s{number % STREAMS}", "duration_ms": round(float(length), 2), "size": size}
        )  # fmt: skip
    return made


def calls(rows: list[Row]) -> list[Row]:
    return [{name: value for name, value in row.items() if name != "size"} for row in rows]


def clustered_fit(y: list[float], x: np.ndarray, rows: list[Row]) -> tuple[float, float]:
    """The last coefficient and the half width of its interval, with errors robust to streams and t of their number."""
    groups = [int(row["stream"][1:]) for row in rows]
    fit = sm.OLS(y, x).fit(
        cov_type="cluster", cov_kwds={"groups": groups, "use_correction": False, "df_correction": False}
    )
    streams = len(set(groups))
    error = float(fit.bse[-1]) * sqrt(streams / (streams - 1))
    return float(fit.params[-1]), float(stats.t.ppf(0.975, streams - 1)) * error


def test_the_mean_has_the_limits_of_a_regression_with_clustered_errors(rows: list[Row]) -> None:
    y = [row["duration_ms"] for row in rows]
    value, half_width = clustered_fit(y, np.ones((len(y), 1)), rows)
    mean = asked(duration.FAMILY, calls(rows))["duration.mean"]
    assert mean.value == pytest.approx(value)
    assert (mean.low, mean.high) == (
        pytest.approx(value - half_width, rel=1e-5),
        pytest.approx(value + half_width, rel=1e-5),
    )


def test_the_exponent_of_the_input_is_that_of_a_regression_with_clustered_errors(rows: list[Row]) -> None:
    x = np.array([[1.0, log(row["size"])] for row in rows])
    value, half_width = clustered_fit([log(row["duration_ms"]) for row in rows], x, rows)
    events = [{"request_id": row["request_id"], "kind": "fields", "fields": {"records": row["size"]}} for row in rows]
    exponent = asked(inputs.FAMILY, calls(rows), events)["input.exponent"]
    assert exponent.value == pytest.approx(value)
    assert exponent.high - exponent.low == pytest.approx(2 * half_width, rel=1e-5)


def test_the_index_of_the_tail_has_the_limits_of_a_regression_with_clustered_errors(rows: list[Row]) -> None:
    # Enough calls for a tail of fifty.
    many = [row | {"request_id": f"{row['request_id']}-{again}", "duration_ms": round(row["duration_ms"] * (1 + again / 50), 2)}
            for again in range(3) for row in rows]  # fmt: skip
    lengths = sorted(row["duration_ms"] for row in many)
    begin = lengths[int(np.ceil(0.9 * len(lengths))) - 1]
    beyond = [row for row in many if row["duration_ms"] > begin]
    y = [log(row["duration_ms"] / begin) for row in beyond]
    value, half_width = clustered_fit(y, np.ones((len(y), 1)), beyond)
    index = asked(tails.FAMILY, calls(many))["duration.tail_index"]
    assert (index.value, index.n) == (pytest.approx(value), len(beyond))
    assert index.high == pytest.approx(value + half_width, rel=1e-4)


def test_quantiles_of_calls_that_were_cut_off_are_those_of_the_product_limit_curve(rows: list[Row]) -> None:
    limit = sorted(row["duration_ms"] for row in rows)[int(0.97 * len(rows))]
    cut = [
        row
        | (
            {"duration_ms": limit, "outcome": "timeout", "timeout_s": limit / 1000}
            if row["duration_ms"] >= limit
            else {}
        )
        for row in calls(rows)
    ]
    curve = SurvfuncRight([row["duration_ms"] for row in cut], [row.get("outcome") != "timeout" for row in cut])
    metrics = asked(timeouts.FAMILY, cut)
    for name, p in (("p50", 0.50), ("p95", 0.95)):
        # Where the curve comes down to 1 - p exactly, the time at which it does, which is the nearest rank.
        expected = curve.surv_times[curve.surv_prob <= 1 - p + 1e-9].min()
        assert metrics[f"duration.km.{name}"].value == pytest.approx(expected), name


@REPEATABLE
@given(st.integers(1, 5000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_the_interval_of_a_share_is_wilsons(counts: tuple[int, int]) -> None:
    k, n = counts
    limits = wilson(k, n)
    assert (limits.low, limits.high) == pytest.approx(proportion_confint(k, n, method="wilson"), abs=1e-9)


@REPEATABLE
@given(st.lists(st.floats(0, 1), min_size=1, max_size=30))
def test_false_discovery_rates_are_those_of_benjamini_and_hochberg(ps: list[float]) -> None:
    assert adjusted(ps) == pytest.approx(multipletests(ps, method="fdr_bh")[1], abs=1e-12)
