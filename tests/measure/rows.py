"""What the tests of single families share: an engine over rows written down in the test, and a family asked of one function."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, Phase, settings

from analyzer.lake import Engine, Lake
from analyzer.measure.family import Family, Settings, Threshold
from analyzer.measure.scope import Scope
from analyzer.model import Measured, Source
from tests.conftest import invocation, line

Row = dict[str, Any]

SOURCE = Source(
    source="made", sha256="0" * 64, bytes=0, container="s3-export", lines=0, understood=0,
    first_time=None, last_time=None, problems=[],
)  # fmt: skip


@contextmanager
def lake_of(rows: list[Row], events: list[Row] | None = None) -> Iterator[Lake]:
    """Unlike `make_lake` it can be used many times in one test."""
    with tempfile.TemporaryDirectory() as folder:
        lake = Lake(Path(folder))
        with lake.write() as commit:
            commit.add_invocations([invocation(number, **row) for number, row in enumerate(rows)])
            commit.add_lines([line(number, **row) for number, row in enumerate(events or [])])
            commit.add_sources([SOURCE])
        yield lake


@contextmanager
def engine_over(rows: list[Row], events: list[Row] | None = None) -> Iterator[Engine]:
    with lake_of(rows, events) as lake, lake.open() as engine:
        yield engine


def asked(family: Family, rows: list[Row], events: list[Row] | None = None, **options: Any) -> dict[str, Measured]:
    """What `family` says of the function checkout."""
    with engine_over(rows, events) as engine:
        chosen = Settings(Threshold("duration>60s", 60_000.0), **options)
        measured = list(family.measure(engine, Scope(function="checkout"), chosen))
        assert len({one.metric for one in measured}) == len(measured)
        assert {one.evidence for one in measured} <= set(engine.evidence)
        return {one.metric: one for one in measured}


def repeatable(examples: int) -> settings:
    """The same examples every time; shrinking would run hundreds."""
    return settings(
        max_examples=examples,
        derandomize=True,
        deadline=None,
        database=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example],
    )
