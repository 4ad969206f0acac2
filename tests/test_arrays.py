"""Arrow arrays made without pandas hold what pyarrow's own way, which loads it, would give."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from analyzer import arrays
from analyzer.lake import TABLES

TIME, CODED = pa.timestamp("us", tz="UTC"), pa.dictionary(pa.int32(), pa.string())
COLUMNS: list[tuple[pa.DataType, list[Any]]] = [
    (pa.string(), ["checkout", None, "", "Zahlung für\0 Müller", "支払い"]),
    (CODED, ["$LATEST", None, "7", "$LATEST"]),
    (CODED, [None, None]),
    (pa.int32(), [128, None, -1, 2**31 - 1]),
    (pa.int64(), [2**62, None]),
    (pa.float64(), [812.4, None, 3, float("inf")]),
    (pa.bool_(), [True, None, False, *[True] * 9]),
    (TIME, [1_773_735_125_000_000, None]),
    (pa.list_(pa.string()), [["line 3 is damaged", None], None, [], ["line 9 breaks off"]]),
    (pa.map_(pa.string(), pa.float64()), [{"records": 120.0, "bytes": 1e9}, None, {}]),
]


@pytest.mark.parametrize(("kind", "cells"), COLUMNS, ids=lambda one: str(one) if isinstance(one, pa.DataType) else "")
def test_cells_become_the_column_that_pyarrow_makes_of_them(kind: pa.DataType, cells: list[Any]) -> None:
    for some in (cells, cells[:1], [cell for cell in cells if cell is not None], []):
        made = arrays.column(some, kind)
        made.validate(full=True)
        assert made.equals(pa.array([list(cell.items()) if isinstance(cell, dict) else cell for cell in some], kind))


def test_there_is_a_way_for_every_column_of_the_lake() -> None:
    for schema in TABLES.values():
        for column in schema:
            assert arrays.column([None], column.type).equals(pa.nulls(1, column.type)), column


def test_rows_are_those_that_pyarrow_gives_with_times_in_utc() -> None:
    table = pa.table({"at": pa.array([1_773_735_125_000_001, None], TIME), "of": ["checkout", None], "n": [1, 2]})
    assert arrays.rows(table) == table.to_pylist()
    assert [str(row["at"]) for row in arrays.rows(table)] == ["2026-03-17 08:12:05.000001+00:00", "None"]
    assert arrays.rows(table.slice(1, 0)) == []


def test_another_kind_of_column_is_refused() -> None:
    with pytest.raises(TypeError, match=r"holds decimal128\(5, 2\)"):
        arrays.column([None], pa.decimal128(5, 2))


def test_numbers_are_null_where_they_are_not_valid() -> None:
    values, valid = np.arange(20, dtype=np.int64)[::2], np.arange(10) % 3 == 0
    assert arrays.numbers(values, pa.int64(), valid).equals(pa.array(values, mask=~valid))


def test_texts_of_one_length_stand_where_there_is_one() -> None:
    cells = np.frombuffer(b"1-5759e9881-5759e989", np.uint8).reshape(2, 10)
    where = np.array([False, True, False, True])
    assert arrays.texts_of_one_length(cells).to_pylist() == ["1-5759e988", "1-5759e989"]
    assert arrays.texts_of_one_length(cells, where).to_pylist() == [None, "1-5759e988", None, "1-5759e989"]


def test_a_value_is_repeated_as_often_as_its_size_says() -> None:
    assert arrays.repeated(["a", None, "b", "a"], [2, 1, 0, 1]).to_pylist() == ["a", "a", None, "a"]
