"""Reads logs written down in a test and gives the rows that came out."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from analyzer.ingest import ingest
from analyzer.ingest.containers.container import Problems
from analyzer.lake import Lake
from tests.logs import write_export

Rows = list[dict[str, Any]]
Read = Callable[..., Rows]


def rows(lake: Lake, table: str = "invocations") -> Rows:
    with lake.open() as engine:
        return engine.rows(f"SELECT * FROM {table} ORDER BY source, position")


class NoProblems(Problems):
    """Fails the test when a container finds something that is no event, but for text that is `foreign`."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        super().__init__(lambda position, text: self.texts.append(text))

    def __call__(self, sentence: str) -> None:
        pytest.fail(sentence)


@pytest.fixture
def read_export(tmp_path: Path) -> Read:
    """Rows of a table after reading the text as one file of an S3 export."""

    def read(text: str, table: str = "invocations") -> Rows:
        write_export(tmp_path / "logs", text)
        lake = Lake(tmp_path / "lake")
        ingest([str(tmp_path / "logs")], lake)
        return rows(lake, table)

    return read


@pytest.fixture
def read_file(tmp_path: Path) -> Read:
    """Rows of a table after reading the text as a file of its own."""

    def read(text: str | bytes, table: str = "invocations", function: str | None = None) -> Rows:
        (tmp_path / "file").write_bytes(text if isinstance(text, bytes) else text.encode())
        lake = Lake(tmp_path / "lake")
        ingest([str(tmp_path / "file")], lake, function=function)
        return rows(lake, table)

    return read
