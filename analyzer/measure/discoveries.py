"""Of many tests some look like a discovery: what is told of many functions allows for how many were asked.

A report puts the same questions to every function, and each has its p. Here the p of each family of questions becomes the
least false discovery rate at which it would still count (Benjamini and Hochberg 1995), so that a rule that asks for p at
most 0.01 lets one in a hundred of what it finds be chance, however many functions there are. Functions that share an
incident depend on each other in the way that this allows for (Benjamini and Yekutieli 2001). The p of one function among
others is therefore larger than the same logs alone would give it.
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from analyzer.measure.two_groups import adjusted
from analyzer.model import FunctionMeasurements, Measured, MomentKind, SymptomKind

# Questions that are asked together: a finding about any of them is one discovery among all. Whether hours differ (rhythm.p) is not
# among them, because nobody is told so on its account, nor is version.failing.delay_p, which speaks for a rule where it is large.
FAMILIES = (
    ("change.p", "error_change.p", "memory_change.p"),
    ("episode.p",),
    ("trend.p", "trend.memory_p"),
    ("version.p", "version.failing.p"),
    ("memory.leak.records_p",),
    ("memory.first_call.rho_p",),
    ("concurrency.load.p",),
    ("concurrency.cap.p",),
    ("modes.p",),
)
# What is found at all only where chance does not explain it, at 1 % of one series: of many, this part may be chance.
FALSE_DISCOVERIES = 0.05
FOUND: dict[str, tuple[MomentKind, ...]] = {
    "change": ("change",),
    "error_change": ("error-change",),
    "memory_change": ("memory-change",),
    "episode": ("episode-begin", "episode-end"),
}
SHOWN_BEHIND: dict[str, SymptomKind] = {"change": "changed", "episode": "episode"}


def controlled(functions: Sequence[FunctionMeasurements]) -> list[FunctionMeasurements]:
    """The same functions; what so many tests give by chance is no longer found in them."""
    held = [dict(function.metrics) for function in functions]
    for family in FAMILIES:
        tests = [
            (metrics, name, measured) for metrics in held for name in family if (measured := _tested(metrics, name))
        ]
        adjusted_p = adjusted([1.0 if measured.value is None else measured.value for _, _, measured in tests])
        for (metrics, name, measured), q in zip(tests, adjusted_p, strict=True):
            if name in metrics and q != measured.value:
                note = f"{measured.value:.3g} before it was adjusted for {len(tests)} tests"
                q = float(f"{q:.6g}")
                metrics[name] = replace(measured, value=q, low=q, high=q, note=_joined(measured.note, note))
    return [_told(function, metrics) for function, metrics in zip(functions, held, strict=True)]


def _tested(metrics: dict[str, Measured], name: str) -> Measured | None:
    """The p, or where none is given because nothing was found, the count that says so, whose p may be anything."""
    if name in metrics:
        return metrics[name]
    looked = metrics.get(f"{name.removesuffix('.p')}.count")
    return None if looked is None else replace(looked, value=1.0)


def _told(function: FunctionMeasurements, metrics: dict[str, Measured]) -> FunctionMeasurements:
    """The function without what is found no more."""
    moments, behind = function.moments, function.behind
    for name, kinds in FOUND.items():
        count, p = metrics.get(f"{name}.count"), metrics.get(f"{name}.p")
        if count is None or not count.value or p is None or (p.value or 0.0) <= FALSE_DISCOVERIES:
            continue
        for metric in [metric for metric in metrics if metric.startswith(f"{name}.")]:
            if metric not in (f"{name}.count", f"{name}.p"):
                del metrics[metric]
        note = f"{count.value:g} of which so many tests give as many by chance"
        metrics[f"{name}.count"] = replace(count, value=0.0, low=0.0, high=0.0, note=_joined(count.note, note))
        moments = [moment for moment in moments if moment.kind not in kinds]
        behind = {kind: lines for kind, lines in behind.items() if kind != SHOWN_BEHIND.get(name)}
    return replace(function, metrics=metrics, moments=moments, behind=behind)


def _joined(note: str | None, more: str) -> str:
    return f"{note}; {more}" if note else more
