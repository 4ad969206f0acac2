"""Arrow arrays from columns of numpy and from cells of Python, and rows of Python from Arrow.

`pyarrow.array` and `pyarrow.scalar` look whether they were given something of pandas, and `to_pylist` whether a time is to be;
they load pandas for that, which takes longer than reading most logs. So arrays are made from their buffers here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import ArrayLike, NDArray
from pyarrow.lib import StringBuilder

TIME = pa.timestamp("us", tz="UTC")
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def rows(table: pa.Table) -> list[dict[str, Any]]:
    """The rows as dictionaries, with times in UTC."""
    columns = [_cells(one) for one in table.columns]
    return [dict(zip(table.column_names, row, strict=True)) for row in zip(*columns, strict=True)]


def _cells(column: pa.ChunkedArray) -> list[Any]:
    if column.type != TIME:
        cells: list[Any] = column.to_pylist()
        return cells
    times = [time for chunk in column.chunks for time in chunk.view(pa.int64()).to_pylist()]
    return [None if time is None else EPOCH + timedelta(microseconds=time) for time in times]


def numbers(values: NDArray[Any], kind: pa.DataType, valid: NDArray[np.bool_] | None = None) -> pa.Array:
    """A column of numbers or of microseconds, as wide in `values` as in `kind`; null where `valid` is false."""
    return pa.Array.from_buffers(kind, len(values), [_bits(valid), pa.py_buffer(np.ascontiguousarray(values))])


def truths(values: NDArray[np.bool_], valid: NDArray[np.bool_] | None = None) -> pa.Array:
    return pa.Array.from_buffers(pa.bool_(), len(values), [_bits(valid), _bits(values)])


def texts_of_one_length(cells: NDArray[np.uint8], where: NDArray[np.bool_] | None = None) -> pa.Array:
    """One text a row of `cells`; where `where` is false there is none, and no row either."""
    width = cells.shape[1]
    if where is None:
        offsets = np.arange(len(cells) + 1, dtype=np.int32) * np.int32(width)
        return pa.StringArray.from_buffers(len(cells), pa.py_buffer(offsets), pa.py_buffer(cells))
    return pa.StringArray.from_buffers(
        len(where),
        pa.py_buffer(begins(where) * np.int32(width)),
        pa.py_buffer(np.ascontiguousarray(cells)),
        _bits(where),
    )


def repeated(values: Sequence[str | None], sizes: Sequence[int] | None = None) -> pa.Array:
    """A dictionary of the values, each as many times as its size says, or once."""
    distinct = [value for value in dict.fromkeys(values) if value is not None]
    places = {value: place for place, value in enumerate(distinct)}
    codes = np.array([-1 if value is None else places[value] for value in values], np.int32)
    return coded(codes if sizes is None else np.repeat(codes, sizes), distinct)


def coded(codes: NDArray[np.int32], values: Sequence[str]) -> pa.Array:
    """A dictionary: the value of each code, none where it is below zero."""
    there = codes >= 0
    return pa.DictionaryArray.from_arrays(numbers(codes, pa.int32(), None if there.all() else there), _texts(values))


def begins(sizes: ArrayLike) -> NDArray[np.int32]:
    """Where each of some stretches begins, and where the last one ends."""
    ends = np.cumsum(sizes, dtype=np.int32)
    return np.concatenate((np.zeros(1, np.int32), ends))


def column(cells: Sequence[Any], kind: pa.DataType) -> pa.Array:
    """Cells of Python, None where there is nothing: texts, numbers, truths, times in microseconds, lists and dictionaries."""
    for is_kind, make in _MAKERS:
        if is_kind(kind):
            return make(cells, kind)
    raise TypeError(f"No column of the lake holds {kind}.")


def _texts(cells: Sequence[str | None]) -> pa.Array:
    builder = StringBuilder()
    builder.append_values(cells)
    return builder.finish()


def _plain(cells: Sequence[Any], kind: pa.DataType) -> pa.Array:
    width = np.dtype(f"{'f' if pa.types.is_floating(kind) else 'i'}{kind.bit_width // 8}")
    return numbers(np.array([0 if cell is None else cell for cell in cells], width), kind, _there(cells))


def _truths(cells: Sequence[bool | None]) -> pa.Array:
    return truths(np.array(cells, np.bool_), _there(cells))


def _lists(cells: Sequence[Sequence[Any] | None], kind: pa.DataType) -> pa.Array:
    inside = [one for cell in cells if cell is not None for one in cell]
    return pa.Array.from_buffers(
        kind, len(cells), [_bits(_there(cells)), _offsets(cells)], children=[column(inside, kind.value_type)]
    )


def _maps(cells: Sequence[dict[str, Any] | None], kind: pa.DataType) -> pa.Array:
    inside = [pair for cell in cells if cell is not None for pair in cell.items()]
    keys, values = (
        column([pair[side] for pair in inside], one) for side, one in ((0, kind.key_type), (1, kind.item_type))
    )
    pairs = pa.StructArray.from_arrays([keys, values], fields=[kind.key_field, kind.item_field])
    return pa.Array.from_buffers(kind, len(cells), [_bits(_there(cells)), _offsets(cells)], children=[pairs])


def _offsets(cells: Sequence[Any]) -> pa.Buffer:
    return pa.py_buffer(begins([0 if cell is None else len(cell) for cell in cells]))


def _there(cells: Sequence[Any]) -> NDArray[np.bool_] | None:
    return np.array([cell is not None for cell in cells], np.bool_) if None in cells else None


def _bits(values: NDArray[np.bool_] | None) -> pa.Buffer | None:
    return None if values is None else pa.py_buffer(np.packbits(values, bitorder="little"))


_MAKERS: tuple[tuple[Callable[[pa.DataType], bool], Callable[[Sequence[Any], pa.DataType], pa.Array]], ...] = (
    (pa.types.is_string, lambda cells, _: _texts(cells)),
    (pa.types.is_dictionary, lambda cells, _: repeated(cells)),
    (pa.types.is_boolean, lambda cells, _: _truths(cells)),
    (pa.types.is_map, _maps),
    (pa.types.is_list, _lists),
    (pa.types.is_primitive, _plain),
)
