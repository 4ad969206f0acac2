"""What stands for the calls of a large lake: read from its files in one pass, and asked instead of them."""

from __future__ import annotations

from collections.abc import Sequence

from analyzer.lake import Engine, text_literal
from analyzer.measure.family import CLUSTER
from analyzer.measure.metrics.concurrency import blocks, in_blocks
from analyzer.measure.scope import Scope

# Columns that no question about a part of the calls asks for.
LEFT_OUT = "log_group, trace_id, complete"
# Functions whose environments are read at once, about a million calls and 300 MB; those of the others when their turn comes.
MOST_FUNCTIONS = 20


def pool(engine: Engine, everything: Scope, functions: Sequence[Scope]) -> None:
    """Keeps every call of which some part is made: whole environments of the busiest functions, which come first, and of all
    together, every attempt of the drawn requests, and the drawn blocks of time. Nothing where the lake is small enough to be
    swept as a whole.
    """
    one_in = blocks(engine, everything)
    if one_in == 1:
        return
    busiest = functions[:MOST_FUNCTIONS]
    limits = ", ".join(f"({_literal(scope.function)}, {_literal(_below(scope))})" for scope in busiest)
    parts = [f"md5({CLUSTER}) < draws.below", f"({in_blocks(Scope(), one_in).where})"]
    parts += [draw.condition for draw in (everything.draw, everything.requests) if draw]
    held = [everything.thinned().where, *(scope.thinned().where for scope in busiest)]
    held += [in_blocks(scope, one_in).where for scope in (everything, *functions)]
    if everything.requests:
        held.append(everything.requests.condition)
    engine.pool(
        f"""
SELECT invocations.* EXCLUDE ({LEFT_OUT})
FROM invocations LEFT JOIN (VALUES {limits}) AS draws(name, below) ON function IS NOT DISTINCT FROM draws.name
WHERE {everything.where} AND ({" OR ".join(parts)})""",
        held,
    )


def _below(scope: Scope) -> str:
    # No digest begins with a g: of a function without a draw all calls stay.
    return scope.draw.below if scope.draw else "g"


def _literal(name: str | None) -> str:
    return "NULL" if name is None else text_literal(name)
