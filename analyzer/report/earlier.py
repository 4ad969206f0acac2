"""What is kept of an earlier report, and what is new, fixed, worse and better since.

A finding is a hypothesis that is shown in one of the two reports. One that is only weakly supported neither appears nor
vanishes: it would come and go with every week. What was shown and can no longer be tested is open, and not fixed.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
from msgspec.structs import replace

from analyzer.errors import UserError
from analyzer.model import SEVERITIES, STATES, Evidence, Hypothesis, Measured, Move, State
from analyzer.report.document import (
    SCHEMA,
    ChangedFinding,
    Changes,
    Earlier,
    EarlierFinding,
    EarlierFunction,
    FunctionReport,
    Period,
    Prediction,
)
from analyzer.report.symptoms import SYMPTOMS

Json = dict[str, Any]
HOLDS = ("supported", "weak")
SHOWN_ABSENT = ("not-supported", "refuted")
# Told beside what is compared: what the period cost and how much there was to do.
ALSO_KEPT = ("cost.usd", "cost.gb_seconds", "cost.per_success", "error.rate")


def open_report(path: Path) -> Json:
    """A report.json as it was written. Raises UserError when it is none."""
    try:
        report = json.loads(path.read_text("utf-8"))
    except OSError as problem:
        raise UserError(f"cannot read {path}: {problem.strerror}") from problem
    except ValueError as problem:
        raise UserError(f"{path} is no report.json: {problem}") from problem
    if not isinstance(report, dict) or report.get("schema") != SCHEMA:
        raise UserError(f"{path} is no report.json of schema {SCHEMA}")
    return report


def earlier(report: Json, compared: tuple[str, ...], *, whole: bool, where: str) -> Earlier:
    """What is kept of report.json, whose schema was looked at; `where` is its name. Raises UserError.

    `compared` are the metrics to keep. `whole` also keeps its predictions, which only a report that people saw has made.
    """
    kept = (*compared, *ALSO_KEPT)
    try:
        functions = [_function(one, kept) for one in report["functions"]]
        overall = _function(report["overall"] | {"hypotheses": []}, kept)
        predictions = msgspec.convert(report["predictions"], list[Prediction]) if whole else []
        period = msgspec.convert(report["period"], Period)
        names = {one.evidence for function in (*functions, overall) for one in function.numbers}
        names |= {one.before.evidence for one in predictions}
        queries = {name: report["evidence"][name] for name in sorted(names, key=_number)}
        evidence = {f"b{name[1:]}": one | {"id": f"b{name[1:]}"} for name, one in queries.items()}
        found = Earlier(
            kind=str(report["kind"]),
            whole=whole,
            period=period,
            overall=_renamed(overall),
            functions=[_renamed(one) for one in functions],
            predictions=[replace(one, before=_cited(one.before)) for one in predictions],
            evidence=msgspec.convert(evidence, dict[str, Evidence]),
        )
    except (KeyError, TypeError, AttributeError, msgspec.ValidationError) as problem:
        raise UserError(f"{where} is no report.json that this version can be held against: {problem}") from problem
    return replace(found, sha256=digest(found))


def digest(found: Earlier) -> str:
    """Of everything in it but the digest itself."""
    return hashlib.sha256(msgspec.json.encode(replace(found, sha256=""))).hexdigest()


def _function(function: Json, kept: tuple[str, ...]) -> EarlierFunction:
    numbers = [
        msgspec.convert(one, Measured)
        for name, entry in function["metrics"].items()
        if name in kept
        for one in (entry if isinstance(entry, list) else [entry])
    ]
    findings = msgspec.convert(function["hypotheses"], list[EarlierFinding])
    return EarlierFunction(function["name"], function["invocations"], function["versions"], numbers, findings)


def _renamed(function: EarlierFunction) -> EarlierFunction:
    return replace(function, numbers=[_cited(one) for one in function.numbers])


def _cited(measured: Measured) -> Measured:
    return replace(measured, evidence=f"b{measured.evidence[1:]}")


def _number(name: str) -> int:
    return int(name[1:])


# ── what changed ─────────────────────────────────────────────────────────────────────────────────────────────────────


def changes(before: Earlier, functions: list[FunctionReport], moves: list[Move]) -> Changes:
    """`moves` are those of the numbers of `functions` since `before`."""
    old, new = [one.name for one in before.functions], [one.name for one in functions]
    findings = sorted(
        _findings(before, functions, moves),
        key=lambda one: (STATES.index(one.state), SEVERITIES.index(one.severity), one.function, one.title),
    )
    return Changes(
        findings,
        sorted(moves, key=lambda move: (STATES.index(move.state), 1.0 if move.q is None else move.q)),
        [name for name in new if name not in old],
        [name for name in old if name not in new],
    )


def _findings(before: Earlier, functions: list[FunctionReport], moves: list[Move]) -> Iterator[ChangedFinding]:
    was = {one.fingerprint: one for function in before.functions for one in function.findings}
    names = {one.fingerprint: function.name for function in before.functions for one in function.findings}
    for function in functions:
        for now in function.hypotheses:
            past = was.pop(now.fingerprint, None)
            state = _state(past, now, [move for move in moves if move.function == function.name])
            if state is not None:
                severity = past.severity if past is not None and state in ("fixed", "open") else now.severity
                yield ChangedFinding(
                    function.name, now.id, now.title, state, severity, past.verdict if past else "absent", now.verdict
                )
    for past in was.values():
        if past.verdict == "supported":
            yield ChangedFinding(
                names[past.fingerprint], past.id, past.title, "open", past.severity, past.verdict, "absent"
            )


def _state(past: EarlierFinding | None, now: Hypothesis, moves: list[Move]) -> State | None:
    """None where the hypothesis is shown in neither of them."""
    held, holds = past is not None and past.verdict in HOLDS, now.verdict in HOLDS
    if "supported" not in (now.verdict, past.verdict if past else None):
        return None
    if holds and not held:
        return "new"
    if held and not holds:
        return "fixed" if now.verdict in SHOWN_ABSENT else "open"
    explained = {symptom.metric for symptom in SYMPTOMS if symptom.kind in now.explains}
    states = {move.state for move in moves if move.metric in explained}
    return next((state for state in ("worse", "better") if state in states), "unchanged")
