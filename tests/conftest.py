"""What tests of several rooms share: a lake made of rows written down in the test."""

from __future__ import annotations

import io
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from analyzer.cli import main
from analyzer.lake import Lake
from analyzer.model import Invocation, NotableLine, Source

# A gate gives the same answer for the same commit; by hand, and with `make fuzz`, examples are new every time.
settings.register_profile("gate", derandomize=True)
if os.environ.get("CI"):
    settings.load_profile("gate")

MakeLake = Callable[..., Lake]


# What the rows of a made lake were read from.
MADE = Source(
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


def invocation(number: int, **values: Any) -> Invocation:
    """An unremarkable invocation; each on its own stream unless `values` say otherwise."""
    row: dict[str, Any] = dict.fromkeys(Invocation.__struct_fields__) | {
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
    row: dict[str, Any] = dict.fromkeys(NotableLine.__struct_fields__) | {
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
            commit.add_sources([MADE])
        return lake

    return make


@dataclass(frozen=True)
class Ran:
    """What a command left behind."""

    code: int
    out: str
    err: str


Run = Callable[..., Ran]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run `reportline` with these arguments, through the door that users take."""

    # One process: starting another for the pictures of every report would take longer than the tests do.
    monkeypatch.setattr("analyzer.ingest.cores", lambda: 1)

    def call(*arguments: str | Path, stdin: bytes = b"") -> Ran:
        monkeypatch.setattr("sys.argv", ["reportline", *map(str, arguments)])
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        code = 0
        try:
            main()
        except SystemExit as ended:
            code = int(ended.code or 0)
        captured = capsys.readouterr()
        return Ran(code, captured.out, captured.err)

    return call
