"""What the billed durations cost at list price: the first tier, before free tier, savings plans and discounts."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import msgspec

from analyzer.lake import Engine
from analyzer.measure.family import Example, Family, Settings, fact
from analyzer.measure.metrics.memory import latest_size, next_size
from analyzer.measure.scope import Scope
from analyzer.model import Measured

DEFAULT_REGION = "us-east-1"


@cache
def price_table() -> dict[str, Any]:
    """List prices by region in USD, with the day they were read."""
    table: dict[str, Any] = msgspec.json.decode((Path(__file__).parent.parent / "prices.json").read_bytes())
    return table


def list_price(settings: Settings) -> tuple[dict[str, float], str]:
    """The prices of the region that the logs name, else of the default one, and a note that says which these are."""
    prices = price_table()
    region = settings.region if settings.region in prices["regions"] else DEFAULT_REGION
    assumed = "" if settings.region == region else ", region assumed"
    return prices["regions"][region], f"list price of {region} on {prices['as_of']}, x86{assumed}"


def measure(engine: Engine, scope: Scope, settings: Settings) -> Iterator[Measured]:
    paid = scope.narrowed("billed_ms IS NOT NULL AND memory_mb > 0", scope.population)
    answer = engine.ask(f"""
SELECT count(*) AS n, sum(billed_ms::BIGINT * memory_mb) / 1024.0 / 1000.0 AS gb_seconds,
       ({latest_size(paid.where)}) AS size
FROM invocations WHERE {paid.where}""")
    row = answer.row
    n, gb_seconds = row["n"], row["gb_seconds"]
    if n == 0:
        return
    price, note = list_price(settings)

    def usd(seconds: float) -> float:
        return float(f"{seconds * price['x86_gb_second'] + n * price['request']:.9g}")

    yield fact("cost.gb_seconds", gb_seconds, "GB-s", n, scope, answer.id)
    yield fact("cost.usd", usd(gb_seconds), "USD", n, scope, answer.id, note=note)
    growth = next_size(row["size"]) / row["size"]
    yield Measured(
        metric="cost.experiment",
        value=usd(gb_seconds * growth),
        # As cheap as today if the time falls as the memory grows, this many times as much if it does not fall at all.
        low=usd(gb_seconds),
        high=usd(gb_seconds * growth),
        unit="USD",
        n=n,
        population=scope.population,
        evidence=answer.id,
        interval="from a duration that halves to one that stays",
        bounds=True,
        note=note,
    )


FAMILY = Family(
    name="cost",
    measure=measure,
    example=Example(
        invocations=[{"billed_ms": 1000.0, "memory_mb": 1024}, {"billed_ms": 500.0, "memory_mb": 2048}],
        expect={"cost.gb_seconds": 2.0, "cost.usd": 3.37334e-05},
    ),
)
