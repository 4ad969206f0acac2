"""What invocations say in their own lines about the things they call: that these refuse because of the rate, or do not answer.

The words are those of AWS SDKs, HTTP clients and sockets in the runtimes that Lambda has. A line of that kind names a cause, so
a failure beside it is not counted as one of the code itself. What Lambda writes about its own limit is no such line.
"""

from __future__ import annotations

from collections.abc import Iterator

from analyzer.lake import Engine, text_literal
from analyzer.measure.family import Example, Family, Settings, fact, share
from analyzer.measure.metrics.errors import KNOWN, KNOWN_POPULATION
from analyzer.measure.scope import Scope
from analyzer.model import Measured

# Error codes of the services (botocore lists them for its retries), status 429, and what libraries make of both.
THROTTLED = (
    r"(?i)throttl(ing|ed)|provisionedthroughputexceeded|toomanyrequests|too many requests|rate exceeded|requestlimitexceeded"
    r"|bandwidthlimitexceeded|limitexceededexception|slow ?down\b|requestthrottled|\b(status|code|http)\D{0,12}429\b"
)
UNANSWERED = (
    r"(?i)\be(socket)?timedout\b|\b(read|connect|connection|socket|request|gateway|operation) ?time(d ?)?out"
    r"|timeout ?(error|exception)\b|timed out|deadline ?exceeded|did not answer|due to a timeout|taskcanceled"
)
OWN_LIMIT = "task timed out"
# Ended by the code while it ran: a failed start is another matter.
OWN_FAILURE = "outcome IN ('error', 'crash')"


def measure(engine: Engine, scope: Scope, settings: Settings) -> Iterator[Measured]:
    throttled, unanswered = saying(scope, THROTTLED), saying(scope, UNANSWERED)
    for condition, words in ((throttled, THROTTLED), (unanswered, UNANSWERED)):
        if not engine.in_memory and not engine.numbers(f"{_lines(scope, words)} LIMIT 1"):
            # Where no line says so, no id has to be read.
            engine.shorter[condition] = "false"
    for metric, condition in (("downstream.throttled", throttled), ("downstream.unanswered", unanswered)):
        measured = share(engine, scope, f"{metric}.share", condition)
        if measured.value is not None:
            yield measured
            yield fact(f"{metric}.count", measured.k, "count", measured.n, scope, measured.evidence)
    own = share(
        engine,
        scope,
        "error.own.rate",
        f"{OWN_FAILURE} AND NOT ({throttled}) AND NOT ({unanswered})",
        of=KNOWN,
        population=KNOWN_POPULATION,
    )
    if own.value is not None:
        yield own
        yield fact("error.own.count", own.k, "count", own.n, scope, own.evidence)


def saying(scope: Scope, words: str) -> str:
    """SQL for: a warning or an error of this request matches `words`."""
    return f"coalesce(request_id IN ({_lines(scope, words)}), false)"


def _lines(scope: Scope, words: str) -> str:
    return f"""
    SELECT request_id FROM events
    WHERE {scope.where_events} AND kind IN ('warning', 'error', 'fault') AND request_id IS NOT NULL
      AND regexp_matches(message, {text_literal(words)}) AND NOT contains(lower(message), '{OWN_LIMIT}')
  """


FAMILY = Family(
    name="complaints",
    measure=measure,
    thinned_together=True,
    example=Example(
        invocations=[
            {"request_id": "fine"},
            {"request_id": "refused"},
            {"request_id": "refused for good", "outcome": "error"},
            {"request_id": "waiting", "outcome": "error"},
            {"request_id": "broken", "outcome": "error"},
            {"request_id": "at its limit", "outcome": "timeout"},
        ],
        events=[
            {"request_id": "refused", "kind": "warning", "message": "PutItem: Rate exceeded, try 2"},
            {
                "request_id": "refused for good",
                "kind": "error",
                "message": "[ERROR] ClientError: An error occurred (ThrottlingException) when calling the UpdateItem operation",
            },
            {"request_id": "waiting", "kind": "error", "message": "Error: connect ETIMEDOUT 10.0.3.7:443"},
            {"request_id": "broken", "kind": "error", "message": "[ERROR] KeyError: 'customer_id'"},
            {"request_id": "at its limit", "kind": "error", "message": "Task timed out after 3.00 seconds"},
        ],
        expect={
            "downstream.throttled.count": 2,
            "downstream.throttled.share": 1 / 3,
            "downstream.unanswered.count": 1,
            "downstream.unanswered.share": 1 / 6,
            "error.own.count": 1,
            "error.own.rate": 1 / 6,
        },
    ),
)
