"""Whether two columns rise together within strata: rank correlation and slope from sums that SQL makes.

Ranks and means are taken inside each stratum, so what differs between strata counts for nothing. Errors are those of sums
over clusters (Liang and Zeger 1986), taken over one kind of cluster or the larger over two kinds.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import expm1, sqrt
from typing import Any

from analyzer.lake import Answer, Engine
from analyzer.measure.statistics import Interval, clustered_estimate, two_sided_p


def associate(engine: Engine, source: str, clusters: Mapping[str, str]) -> Answer:
    """One row of sums over `source`, a SELECT of x, y, stratum and the columns that `clusters` names, with words for print.

    `rho` is the correlation of midranks within strata, each stratum's scaled to the same range; `slope` is that of y on x.
    For each kind of cluster there are its number and the sums of squared scores of both.
    """
    scores = ",\n     ".join(
        f"by_{name} AS (SELECT count(*) AS c, sum(r * r) AS rr, sum(b * b) AS bb "
        f"FROM (SELECT sum(ru) AS r, sum(bu) AS b FROM scored GROUP BY {name}))"
        for name in clusters
    )
    columns = "".join(
        f",\n       (SELECT {sums} FROM by_{name}) AS {name}_{short}"
        for name in clusters
        for sums, short in (("c", "n"), ("rr", "rr"), ("bb", "bb"))
    )
    return engine.ask(f"""
WITH source AS MATERIALIZED ({source}
), ranked AS (
  SELECT *, count(*) OVER (PARTITION BY stratum) AS m,
         rank() OVER (PARTITION BY stratum ORDER BY x) + (count(*) OVER (PARTITION BY stratum, x) - 1) / 2 AS rx,
         rank() OVER (PARTITION BY stratum ORDER BY y) + (count(*) OVER (PARTITION BY stratum, y) - 1) / 2 AS ry,
         x - avg(x) OVER (PARTITION BY stratum) AS dx, y - avg(y) OVER (PARTITION BY stratum) AS dy
  FROM source
), centred AS (
  SELECT *, (rx - (m + 1) / 2) / m AS cx, (ry - (m + 1) / 2) / m AS cy FROM ranked
), sums AS (
  SELECT count(*) AS n, count(DISTINCT stratum) AS strata, sum(cx * cx) AS cxx, sum(cy * cy) AS cyy, sum(cx * cy) AS cxy,
         sum(dx * dx) AS dxx, sum(dx * dy) AS dxy
  FROM centred
), scored AS (
  SELECT centred.*,
         cx * cy / sqrt(cxx * cyy) - cxy / sqrt(cxx * cyy) * (cx * cx / cxx + cy * cy / cyy) / 2 AS ru,
         dx * (dy - dxy / dxx * dx) / dxx AS bu
  FROM centred, sums WHERE cxx > 1e-9 AND cyy > 1e-9
), {scores}
SELECT n, strata, cxy / sqrt(nullif(cxx * cyy, 0)) AS rho, dxy / nullif(dxx, 0) AS slope{columns}
FROM sums""")


def correlation(row: dict[str, Any], clusters: Mapping[str, str]) -> tuple[float, Interval, float]:
    """The rank correlation, its limits, and p of its being 0, at the kind of cluster that leaves it least certain."""
    p, interval = max(
        (
            (
                two_sided_p(row["rho"], sqrt(row[f"{name}_rr"]), row[f"{name}_n"]),
                clustered_estimate(row["rho"], sqrt(row[f"{name}_rr"]), row[f"{name}_n"], words),
            )
            for name, words in clusters.items()
        ),
        key=lambda pair: pair[0],
    )
    low, high = interval.low, interval.high
    within = Interval(
        None if low is None else max(-1.0, low), None if high is None else min(1.0, high), interval.method
    )
    return row["rho"], within, p


def relative_slope(row: dict[str, Any], clusters: Mapping[str, str]) -> tuple[float, Interval]:
    """By which part the exponential of y grows for each unit of x; the limits are the widest of all kinds of clusters."""
    intervals = [
        clustered_estimate(row["slope"], sqrt(row[f"{name}_bb"]), row[f"{name}_n"], words)
        for name, words in clusters.items()
    ]
    widest = max(intervals, key=lambda one: float("inf") if one.low is None or one.high is None else one.high - one.low)
    low, high = (None if limit is None else expm1(min(limit, 50.0)) for limit in (widest.low, widest.high))
    return expm1(row["slope"]), Interval(low, high, widest.method)
