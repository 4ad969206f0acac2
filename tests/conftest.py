"""What tests of several rooms share: a lake made of rows written down in the test."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from analyzer.lake import Lake
from analyzer.model import Invocation, NotableLine, Source

MakeLake = Callable[..., Lake]


def invocation(number: int, **values: Any) -> Invocation:
    """An unremarkable invocation; each on its own stream unless `values` say otherwise."""
    row: dict[str, Any] = {name: None for name in Invocation.__struct_fields__} | {
        "function": "checkout",
        "version": "$LATEST",
        "stream": f"stream-{number}",
        "request_id": f"request-{number}",
        "attempt": 1,
        "end_time": 1_773_735_125_000_000 + number * 1_000_000,
        "outcome": "ok",
        "complete": True,
        "source": "made",
        "position": number,
    }
    return Invocation(**(row | values))


def line(number: int, **values: Any) -> NotableLine:
    row: dict[str, Any] = {name: None for name in NotableLine.__struct_fields__} | {
        "function": "checkout",
        "time": 1_773_735_125_000_000 + number * 1_000_000,
        "message": "",
        "kind": "error",
        "source": "made",
        "position": number,
    }
    return NotableLine(**(row | values))


@pytest.fixture
def make_lake(tmp_path: Path) -> MakeLake:
    """A lake that holds the given rows; what a row does not say is unremarkable."""

    def make(invocations: list[dict[str, Any]], events: list[dict[str, Any]] | None = None) -> Lake:
        lake = Lake(tmp_path / "lake")
        with lake.write() as commit:
            commit.add_invocations([invocation(number, **row) for number, row in enumerate(invocations)])
            commit.add_lines([line(number, **row) for number, row in enumerate(events or [])])
            commit.add_sources(
                [
                    Source(
                        source="made",
                        sha256="0" * 64,
                        bytes=0,
                        container="s3-export",
                        lines=0,
                        understood=0,
                        first_time=None,
                        last_time=None,
                        problems=[],
                    )
                ]
            )
        return lake

    return make
