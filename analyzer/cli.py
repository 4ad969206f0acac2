"""The command line: options to library call, result to paper, exit code. The only module that prints."""

from __future__ import annotations

import gc
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from analyzer import __version__
from analyzer.errors import ReportlineError, UserError

if TYPE_CHECKING:
    from analyzer.configuration import Configuration
    from analyzer.ingest import Ingested, Progress
    from analyzer.intake import Watcher
    from analyzer.measure import Threshold
    from analyzer.pipeline import Options, Written

ISSUES = "https://github.com/reportline/reportline/issues"
BUG = 70

app = typer.Typer(
    help="Reads AWS Lambda logs offline and writes an error-analysis report: every number traceable, every hypothesis refutable.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
rules_app = typer.Typer(help="Look at the rules behind the hypotheses, and test your own.", no_args_is_help=True)
app.add_typer(rules_app, name="rules")


class Redact(StrEnum):
    strict = "strict"
    off = "off"


class Way(StrEnum):
    filter = "filter"
    insights = "insights"
    export = "export"


class Level(StrEnum):
    info = "info"
    warning = "warning"
    critical = "critical"
    new = "new"


Paths = Annotated[
    list[str], typer.Argument(metavar="PATH...", help="A file, a folder, s3://bucket/prefix, or - for standard input.")
]
Output = Annotated[
    Path,
    typer.Option("-o", "--output", help="report.md, report.html or report.json, or a folder, which gets everything."),
]
LakeFolder = Annotated[Path, typer.Option("--lake", metavar="DIR", help="The folder of Parquet.")]
KeptLake = Annotated[
    Path | None,
    typer.Option("--lake", metavar="DIR", help="Keep the Parquet here and reuse it.", show_default="temporary"),
]
Function = Annotated[
    str | None, typer.Option("--function", metavar="NAME", help="Names logs whose container carries no function name.")
]
Kind = Annotated[
    str | None,
    typer.Option(
        "--kind",
        help="Which report: error-analysis, incident, weekly, postmortem, or a template of your own.",
        show_default="error-analysis",
    ),
]
Since = Annotated[
    str | None, typer.Option("--since", metavar="T", help="Begin of the window: ISO 8601, or a span such as 24h or 7d.")
]
Until = Annotated[str | None, typer.Option("--until", metavar="T", help="End of the window, written like --since.")]
Thresholds = Annotated[
    list[str] | None,
    typer.Option("--threshold", metavar="'duration>60s'", help="A duration to hold against; may be given again."),
]
Baseline = Annotated[
    str | None,
    typer.Option(
        "--baseline",
        metavar="PATH|SPAN",
        help="What to compare with: an earlier report.json, or a span such as 7d before the window.",
    ),
]
Objectives = Annotated[
    list[str] | None,
    typer.Option(
        "--objective",
        metavar="'99.9%'",
        help="A share that must not fail, or, as '95%<2s', must be quick; shows the error budget. May be given again.",
    ),
]
Rules = Annotated[
    Path | None, typer.Option("--rules", metavar="DIR", help="More rules; the same id replaces a shipped one.")
]
TemplateFolder = Annotated[
    Path | None,
    typer.Option("--templates", metavar="DIR", help="Templates that replace shipped ones of the same name."),
]
Redaction = Annotated[
    Redact | None,
    typer.Option(
        "--redact", help="Mask secrets and personal data in everything that is written.", show_default="strict"
    ),
]
Config = Annotated[
    Path | None,
    typer.Option(
        "--config", metavar="FILE", help="What options are not given for.", show_default="reportline.toml, if there"
    ),
]
Formats = Annotated[
    list[str] | None,
    typer.Option(
        "--format", metavar="NAME", help="Another file in the folder: sarif, junit or slack; may be given again."
    ),
]
FailOn = Annotated[
    Level | None,
    typer.Option(
        "--fail-on",
        help="Exit with 1 when a supported finding is at least this grave; new: when one is new or worse than in --baseline.",
    ),
]


@app.command()
def analyze(
    paths: Paths,
    output: Output = Path("reportline-report"),
    kind: Kind = None,
    lake: KeptLake = None,
    function: Function = None,
    since: Since = None,
    until: Until = None,
    baseline: Baseline = None,
    threshold: Thresholds = None,
    objective: Objectives = None,
    rules: Rules = None,
    templates: TemplateFolder = None,
    redact: Redaction = None,
    more: Formats = None,
    config: Config = None,
    fail_on: FailOn = None,
) -> None:
    """Read logs and write a report, in one go. Works without any option."""
    from analyzer.configuration import configuration

    said = configuration(config)
    options = _options(said, kind, since, until, baseline, threshold, objective, rules, templates, redact, more)
    from analyzer import pipeline
    from analyzer.ingest import cores

    with _watching() as watcher:
        written = pipeline.analyze(
            paths,
            output,
            lake=lake or said.lake,
            function=function or said.function,
            options=options,
            watcher=watcher,
            processes=cores(),
        )
    _finish(written, fail_on or _choice(Level, "fail-on", said.fail_on))


@app.command()
def ingest(paths: Paths, lake: LakeFolder, function: Function = None) -> None:
    """Add logs to a lake. The same logs a second time add nothing."""
    from analyzer import intake
    from analyzer.ingest import cores

    with _watching() as watcher:
        ingested = intake.add_logs(paths, lake, function=function, watcher=watcher, processes=cores())
    _tell(ingested, lake)


@app.command()
def fetch(
    log_groups: Annotated[
        list[str], typer.Argument(metavar="LOG_GROUP...", help="A name such as /aws/lambda/checkout, or an ARN.")
    ],
    lake: LakeFolder,
    since: Annotated[
        str,
        typer.Option("--since", metavar="T", help="Begin: ISO 8601, or a span such as 24h that reaches back from now."),
    ],
    until: Annotated[
        str | None, typer.Option("--until", metavar="T", help="End, written like --since.", show_default="now")
    ] = None,
    via: Annotated[
        Way,
        typer.Option(
            "--via",
            help="filter: every event, page by page; insights: queries, which cost what they scan; export: through --bucket.",
        ),
    ] = Way.filter,
    bucket: Annotated[
        str | None,
        typer.Option(
            "--bucket",
            metavar="NAME",
            help="Where an export is written to, and left: same region, writable for CloudWatch Logs.",
        ),
    ] = None,
    function: Function = None,
) -> None:
    """Add log groups of CloudWatch Logs to a lake. What is there already adds nothing."""
    from analyzer import intake

    with _watching() as watcher:
        ingested = intake.fetch_logs(
            log_groups, lake, since=since, until=until, via=via.value, bucket=bucket, function=function, watcher=watcher
        )
    _tell(ingested, lake)


def _tell(ingested: Ingested, lake: Path) -> None:
    """A line a source: its container, how many lines it has, and what it is called."""
    for source in ingested.read:
        print(f"{source.container}\t{source.lines}\t{source.source}")
        if source.duplicates:
            print(f"known already\t{source.duplicates}\t{source.source}")
    for name in ingested.already_there:
        print(f"already there\t\t{name}")
    for name in ingested.skipped:
        print(f"no Lambda log\t\t{name}")
    repeated = sum(source.duplicates for source in ingested.read)
    _say(
        f"{ingested.invocations:,} invocations added to {lake}"
        + (f"; {repeated:,} more are told more than once" if repeated else "")
    )


@app.command()
def report(
    lake: LakeFolder,
    output: Output = Path("reportline-report"),
    kind: Kind = None,
    since: Since = None,
    until: Until = None,
    baseline: Baseline = None,
    threshold: Thresholds = None,
    objective: Objectives = None,
    rules: Rules = None,
    templates: TemplateFolder = None,
    redact: Redaction = None,
    more: Formats = None,
    config: Config = None,
    fail_on: FailOn = None,
) -> None:
    """Write a report on what is in a lake."""
    from analyzer.configuration import configuration

    said = configuration(config)
    options = _options(said, kind, since, until, baseline, threshold, objective, rules, templates, redact, more)
    from analyzer import pipeline
    from analyzer.ingest import cores

    with _watching() as watcher:
        written = pipeline.write_report(lake, output, options=options, watcher=watcher, processes=cores())
    _finish(written, fail_on or _choice(Level, "fail-on", said.fail_on))


@app.command()
def query(
    sql: Annotated[str, typer.Argument(metavar="SQL", help="Tables: invocations, events, sources.")], lake: LakeFolder
) -> None:
    """Ask the lake in SQL; the answer is tab-separated text."""
    import duckdb

    from analyzer import arrays
    from analyzer.intake import open_lake

    with open_lake(lake).open() as engine:
        try:
            table = engine.table(sql)
        except duckdb.Error as problem:
            raise UserError(f"the query failed: {str(problem).splitlines()[0]}") from problem
    print("\t".join(table.column_names))
    for row in arrays.rows(table):
        print("\t".join("" if cell is None else _inert(str(cell)) for cell in row.values()))


ReportFile = Annotated[Path, typer.Argument(metavar="REPORT.json", help="A report.json as Reportline wrote it.")]


@app.command()
def explain(
    report: ReportFile,
    number: Annotated[str, typer.Argument(metavar="ID", help="The mark of a number, such as q12.")],
    lake: Annotated[
        Path | None, typer.Option("--lake", metavar="DIR", help="Shows the lines behind the number too.")
    ] = None,
) -> None:
    """Show one number's query, what it gave, and the log lines behind it."""
    from analyzer import inquiry
    from analyzer.intake import open_lake
    from analyzer.report import open_report

    opened = open_lake(lake) if lake else None
    found = inquiry.explain(open_report(report), number, opened)
    parts = (
        ("numbers", found.numbers),
        ("query", found.sql.splitlines()),
        ("rows", None if found.rows is None else [str(row) for row in found.rows]),
        ("the slowest of them", found.lines),
    )
    for title, lines in parts:
        if lines:
            print(f"{title}:")
            for line in lines:
                print(f"  {_inert(line)}")


@app.command()
def verify(report: ReportFile, lake: LakeFolder, rules: Rules = None) -> None:
    """Compute every number of a report again; exits with 1 where one differs."""
    from analyzer import inquiry
    from analyzer.intake import open_lake
    from analyzer.report import open_report

    opened = open_report(report)
    differences = inquiry.verify(opened, open_lake(lake), rules)
    for difference in differences:
        print(_inert(difference))
    queries = len(opened["evidence"])
    _say(
        f"{len(differences):,} differences" if differences else f"every number holds: {queries} queries were run again"
    )
    raise typer.Exit(1 if differences else 0)


@app.command()
def diff(
    before: Annotated[Path, typer.Argument(metavar="A.json")], after: Annotated[Path, typer.Argument(metavar="B.json")]
) -> None:
    """What is new, fixed, worse, better and unchanged between two reports, as Markdown."""
    from analyzer import inquiry
    from analyzer.report import open_report

    changes = inquiry.diff(open_report(before), open_report(after))
    print(inquiry.as_markdown(changes), end="")


@app.command()
def why(
    request_id: Annotated[str, typer.Argument(metavar="REQUEST_ID")],
    lake: LakeFolder,
    redact: Redaction = None,
) -> None:
    """The life of one invocation: how it ended, how it compares, what its environment did before and after, its lines."""
    from analyzer import inquiry
    from analyzer.intake import open_lake
    from analyzer.report.redaction import redact as masked

    for life in inquiry.why(open_lake(lake), request_id):
        for line in inquiry.told(life):
            print(_inert(line if redact is Redact.off else masked(line)))


@app.command()
def simulate(
    scenario: Annotated[str | None, typer.Argument(metavar="SCENARIO", help="A name from --list.")] = None,
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", metavar="DIR", help="An empty folder, or one that is not there yet."),
    ] = None,
    seed: Annotated[int, typer.Option("--seed", min=0, help="The same seed gives the same bytes.")] = 1,
    invocations: Annotated[
        int,
        typer.Option("--invocations", min=1, max=200_000, help="How many events arrive; failed ones may come again."),
    ] = 2_000,
    container: Annotated[
        str, typer.Option("--container", help="How the logs are wrapped: s3-export, log-events-json or console-csv.")
    ] = "s3-export",
    ranges: Annotated[
        str, typer.Option("--ranges", metavar="NAME", help="What the numbers are drawn from: tuning or held-out.")
    ] = "tuning",
    names: Annotated[bool, typer.Option("--list", help="Name the scenarios and end.")] = False,
) -> None:
    """Write logs of a known fault, with the truth about them in truth.json: to try this tool on, or to rehearse an incident."""
    from analyzer import simulate as room

    if names:
        for name, found in room.scenarios().items():
            print(f"{name:27} {found.sentence}")
        return
    if scenario is None or output is None:
        raise UserError(
            "say which scenario and, with -o, which folder; `reportline simulate --list` names the scenarios"
        )
    truth = room.simulate(scenario, output, seed, invocations=invocations, container=container, file=ranges)
    print(output / "truth.json")
    what = ", ".join(truth.injects) or "no fault that shows"
    _say(f"{truth.invocations:,} invocations of {truth.function} in {output}: {what}")


@rules_app.command("list")
def rules_list(folder: Annotated[Path | None, typer.Argument(metavar="[DIR]")] = None) -> None:
    """Every rule: its id, its severity and what it claims."""
    from analyzer import pipeline

    for rule in pipeline.rules_from(folder):
        print(f"{rule.id:24} {rule.severity:9} {rule.title}")


@rules_app.command("show")
def rules_show(
    rule: Annotated[str, typer.Argument(metavar="ID")],
    folder: Annotated[Path | None, typer.Argument(metavar="[DIR]")] = None,
) -> None:
    """One rule as it is written."""
    from analyzer import pipeline

    found = {one.id: one for one in pipeline.rules_from(folder)}
    if rule not in found:
        raise UserError(f"there is no rule {rule}; there are {', '.join(found)}")
    print(found[rule].path.read_text("utf-8"), end="")


@rules_app.command("test")
def rules_test(
    folder: Annotated[Path | None, typer.Argument(metavar="[DIR]")] = None,
    verbose: Annotated[bool, typer.Option("-v", "--verbose", help="Print what the rule says in each test.")] = False,
) -> None:
    """Run the tests inside the shipped rules, or inside those of DIR; exits with 1 when one fails."""
    from analyzer import pipeline
    from analyzer.diagnose import run_tests

    failures = 0
    rules = [rule for rule in pipeline.rules_from(folder) if folder is None or rule.path.parent == folder]
    if not rules:
        raise UserError(f"there is no rule in {folder}: rules are files that end in .yaml")
    for rule in rules:
        results = run_tests(rule)
        wrong = [result for result in results if not result.passed]
        failures += len(wrong)
        shown = {test.expect for test in rule.tests}
        missing = [verdict for verdict in ("supported", "refuted", "untestable") if verdict not in shown]
        remark = f"; none shows it {' or '.join(missing)}" if missing else ""
        print(f"{rule.id:24} {len(results) - len(wrong)} of {len(results)} tests passed{remark}")
        for result in results if verbose else wrong:
            print(f"  {result.name}: {result.problem or result.verdict}")
            for sentence in result.sentences if verbose else ():
                print(f"    {sentence}")
    raise typer.Exit(1 if failures else 0)


@rules_app.command("metrics")
def rules_metrics() -> None:
    """Every metric that a rule may name: its unit and what it means."""
    from analyzer.diagnose import VOCABULARY

    for name, (unit, meaning) in VOCABULARY.items():
        print(f"{name:36} {unit:12} {meaning}")


def _version(wanted: bool) -> None:
    if wanted:
        print(f"reportline {__version__}")
        raise typer.Exit


@app.callback()
def _main(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    pass


def _options(
    said: Configuration,
    kind: str | None,
    since: str | None,
    until: str | None,
    baseline: str | None,
    thresholds: list[str] | None,
    objectives: list[str] | None,
    rules: Path | None,
    templates: Path | None,
    redact: Redact | None,
    formats: list[str] | None,
) -> Options:
    """What the flags say, and where they say nothing, what the configuration does."""
    from analyzer.pipeline import Options

    return Options(
        kind=kind or said.kind or "error-analysis",
        since=since,
        until=until,
        baseline=baseline,
        thresholds=tuple(_threshold(text) for text in thresholds or said.thresholds),
        objectives=tuple(objectives or said.objectives),
        rules=rules or said.rules,
        templates=templates or said.templates,
        redact=(redact or _choice(Redact, "redact", said.redact)) is not Redact.off,
        formats=tuple(formats or said.formats),
        region=said.region,
        suppressions=said.suppressions,
    )


Choice = TypeVar("Choice", bound=StrEnum)


def _choice(kind: type[Choice], key: str, value: str | None) -> Choice | None:
    """A word of the configuration that is one of a few. Raises UserError for another."""
    if value is None:
        return None
    try:
        return kind(value)
    except ValueError:
        raise UserError(f"{key} {value!r} is none of {', '.join(kind)}") from None


def _threshold(text: str) -> Threshold:
    from analyzer.measure import Threshold

    return Threshold.parse(text)


def _finish(written: Written, fail_on: Level | None) -> None:
    from analyzer import pipeline

    for file in written.files:
        print(file)
    findings = pipeline.reached(written.report, fail_on.value) if fail_on else []
    if findings:
        what = "new or worse than in the baseline" if fail_on is Level.new else f"of severity {fail_on} or graver"
        _say(f"{len(findings)} supported finding{'s' if len(findings) > 1 else ''} {what}")
        raise typer.Exit(1)


@contextmanager
def _watching() -> Iterator[Watcher]:
    """A bar that moves on a terminal, nothing when piped; warnings in either case."""
    from analyzer.intake import Watcher

    if not sys.stderr.isatty():
        yield Watcher(unreadable=lambda sentence: _say(f"warning: {sentence}"))
        return
    from rich.console import Console
    from rich.progress import BarColumn, TextColumn
    from rich.progress import Progress as Bar
    from rich.table import Column

    console, began = Console(stderr=True), monotonic()
    text = TextColumn("{task.description}", markup=False, table_column=Column(no_wrap=True, overflow="ellipsis"))
    with Bar(BarColumn(20), text, console=console, transient=True) as bar:
        task = bar.add_task("reading", total=None)

        def ingesting(done: Progress) -> None:
            bar.update(task, total=done.total, completed=done.bytes, description=_progress(done, monotonic() - began))

        yield Watcher(
            ingesting=ingesting,
            stage=lambda name: bar.update(task, total=None, description=_inert(name)),
            unreadable=lambda sentence: console.print(f"warning: {_inert(sentence)}", markup=False, highlight=False),
        )


def _progress(done: Progress, seconds: float) -> str:
    """One line on how far an ingest is; the end of a path tells more than its beginning."""
    of = f" of {done.total / 1e6:,.0f}" if done.total is not None else ""
    rates = f"{done.lines / seconds:,.0f} lines/s, {done.invocations / seconds:,.0f} invocations/s"
    name = _inert(done.file)
    return f"{done.bytes / 1e6:,.0f}{of} MB, {rates}, {name if len(name) <= 40 else '…' + name[-39:]}"


def _say(sentence: str) -> None:
    print(_inert(sentence), file=sys.stderr)


def _inert(text: str) -> str:
    """Names and texts from logs may hold terminal escapes."""
    return "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in text)


def main() -> None:
    """Run the command line and end with the exit code that the README lists."""
    # Modules and tables live until the end: looking through them every 700 objects took a twelfth of a short run.
    gc.set_threshold(100_000)
    try:
        app()
    except ReportlineError as problem:
        _say(f"reportline: {problem}")
        sys.exit(problem.exit_code)
    except BrokenPipeError:
        sys.exit(0)
    except KeyboardInterrupt:
        _say("reportline: interrupted")
        sys.exit(130)
    except Exception:
        traceback.print_exc()
        _say(f"reportline: this is a bug in Reportline {__version__}; please report the lines above at {ISSUES}")
        sys.exit(BUG)
