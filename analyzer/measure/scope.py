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

    def preceding(self, length: int) -> Window:
        """The `length` microseconds before this window, which has to have a begin."""
        assert self.begin is not None
        return Window(self.begin - length, self.begin)


class Draw(Struct, frozen=True):
    """The part of a population that stands for the whole, in SQL and in words, and how large it is.

    `below` is the limit for the digests of environments, where these are drawn.
    """

    condition: str
    words: str
    one_in: int
    below: str = ""


class Scope(Struct, frozen=True):
    """A population, in SQL and in words. `function` is None for all functions together.

    Where it is large, `draw` is the part of it that is looked at by what describes and does not count; the scope is that
    part alone where it is `drawn`. `requests` is the part that is looked at by what needs every attempt of a request.
    """

    window: Window = Window()
    function: str | None = None
    narrowing: str | None = None
    population: str = ALL
    named: bool = True
    draw: Draw | None = None
    drawn: bool = False
    requests: Draw | None = None

    def narrowed(self, condition: str, population: str) -> Scope:
        """The part of this scope for which `condition` holds."""
        both = f"{self.narrowing} AND {condition}" if self.narrowing else condition
        return replace(self, narrowing=both, population=population)

    def thinned(self) -> Scope:
        """The part that stands for the whole where there is one, else the whole."""
        return replace(self, drawn=True) if self.draw else self

    @property
    def note(self) -> str | None:
        """Says that this is only a part, where it is one."""
        return self.draw.words if self.draw and self.drawn else None

    @property
    def mixed(self) -> bool:
        """Whether this is all functions together, whose environments are not of one kind."""
        return self.named and self.function is None

    @property
    def where(self) -> str:
        """The condition on the invocations table."""
        return self._where("end_time", self.draw.condition if self.draw and self.drawn else None, self.narrowing)

    @property
    def where_requests(self) -> str:
        """The condition on the invocations table that keeps all attempts of a request together."""
        return f"{self.requests.condition} AND {self.where}" if self.requests else self.where

    @property
    def where_events(self) -> str:
        """The condition on the events table, which knows neither durations nor outcomes."""
        return self._where("time", None, None)

    def _where(self, time: str, drawn: str | None, narrowing: str | None) -> str:
        conditions = []
        if not self.named:
            conditions.append("function IS NULL")
        elif self.function is not None:
            conditions.append(f"function = {text_literal(self.function)}")
        if self.window.begin is not None:
            conditions.append(f"{time} >= {_timestamp(self.window.begin)}")
        if self.window.end is not None:
            conditions.append(f"{time} < {_timestamp(self.window.end)}")
        if drawn:
            conditions.append(drawn)
        if narrowing:
            conditions.append(narrowing)
        return " AND ".join(conditions) or "true"


def span(text: str) -> int | None:
    """The microseconds of a span such as 24h or 7d; None for anything else."""
    match = SPAN.fullmatch(text)
    return int(match["count"]) * UNITS[match["unit"]] * 1_000_000 if match else None


def reaching_back(now: datetime, since: str, until: str | None) -> tuple[int, int]:
    """Begin and end in microseconds, from what a person writes as for a window, of which spans reach back from `now`.

    There it ends unless `until` says where.
    """
    moment = round(now.timestamp() * 1_000_000)
    begin, end = _moment(since, moment, "--since"), _moment(until, moment, "--until")
    assert begin is not None
    return begin, moment if end is None else end


def _moment(text: str | None, latest: int | None, option: str) -> int | None:
    if text is None:
        return None
    if (length := span(text)) is not None:
        return None if latest is None else latest - length
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
