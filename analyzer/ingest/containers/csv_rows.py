"""Rows of CSV with the place where each begins."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from typing import BinaryIO

from analyzer.ingest.containers.container import Problems
from analyzer.ingest.containers.json_stream import BOM

# A cell holds one log event, which has at most 1 MB; what is longer has lost its closing quote.
LONGEST_CELL = 1 << 22


def csv_rows(file: BinaryIO, problems: Problems, delimiter: str = ",") -> Iterator[tuple[int, list[str]]]:
    """Every row that holds anything, the header too."""
    csv.field_size_limit(LONGEST_CELL)
    lines = _Lines(file)
    reader = csv.reader(lines, delimiter=delimiter)
    while True:
        begin = lines.position
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error as problem:
            problems(f"the row at byte {begin} is not CSV: {problem}")
            reader = csv.reader(lines, delimiter=delimiter)
            continue
        if any(row):
            yield begin, row


class _Lines:
    """Lines as text, and how many bytes they took. Only a line feed ends a line: cells may hold the other characters."""

    def __init__(self, file: BinaryIO) -> None:
        self.file = file
        self.position = 0

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        line = self.file.readline(LONGEST_CELL)
        if not line:
            raise StopIteration
        content = line.removeprefix(BOM) if self.position == 0 else line
        self.position += len(line)
        return content.decode("utf-8", "replace")
