"""Which invocations a number is about: the function, the window, and what narrows them further."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from msgspec import Struct
from msgspec.structs import replace

from analyzer.errors import UserError
from analyzer.lake import Lake, text_literal

SPAN = re.compile(r"(?P<count>\d{1,6})(?P<unit>[smhdw])")
UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 7 * 86_400}
ALL = "all invocations"


class Window(Struct, frozen=True):
    """The span that is reported, in microseconds; None where it is open. It holds begin <= end of invocation < end."""

    begin: int | None = None
    end: int | None = None

    @staticmethod
    def of(since: str | None, until: str | None, lake: Lake) -> Window:
        """From what a person writes: ISO 8601 times, or spans such as 24h and 7d that reach back from the last invocation.

        From the last invocation and not from now, so that the same logs give the same report next year.
        """
        if since is None and until is None:
            return Window()
        with lake.open() as engine:
            latest = engine.numbers("SELECT max(epoch_us(end_time)) AS latest FROM invocations")[0]["latest"]
        return Window(_moment(since, latest, "--since"), _moment(until, latest, "--until"))


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
    def mixed(self) -> bool:
        """Whether this is all functions together, whose environments are not of one kind."""
        return self.named and self.function is None

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


def _moment(text: str | None, latest: int | None, option: str) -> int | None:
    if text is None:
        return None
    if span := SPAN.fullmatch(text):
        return None if latest is None else latest - int(span["count"]) * UNITS[span["unit"]] * 1_000_000
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        raise UserError(
            f"{option} {text!r} is neither a time such as 2026-03-17T08:00Z nor a span such as 24h or 7d"
        ) from None
    time = time if time.tzinfo else time.replace(tzinfo=UTC)
    return round(time.timestamp() * 1_000_000)


def _timestamp(microseconds: int) -> str:
    return f"make_timestamp({microseconds})::TIMESTAMPTZ"
