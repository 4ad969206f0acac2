"""Which invocations a number is about: the function, the window, and what narrows them further."""

from __future__ import annotations

from datetime import UTC, datetime

from msgspec import Struct
from msgspec.structs import replace

from analyzer.lake import text_literal

ALL = "all invocations"


class Window(Struct, frozen=True):
    """The span that is reported, in microseconds; None where it is open. It holds begin <= end of invocation < end."""

    begin: int | None = None
    end: int | None = None


class Scope(Struct, frozen=True):
    """A population, in SQL and in words. `function` is None for all functions together."""

    window: Window = Window()
    function: str | None = None
    narrowing: str | None = None
    population: str = ALL
    named: bool = True

    def narrowed(self, condition: str, population: str) -> Scope:
        """The part of this scope for which `condition` holds."""
        both = f"{self.narrowing} AND {condition}" if self.narrowing else condition
        return replace(self, narrowing=both, population=population)

    @property
    def where(self) -> str:
        """The condition on the invocations table."""
        return self._where("end_time", self.narrowing)

    @property
    def where_events(self) -> str:
        """The condition on the events table, which knows neither durations nor outcomes."""
        return self._where("time", None)

    def _where(self, time: str, narrowing: str | None) -> str:
        conditions = []
        if not self.named:
            conditions.append("function IS NULL")
        elif self.function is not None:
            conditions.append(f"function = {text_literal(self.function)}")
        if self.window.begin is not None:
            conditions.append(f"{time} >= {_timestamp(self.window.begin)}")
        if self.window.end is not None:
            conditions.append(f"{time} < {_timestamp(self.window.end)}")
        if narrowing:
            conditions.append(narrowing)
        return " AND ".join(conditions) or "true"


def _timestamp(microseconds: int) -> str:
    time = datetime.fromtimestamp(microseconds // 1_000_000, UTC).replace(microsecond=microseconds % 1_000_000)
    return f"TIMESTAMPTZ '{time:%Y-%m-%d %H:%M:%S.%f}+00'"
