"""What the timeouts say of the limit: whether it cuts a smooth tail off, or ends calls that would never have come back.

A call that timed out would have taken at least as long as the limit: its duration is censored there. Quantiles that know this
come from the product-limit estimate (Kaplan and Meier 1958), its variance from Greenwood 1926, their limits from the
times at which the survival curve's limits, made on the scale of log(-log), pass 1 - p (Brookmeyer and Crowley 1982).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from statistics import NormalDist

from analyzer.lake import Answer, Engine
from analyzer.measure.family import Example, Family, Settings, fact, noted, spreads
from analyzer.measure.scope import Scope
from analyzer.model import Measured

# The longest limit that Lambda allows, in seconds.
LONGEST = 900
# A limit is proposed at this multiple of the longest call that came back by itself.
HEADROOM = 1.5
# Steps in which people set timeouts.
STEPS = (1, 2, 3, 5, 10, 15, 20, 30, 45, 60, 90, 120, 180, 240, 300, 420, 600, LONGEST)
# Below this many completed calls the longest one says too little about the next.
LEAST_COMPLETED = 10
# The limit is this multiple of the most that the 99.9th percentile may be, where the calls are enough to say that.
ABOVE_UPPER_LIMIT = 1.2
LEAST_FOR_P999 = 3_000
# A percentile and the fewest calls that can tell it from the longest of them.
SURVIVAL = {"p50": (0.5, 2), "p95": (0.95, 20), "p99": (0.99, 100), "p999": (0.999, 1_000)}
# Beyond this many calls, durations are grouped by their first four digits.
MOST_EXACT = 2_000_000
Z = NormalDist().inv_cdf(0.975)


def measure(engine: Engine, scope: Scope, settings: Settings) -> Iterator[Measured]:
    answer = engine.ask(f"""
WITH limits AS (
  SELECT max(timeout_s) AS timeout_s FROM invocations WHERE {scope.where} AND duration_ms IS NOT NULL
)
SELECT any_value(limits.timeout_s) AS timeout_s,
       count(*) FILTER (outcome = 'timeout') AS timeouts,
       count(*) FILTER (outcome <> 'timeout') AS completed,
       max(duration_ms) FILTER (outcome <> 'timeout') AS longest,
       count(*) FILTER (outcome <> 'timeout' AND duration_ms > limits.timeout_s * 500) AS close,
       quantile_disc(duration_ms, 0.995) FILTER (outcome <> 'timeout') AS p995
FROM (FROM invocations WHERE {scope.where} AND duration_ms IS NOT NULL) AS calls, limits""")
    row = answer.row
    limit, completed, longest = row["timeout_s"], row["completed"], row["longest"]
    if limit:
        yield fact("timeout.limit", limit, "s", row["timeouts"], scope, answer.id)
        yield fact("timeout.density", row["close"] / row["timeouts"], "ratio", row["timeouts"], scope, answer.id)
        if completed:
            yield fact("timeout.headroom", longest / (limit * 1000), "ratio", completed, scope, answer.id)
            yield fact("timeout.gap", row["p995"] / (limit * 1000), "ratio", completed, scope, answer.id)
    n = completed + row["timeouts"]
    part = scope.thinned()
    survival = _survival(engine, part, n) if row["timeouts"] or n >= LEAST_FOR_P999 else None
    if survival and row["timeouts"]:
        for measured in _quantiles(survival, part):
            yield noted(measured, part.note)
    upper = survival.row["p999_high"] if survival and n >= LEAST_FOR_P999 else None
    if survival and upper is not None:
        n = survival.row["calls"]
        note = f"{ABOVE_UPPER_LIMIT} times the upper limit of the 99.9th percentile of {n} calls, rounded up"
        recommended = fact("timeout.recommended", step(upper, ABOVE_UPPER_LIMIT), "s", n, scope, survival.id, note=note)
        yield noted(recommended, part.note)
    elif completed >= LEAST_COMPLETED:
        note = f"{HEADROOM} times the longest of {completed} calls that came back, rounded up"
        yield fact("timeout.recommended", step(longest, HEADROOM), "s", completed, scope, answer.id, note=note)


def _survival(engine: Engine, scope: Scope, n: int) -> Answer:
    """One row: for each quantile its value and limits in ms, NULL where the curve never comes down so far; the longest call."""
    time = (
        "duration_ms"
        if n <= MOST_EXACT
        else "round(duration_ms, 3 - floor(log10(greatest(duration_ms, 0.01)))::INTEGER)"
    )
    # Calls of one environment are alike: the variance grows by the design effect of the share below each quantile.
    sizes = spreads(engine, scope, "duration_ms", {name: p for name, (p, _) in SURVIVAL.items()})
    z = {name: f"{Z * math.sqrt(size.n / size.effective):.6g}" for name, size in sizes.items()}
    columns = ",\n       ".join(
        f"min(t) FILTER (s <= {1 - p:.6g} + 1e-9) AS {name}, "
        f"min(t) FILTER (s ** exp({z[name]} * w) <= {1 - p:.6g} + 1e-9) AS {name}_low, "
        f"min(t) FILTER (s ** exp(-{z[name]} * w) <= {1 - p:.6g} + 1e-9) AS {name}_high"
        for name, (p, _) in SURVIVAL.items()
    )
    return engine.ask(f"""
WITH times AS (
  SELECT {time} AS t, count(*) FILTER (outcome <> 'timeout') AS ended, count(*) AS n
  FROM invocations WHERE {scope.where} AND duration_ms IS NOT NULL GROUP BY t
), at_risk AS (
  SELECT t, ended, sum(n) OVER (ORDER BY t DESC) AS r FROM times
), curve AS (
  SELECT t, product(1 - ended / r) OVER (ORDER BY t) AS s,
         sum(ended / (r * nullif(r - ended, 0))) OVER (ORDER BY t) AS v
  FROM at_risk
), limits AS (
  SELECT t, s, CASE WHEN s > 0 AND s < 1 THEN sqrt(v) / -ln(s) END AS w FROM curve
)
SELECT max(t) AS longest, (SELECT sum(n)::BIGINT FROM times) AS calls, (SELECT sum(n - ended)::BIGINT FROM times) AS cut_off,
       {columns}
FROM limits""")


def _quantiles(survival: Answer, scope: Scope) -> Iterator[Measured]:
    n = survival.row["calls"]
    for name, (_, least) in SURVIVAL.items():
        if n < least:
            continue
        value, low, high = (survival.row[f"{name}{limit}"] for limit in ("", "_low", "_high"))
        note = f"{survival.row['cut_off']} of {n} calls were cut off"
        if value is None:
            value, note = survival.row["longest"], f"at least this: {note}"
        elif high is None:
            note = f"no upper limit: {note}"
        yield Measured(
            metric=f"duration.km.{name}",
            value=value,
            low=low,
            high=high,
            unit="ms",
            n=n,
            population=scope.population,
            evidence=survival.id,
            interval="Kaplan-Meier, log-log limits",
            note=note,
        )


def step(longest_ms: float, factor: float) -> float:
    """Seconds: the next usual step above so many times a duration, at most what Lambda allows."""
    wanted = math.ceil(longest_ms / 1000 * factor)
    return float(next((step for step in STEPS if step >= wanted), LONGEST))


FAMILY = Family(
    name="timeouts",
    measure=measure,
    thinned_together=True,
    example=Example(
        invocations=[{"duration_ms": 1000.0 * second, "outcome": "ok"} for second in range(1, 11)]
        + [{"duration_ms": 12_000.0, "outcome": "timeout", "timeout_s": 12.0}] * 2,
        expect={
            "timeout.limit": 12.0,
            "timeout.density": 2.0,
            "timeout.headroom": 10 / 12,
            "timeout.gap": 10 / 12,
            "timeout.recommended": 15.0,
            "duration.km.p50": 6000.0,
        },
    ),
)
