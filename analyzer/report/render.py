"""A Report becomes files: Markdown through the templates, JSON as it is, charts beside them.

Every expression in a template is escaped for Markdown unless it is Markdown already, and what comes from logs is redacted
on the way, so that a template cannot forget either.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import jinja2
import msgspec
from jinja2.sandbox import SandboxedEnvironment

from analyzer import figures
from analyzer.errors import UserError
from analyzer.model import Measured, Measurements
from analyzer.report import charts
from analyzer.report.document import Report
from analyzer.report.escape import Markdown, code_block, code_span, cut, markdown
from analyzer.report.redaction import redact as redact_text
from analyzer.resources import shipped

EXCERPT = 200
SUFFIXES = (".md", ".json")


class Templates:
    """The templates of one kind of report. Raises UserError for an unknown kind or a template that cannot be read."""

    def __init__(self, folder: Path | None, kind: str) -> None:
        folders = [shipped("report_templates")]
        if folder is not None:
            if not folder.is_dir():
                raise UserError(f"there is no folder of templates {folder}")
            folders.insert(0, folder)
        kinds = sorted({path.name.removesuffix(".md.j2") for one in folders for path in one.glob("*.md.j2")})
        if kind not in kinds:
            raise UserError(f"there is no kind of report {kind!r}; there are {', '.join(kinds)}")
        self.name = f"{kind}.md.j2"
        self.environment = SandboxedEnvironment(
            loader=jinja2.FileSystemLoader(folders),
            undefined=jinja2.StrictUndefined,
            finalize=_inert,
            trim_blocks=True,
            lstrip_blocks=True,
            keep_trailing_newline=True,
        )
        for template in self.environment.list_templates(extensions=["j2"]):
            try:
                self.environment.get_template(template)
            except jinja2.TemplateSyntaxError as problem:
                raise UserError(f"{problem.filename or template}:{problem.lineno}: {problem.message}") from problem

    def markdown(self, **values: Any) -> str:
        """The filled-in template. Raises UserError with the place of a template that asks for what is not there."""
        try:
            return self.environment.get_template(self.name).render(**values)
        except jinja2.TemplateError as problem:
            raise UserError(f"{_place(problem, self.name)}: {problem}") from problem


def _place(problem: BaseException, name: str) -> str:
    """Jinja compiles templates so that tracebacks name their lines; the last one in a template is the place."""
    place, trace = name, problem.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename.endswith(".j2"):
            place = f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}"
        trace = trace.tb_next
    return place


def _inert(value: object) -> object:
    return value if isinstance(value, (Markdown, jinja2.Undefined)) else markdown(str(value))


def render(
    report: Report, measurements: Measurements, templates: Templates, output: Path, *, redact: bool
) -> list[Path]:
    """Write `report` to `output`, a folder or a file whose suffix says the format; gives the files written.

    Raises UserError when the place cannot be written to or the format is none that is written.
    """
    mask: Callable[[str], str] = redact_text if redact else str
    if output.suffix and output.suffix not in SUFFIXES and not output.is_dir():
        raise UserError(f"cannot write {output}: reports are written as {' and '.join(SUFFIXES)}, or into a folder")
    to_file = output.suffix in SUFFIXES and not output.is_dir()
    base = output.with_suffix("") if to_file else output / "report"
    files: dict[Path, bytes] = {}
    if not to_file or output.suffix == ".md":
        pictures = _pictures(report, measurements, base.name, mask)
        files[base.with_name(base.name + ".md")] = _markdown(report, templates, list(pictures), mask).encode()
        files |= {base.with_name(name): drawn for name, drawn in pictures.items()}
    if not to_file or output.suffix == ".json":
        files[base.with_name(base.name + ".json")] = to_json(report, mask)
    try:
        base.parent.mkdir(parents=True, exist_ok=True)
        for path, content in files.items():
            path.write_bytes(content)
    except OSError as problem:
        raise UserError(f"cannot write to {output}: {problem.strerror}") from problem
    return list(files)


def to_json(report: Report, mask: Callable[[str], str]) -> bytes:
    """report.json: the whole report, every text in it masked."""
    plain = _mask_all(msgspec.to_builtins(report), mask)
    return msgspec.json.format(msgspec.json.encode(plain), indent=2) + b"\n"


def _mask_all(value: Any, mask: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        return mask(value)
    if isinstance(value, list):
        return [_mask_all(item, mask) for item in value]
    if isinstance(value, dict):
        return {mask(key): _mask_all(item, mask) for key, item in value.items()}
    return value


def _pictures(report: Report, measurements: Measurements, stem: str, mask: Callable[[str], str]) -> dict[str, bytes]:
    """The charts by file name; none where there is nothing to draw."""
    thresholds = sorted({_limit_ms(one.threshold) for one in measurements.overall.breaches if one.threshold})
    pictures: dict[str, bytes] = {}
    if measurements.histogram:
        title = _distribution_title(measurements)
        pictures[f"{stem}-distribution.svg"] = charts.distribution(
            measurements.histogram, measurements.points, thresholds, mask(title)
        )
    if any(one.n for one in measurements.timeline):
        title = "Duration over time, with cold starts and failures (UTC)"
        pictures[f"{stem}-timeline.svg"] = charts.timeline(
            measurements.points, measurements.timeline, thresholds, title
        )
    return pictures


def _limit_ms(threshold: str) -> float:
    from analyzer.figures import milliseconds

    return milliseconds(threshold.partition(">")[2])


def _distribution_title(measurements: Measurements) -> str:
    breach = measurements.overall.metrics["breach.rate"]
    if not breach.k:
        return f"Distribution of {breach.n:,} durations"
    return f"{breach.k:,} of {breach.n:,} invocations had {breach.threshold}"


class _Citations:
    """Links numbers to their queries and remembers which were cited, in the order of first mention."""

    def __init__(self) -> None:
        self.cited: dict[str, None] = {}

    def __call__(self, *numbers: Measured | str) -> Markdown:
        names = list(dict.fromkeys(one if isinstance(one, str) else one.evidence for one in numbers))
        self.cited.update(dict.fromkeys(names))
        return Markdown("<sup>" + " ".join(f"[{name}](#{name})" for name in names) + "</sup>")


def _markdown(report: Report, templates: Templates, pictures: list[str], mask: Callable[[str], str]) -> str:
    cite = _Citations()

    def figure(measured: Measured) -> Markdown:
        return Markdown(markdown(figures.write_measured(measured)) + cite(measured))

    def short(measured: Measured) -> Markdown:
        return markdown(figures.write(measured.value, measured.unit)) if measured.value is not None else Markdown("–")

    filters: dict[str, Callable[..., object]] = {
        "figure": figure,
        "short": short,
        "interval": lambda measured: markdown(figures.write_interval(measured)),
        "safe_text": lambda text: markdown(mask(text)),
        "code": lambda text: code_span(mask(text)),
        "excerpt": lambda text: code_span(cut(mask(" ".join(text.split())), EXCERPT)),
        "block": lambda text, language="": code_block(mask(text), language),
        "file": lambda text: Markdown(text),
    }
    templates.environment.filters.update(filters)
    text = templates.markdown(report=report, cite=cite, pictures=pictures, cited=cite.cited)
    return _tidy(text)


def _tidy(text: str) -> str:
    """One empty line where templates left several, none at the ends."""
    lines: list[str] = []
    fenced = False
    for line in text.splitlines():
        line = line if fenced else line.rstrip()
        if line.startswith("```"):
            fenced = not fenced
        if line or fenced or (lines and lines[-1]):
            lines.append(line)
    return "\n".join(lines).strip("\n") + "\n"
