"""Invocations in the order of time, in bins of equal count: the small tables that everything about time works on."""

from __future__ import annotations

from msgspec import Struct

from analyzer.lake import Engine
from analyzer.measure.metrics.memory import WARM_AND_WELL
from analyzer.measure.scope import Scope
from analyzer.measure.series import Rhythm, rhythm

# Fewer bins do not tell a change from chance; more of them only make the picture finer.
LEAST_BINS, MOST_BINS = 24, 240
# The median of so many calls is hardly moved by one of them. Where few calls would leave so few bins that a stretch of time is
# one of them, half as many calls have to do.
LEAST_CALLS, FEW_BINS = 10, 60
# First calls are few, and the memory of one hardly differs from that of another.
LEAST_FIRST_CALLS = 3
HOUR, DAY = 3_600_000_000, 86_400_000_000
# The rhythm is read off the last days, and taken out where it is more than chance and more than this.
DAYS, LEAST_AMPLITUDE, RHYTHM_ALPHA = 28, 0.05, 0.05
SECOND = 1_000_000


class Bins(Struct, frozen=True):
    """`values` in the order of time; the calls of a bin ended from `first` to `last`, in microseconds."""

    values: list[float]
    first: list[int]
    last: list[int]
    n: int
    evidence: str

    @property
    def middles(self) -> list[float]:
        """Seconds since the first call."""
        return [((a + b) / 2 - self.first[0]) / SECOND for a, b in zip(self.first, self.last, strict=True)]


def one_function(scope: Scope) -> bool:
    """Functions mixed together change with every change of their mixture: nothing about time is asked of all at once."""
    return scope.function is not None or not scope.named


def equal_count(
    engine: Engine, scope: Scope, value: str, condition: str, least_calls: int = LEAST_CALLS
) -> Bins | None:
    """The aggregate `value` of invocations for which `condition` holds, in up to 240 bins; None where 24 cannot be filled."""
    where = f"{scope.where} AND end_time IS NOT NULL AND {condition}"
    n = engine.numbers(f"SELECT count(*) AS n FROM invocations WHERE {where}")[0]["n"]
    count = min(MOST_BINS, max(n // least_calls, min(FEW_BINS, 2 * n // least_calls)))
    if not one_function(scope) or count < LEAST_BINS:
        return None
    answer = engine.ask(f"""
WITH calls AS (
  SELECT *, (row_number() OVER (ORDER BY end_time, source, position) - 1) * {count} // {n} AS bin
  FROM invocations WHERE {where}
)
SELECT bin, epoch_us(min(end_time)) AS first, epoch_us(max(end_time)) AS last, {value} AS value
FROM calls GROUP BY bin ORDER BY bin""")
    columns = {name: [row[name] for row in answer.rows] for name in ("value", "first", "last")}
    return Bins(columns["value"], columns["first"], columns["last"], n, answer.id)


def durations(engine: Engine, scope: Scope) -> Bins | None:
    """Median log duration of warm calls that went well, without the rhythm of the day where there is one."""
    return equal_count(engine, scope, f"quantile_cont({log_duration(engine, scope)}, 0.5)", WARM_AND_WELL)


def first_memory(engine: Engine, scope: Scope) -> Bins | None:
    """Median log memory of the first calls of environments: later ones show what the environment took before."""
    value = "quantile_cont(ln(max_memory_mb), 0.5)"
    return equal_count(engine, scope, value, "nth = 1 AND max_memory_mb > 0", LEAST_FIRST_CALLS)


def log_duration(engine: Engine, scope: Scope) -> str:
    """SQL for the logarithm of a duration, less what is usual at that hour of the day where hours differ."""
    found, _ = daily(engine, scope)
    if found is None or found.p > RHYTHM_ALPHA or found.amplitude < LEAST_AMPLITUDE:
        return "ln(duration_ms)"
    usual = ", ".join(f"{phase or 0.0:.6g}" for phase in found.phases)
    return f"(ln(duration_ms) - list_extract([{usual}], (epoch_us(end_time) // {HOUR} % 24 + 1)::INTEGER))"


def daily(engine: Engine, scope: Scope) -> tuple[Rhythm | None, str]:
    """The rhythm of the hours of the day (UTC) in log durations, None below two days, and the evidence it rests on."""
    return _repeating(engine, scope, HOUR, 24, DAYS)


def weekly(engine: Engine, scope: Scope) -> tuple[Rhythm | None, str]:
    """The rhythm of the days of the week, None below two weeks."""
    return _repeating(engine, scope, DAY, 7, 4 * DAYS)


def _repeating(engine: Engine, scope: Scope, length: int, period: int, days: int) -> tuple[Rhythm | None, str]:
    where = f"{scope.where} AND end_time IS NOT NULL AND {WARM_AND_WELL}"
    (row,) = engine.numbers(
        f"SELECT epoch_us(min(end_time)) AS first, epoch_us(max(end_time)) AS last FROM invocations WHERE {where}"
    )
    if not one_function(scope) or row["first"] is None or row["last"] - row["first"] < 2 * (period - 1) * length:
        return None, ""
    answer = engine.ask(f"""
SELECT epoch_us(end_time) // {length} AS cell, quantile_cont(ln(duration_ms), 0.5) AS y
FROM invocations WHERE {where} AND epoch_us(end_time) > {row["last"] - days * DAY}
GROUP BY cell HAVING count(*) >= 3 ORDER BY cell""")
    return rhythm([(cell["cell"], cell["y"]) for cell in answer.rows], period), answer.id
