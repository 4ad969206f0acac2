"""Money without a result, held against a plain loop."""

from __future__ import annotations

import math
from collections import defaultdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer.measure.metrics import waste
from tests.measure.rows import Row, asked, repeatable

BASE = 1_773_735_125_000_000

calls = st.lists(
    st.fixed_dictionaries(
        {
            "request_id": st.sampled_from(["a", "b"]) | st.uuids().map(str),
            "outcome": st.sampled_from(["ok", "ok", "unknown", "error", "timeout", "crash"]),
            "duration_ms": st.integers(1, 500_000).map(lambda n: n / 100),
            "init_ms": st.sampled_from([None, None, 120.5]),
            "more": st.sampled_from(["nothing", "init", "much", None]),
            "memory_mb": st.sampled_from([512, 1024, None]),
            "max_memory_mb": st.sampled_from([100, 300, None]),
        }
    ),
    min_size=1,
    max_size=50,
)


def priced(drawn: list[Row]) -> list[Row]:
    made = []
    for number, row in enumerate(drawn):
        more = row.pop("more")
        extra = {"nothing": 0.0, "init": row["init_ms"] or 0.0, "much": 777.0}.get(more)
        billed = None if extra is None else float(math.ceil(row["duration_ms"] + extra))
        made.append(row | {"billed_ms": billed, "end_time": BASE + number})
    return made


@repeatable(25)
@given(calls)
def test_the_numbers_are_those_of_a_plain_loop(drawn: list[Row]) -> None:
    made = priced(drawn)
    got = asked(waste.FAMILY, made, region="us-east-1")
    rules = {"billed": 0, "free": 0, "unexplained": 0}
    lines = [row for row in made if row["billed_ms"] is not None]
    for row in lines:
        if row["init_ms"] is not None and abs(row["billed_ms"] - math.ceil(row["duration_ms"] + row["init_ms"])) <= 1:
            rules["billed"] += 1
        elif abs(row["billed_ms"] - math.ceil(row["duration_ms"])) <= 1:
            rules["free"] += row["init_ms"] is not None
        else:
            rules["unexplained"] += 1
    if lines:
        assert got["billing.unexplained"].value == rules["unexplained"]
        if any(row["init_ms"] is not None for row in lines):
            assert got["billing.init_billed"].value == rules["billed"]
            assert got["billing.init_free"].value == rules["free"]
    paid = [row for row in lines if row["memory_mb"] is not None]
    if not paid:
        assert "waste.timeouts.usd" not in got
        return

    def spent(row: Row) -> float:
        return row["billed_ms"] / 1000 * row["memory_mb"] / 1024

    attempts: dict[str, list[float]] = defaultdict(list)
    for row in paid:
        attempts[row["request_id"]].append(spent(row))
    expected = {
        "timeouts": sum(spent(row) for row in paid if row["outcome"] == "timeout"),
        "errors": sum(spent(row) for row in paid if row["outcome"] in ("error", "crash")),
        "retries": sum(sum(some[1:]) for some in attempts.values()),
        "initialisation": sum(
            row["init_ms"] / 1000 * row["memory_mb"] / 1024
            for row in paid
            if row["init_ms"] is not None
            and abs(row["billed_ms"] - math.ceil(row["duration_ms"] + row["init_ms"])) <= 1
        ),
    }
    used = [row for row in paid if row["max_memory_mb"] is not None]
    if used:
        expected["memory"] = sum(spent(row) * (1 - row["max_memory_mb"] / row["memory_mb"]) for row in used)
    assert {name.split(".")[1] for name in got if name.startswith("waste.")} == set(expected)
    for name, value in expected.items():
        assert got[f"waste.{name}.gb_seconds"].value == pytest.approx(value, rel=1e-6, abs=1e-9), name
        assert got[f"waste.{name}.usd"].value == pytest.approx(value * 1.66667e-05, rel=1e-6, abs=1e-12), name
    known = [row for row in paid if row["outcome"] != "unknown"]
    succeeded = sum(row["outcome"] == "ok" for row in known)
    assert ("cost.per_success" in got) == (succeeded > 0)
    if succeeded:
        bill = sum(map(spent, known)) * 1.66667e-05 + 2e-7 * len(known)
        assert got["cost.per_success"].value == pytest.approx(bill / succeeded, rel=1e-6)


@pytest.mark.parametrize(
    ("region", "use"), [("us-east-1", 0.60), ("eu-west-1", 0.80), ("eu-central-1", 1.01), ("sa-east-1", 5.6)]
)
def test_provisioned_concurrency_pays_from_another_use_on_in_every_region(region: str, use: float) -> None:
    made = [{"duration_ms": 10.0, "billed_ms": 10.0, "memory_mb": 128}]
    assert asked(waste.FAMILY, made, region=region)["provisioned.break_even"].value == pytest.approx(use, rel=0.02)


def test_a_region_that_the_logs_do_not_name_is_said_to_be_assumed() -> None:
    made = [{"duration_ms": 10.0, "billed_ms": 10.0, "memory_mb": 128}]
    assert "us-east-1" in (asked(waste.FAMILY, made)["waste.timeouts.usd"].note or "")
    assert "region assumed" in (asked(waste.FAMILY, made)["waste.timeouts.usd"].note or "")
