"""The verbs in order: ingest, measure, diagnose, compose, render."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from msgspec import Struct
from msgspec.structs import asdict

from analyzer import __version__
from analyzer.diagnose import Rule, check_references, diagnose, load_rules
from analyzer.errors import NoInvocations, UserError
from analyzer.ingest import Ingested, ingest
from analyzer.intake import Watcher, nothing_read, open_lake
from analyzer.lake import Lake
from analyzer.measure import COMPARED, Threshold, Window, compare, measure, price_table, span
from analyzer.model import SEVERITIES, Hypothesis, Measured, Measurements, Move, Severity, Suppression
from analyzer.report import (
    Asked,
    Earlier,
    Objective,
    Output,
    Report,
    Templates,
    compose,
    earlier,
    open_report,
    render,
    second_process,
    to_json,
)
from analyzer.report.redaction import redact_all
from analyzer.resources import shipped

if TYPE_CHECKING:
    import pandas as pd

# The kind that looks at a week, and at the week before it, when nobody says otherwise.
WEEKLY, WEEK = "weekly", "7d"


class Options(Struct, frozen=True, kw_only=True):
    """What a report is to be like. The defaults are those of the command line.

    `baseline` is the path of an earlier report.json, or a span such as 7d: that much of the lake before the window.
    `objectives` are such as 99.9% or 95%<2s.
    """

    kind: str = "error-analysis"
    since: str | None = None
    until: str | None = None
    baseline: str | None = None
    thresholds: tuple[Threshold, ...] = ()
    objectives: tuple[str, ...] = ()
    rules: Path | None = None
    templates: Path | None = None
    redact: bool = True
    formats: tuple[str, ...] = ()
    region: str | None = None
    suppressions: tuple[Suppression, ...] = ()


class Written(Struct, frozen=True):
    """A finished report, the files it was written to, and what was read for it."""

    report: Report
    files: list[Path]
    ingested: Ingested | None = None


def analyze(
    paths: list[str],
    output: Path,
    *,
    lake: Path | None = None,
    function: str | None = None,
    options: Options = Options(),  # noqa: B008 -- frozen
    watcher: Watcher = Watcher(),  # noqa: B008 -- frozen
    processes: int = 1,
) -> Written:
    """Read logs, write a report to `output`: a folder, or a file whose suffix says which format.

    `lake` keeps the Parquet there; without it a temporary lake is used. Raises UserError for anything the caller must
    mend and NoInvocations when the logs hold nothing to report on.
    """
    tools = _Tools(options, output)
    with _lake(lake) as opened:
        ingested = ingest(paths, opened, function=function, progress=watcher.ingesting, processes=processes)
        for sentence in ingested.unreadable:
            watcher.unreadable(sentence)
        if not ingested.read and not ingested.already_there:
            raise nothing_read(paths, ingested)
        written = _report(
            opened, tools, options, watcher, processes, subject=_subject(paths), unreadable=ingested.unreadable
        )
    return Written(written.report, written.files, ingested)


def write_report(
    lake: Path,
    output: Path,
    *,
    options: Options = Options(),  # noqa: B008 -- frozen
    watcher: Watcher = Watcher(),  # noqa: B008 -- frozen
    processes: int = 1,
) -> Written:
    """Write a report on what is in a lake already; with more than one of `processes` a second one draws the pictures."""
    return _report(open_lake(lake), _Tools(options, output), options, watcher, processes, subject=None, unreadable=[])


def measurements(lake: Path, *, options: Options = Options(), watcher: Watcher = Watcher()) -> pd.DataFrame:  # noqa: B008
    """Every number that a report on this lake would rest on as a pandas DataFrame, one a row: the columns of `Measured`, and
    the function that it is about, which is "all functions" where it is about all of them.

    Of `options` the window, the thresholds, the objectives and the region count. Raises NoInvocations where there are none.
    """
    import pandas as pd

    opened = open_lake(lake)
    found = _measured(opened, Window.of(options.since, options.until, opened), options, watcher)
    if found is None:
        raise NoInvocations("the lake holds no Lambda invocation in this window")
    rows = [
        {"function": function.name} | asdict(measured)
        for function in (found.overall, *found.functions)
        for measured in (*function.metrics.values(), *function.breaches, *function.slices)
        # The metric of that name is the breach of the headline once more.
        if measured is not function.metrics.get("breach.rate")
    ]
    return pd.DataFrame(rows).astype({"n": "Int64", "k": "Int64"})


def reached(report: Report, level: Severity | Literal["new"]) -> list[Hypothesis]:
    """The supported hypotheses whose severity is at least `level`, but for those that are suppressed.

    With "new" those of a severity above info that are new, or worse, since the earlier report. Raises UserError without one.
    """
    if level == "new":
        if report.changes is None:
            raise UserError(
                "--fail-on new needs something to compare with: --baseline, an earlier report.json or a span"
            )
        changed = {(one.function, one.hypothesis) for one in report.changes.findings if one.state in ("new", "worse")}
        return [
            one
            for function in report.functions
            for one in function.hypotheses
            if (function.name, one.id) in changed
            and one.verdict == "supported"
            and one.severity != "info"
            and not one.suppressed
        ]
    grave = SEVERITIES[: SEVERITIES.index(level) + 1]
    hypotheses = (hypothesis for function in report.functions for hypothesis in function.hypotheses)
    return [one for one in hypotheses if one.verdict == "supported" and one.severity in grave and not one.suppressed]


class _Tools:
    """Rules, templates and the place to write to, looked at before any log is: a slip should not cost an hour of reading."""

    def __init__(self, options: Options, output: Path) -> None:
        self.rules: list[Rule] = rules_from(options.rules)
        known = {rule.id for rule in self.rules}
        for one in options.suppressions:
            if one.hypothesis not in known:
                raise UserError(
                    f"a suppression names {one.hypothesis}, which is no rule; `reportline rules list` lists them"
                )
        if options.region is not None and options.region not in price_table()["regions"]:
            raise UserError(f"there are no prices of the region {options.region}")
        self.templates = Templates(options.templates, options.kind, redacted=options.redact)
        self.output = Output.at(output, options.formats)
        self.earlier: Earlier | None = None
        for text in options.objectives:
            Objective.parse(text)
        if options.baseline is None:
            return
        if span(options.baseline) is None:
            path = Path(options.baseline)
            report = open_report(path)
            # It may have been written without masking; what is kept of it must not come out unmasked here.
            report = redact_all(report) if options.redact else report
            self.earlier = earlier(report, COMPARED, whole=True, where=str(path))
        elif options.since is None and options.kind != WEEKLY:
            raise UserError(
                f"--baseline {options.baseline} is that much before the window, so say where the window begins: --since"
            )


def rules_from(folder: Path | None) -> list[Rule]:
    """The shipped rules, then those of `folder`, which replace shipped ones of the same id."""
    rules = {rule.id: rule for rule in load_rules(shipped("rules"))}
    if folder is not None:
        if not folder.is_dir():
            raise UserError(f"there is no folder of rules {folder}")
        rules |= {rule.id: rule for rule in load_rules(folder)}
    check_references(rules.values())
    return [rules[name] for name in sorted(rules)]


@contextmanager
def _lake(folder: Path | None) -> Iterator[Lake]:
    if folder is not None:
        yield Lake(folder)
        return
    with tempfile.TemporaryDirectory(prefix="reportline-") as temporary:
        yield Lake(Path(temporary))


def _report(
    lake: Lake,
    tools: _Tools,
    options: Options,
    watcher: Watcher,
    processes: int,
    *,
    subject: str | None,
    unreadable: list[str],
) -> Written:
    beside = second_process() if processes > 1 and tools.output.illustrated else nullcontext()
    with beside as pipe:
        composed, measurements = compose_report(
            lake, tools.rules, options, watcher, subject=subject, unreadable=unreadable, before=tools.earlier
        )
        watcher.stage("writing")
        files = render(composed, measurements, tools.templates, tools.output, lake, pipe)
    return Written(composed, files)


def compose_report(
    lake: Lake,
    rules: list[Rule],
    options: Options,
    watcher: Watcher,
    *,
    subject: str | None = None,
    unreadable: list[str] | None = None,
    before: Earlier | None = None,
) -> tuple[Report, Measurements]:
    """Measure, diagnose and compose; what was measured comes along for the pictures. Raises NoInvocations.

    `before` is what the report is held against where that is a file; an earlier window of the lake is measured here.
    """
    window, preceding = _windows(options, lake)
    measurements = _measured(lake, window, options, watcher)
    if measurements is None:
        within = " in the chosen window" if window != Window() else ""
        raise NoInvocations(f"the logs hold no Lambda invocation{within}: no START or REPORT line was found")
    if before is None and preceding is not None:
        before = _before(lake, preceding, rules, options, watcher)
        if before is None and options.baseline is not None:
            raise NoInvocations(
                f"the lake holds no Lambda invocation in the {options.baseline} before the window, so there is no baseline"
            )
    return _composed(measurements, rules, options, watcher, subject, unreadable or [], before), measurements


def _windows(options: Options, lake: Lake) -> tuple[Window, Window | None]:
    """The window that is reported, and the one before it where one is to be looked at."""
    weekly, length = options.kind == WEEKLY, span(options.baseline or "")
    window = Window.of(options.since, options.until, lake)
    week = span(WEEK) or 0
    if weekly and options.since is None:
        window = Window.of(WEEK, None, lake) if window.end is None else Window(window.end - week, window.end)
    if length is None and weekly and options.baseline is None:
        length = week
    return window, window.preceding(length) if length is not None and window.begin is not None else None


def _measured(lake: Lake, window: Window, options: Options, watcher: Watcher) -> Measurements | None:
    """An objective that names a duration has it measured as a threshold."""
    watcher.stage("measuring")
    named = [Objective.parse(text).threshold for text in options.objectives]
    thresholds = {one.text: one for one in (*options.thresholds, *(Threshold.parse(text) for text in named if text))}
    return measure(
        lake, window=window, thresholds=tuple(thresholds.values()), region=options.region, progress=watcher.stage
    )


def _before(lake: Lake, window: Window, rules: list[Rule], options: Options, watcher: Watcher) -> Earlier | None:
    """The report that this window would have got; None where it holds no invocation."""
    measurements = _measured(lake, window, options, watcher)
    if measurements is None:
        return None
    composed = _composed(measurements, rules, options, watcher, None, [], None)
    return earlier(json.loads(to_json(composed, redacted=options.redact)), COMPARED, whole=False, where="the lake")


def _composed(
    measurements: Measurements,
    rules: list[Rule],
    options: Options,
    watcher: Watcher,
    subject: str | None,
    unreadable: list[str],
    before: Earlier | None,
) -> Report:
    watcher.stage("diagnosing")
    hypotheses = {function.name: diagnose(function, rules) for function in measurements.functions}
    asked = Asked(
        options.since,
        options.until,
        [one.text for one in options.thresholds],
        options.redact,
        options.baseline,
        list(options.objectives),
        options.region,
        list(options.suppressions),
    )
    return compose(
        measurements,
        hypotheses,
        kind=options.kind,
        version=__version__,
        asked=asked,
        subject=subject,
        unreadable=unreadable,
        earlier=before,
        moves=None if before is None else _moves(before, measurements),
    )


def _moves(before: Earlier, measurements: Measurements) -> list[Move]:
    then: dict[str, list[Measured]] = {one.name: one.numbers for one in before.functions}
    now = {one.name: [*one.breaches, *one.metrics.values()] for one in measurements.functions}
    return compare(then, now, measurements.overall.metrics["breach.rate"].threshold or "")


def _subject(paths: list[str]) -> str | None:
    """What the report is about, when one path says it."""
    if len(paths) != 1 or paths[0] == "-":
        return None
    return Path(paths[0]).resolve().name or None
