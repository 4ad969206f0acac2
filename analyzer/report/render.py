"""A Report becomes files: Markdown through the templates, HTML from it, JSON as it is, charts beside them.

Every expression in a template is escaped for Markdown unless it is Markdown already, and what comes from logs is redacted
on the way, so that a template cannot forget either.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import jinja2
import msgspec
from jinja2.sandbox import SandboxedEnvironment
from msgspec import Struct

from analyzer.errors import UserError
from analyzer.model import Measurements
from analyzer.report.document import Report
from analyzer.report.escape import Markdown, markdown
from analyzer.report.page import page
from analyzer.report.pictures import pictures
from analyzer.report.redaction import redact, redact_all
from analyzer.report.words import FILTERS, Words
from analyzer.resources import shipped

FORMATS = (".md", ".html", ".json")
TEMPLATE = ".md.j2"


class Templates:
    """The templates of one kind of report. Raises UserError for an unknown kind or a template that cannot be read.

    Whatever a template prints is escaped and, where `redacted`, masked: a template cannot forget either.
    """

    def __init__(self, folder: Path | None, kind: str, *, redacted: bool) -> None:
        folders = [shipped("report_templates")]
        if folder is not None:
            if not folder.is_dir():
                raise UserError(f"there is no folder of templates {folder}")
            folders.insert(0, folder)
        kinds = sorted({path.name.removesuffix(TEMPLATE) for one in folders for path in one.glob(f"*{TEMPLATE}")})
        if kind not in kinds:
            raise UserError(f"there is no kind of report {kind!r}; there are {', '.join(kinds)}")
        self.folder = folder
        self.name = f"{kind}{TEMPLATE}"
        mask: Callable[[str], str] = redact if redacted else str
        self.mask = mask

        def inert(value: object) -> object:
            return value if isinstance(value, (Markdown, jinja2.Undefined)) else markdown(mask(str(value)))

        self.environment = SandboxedEnvironment(
            loader=jinja2.FileSystemLoader(folders),
            undefined=jinja2.StrictUndefined,
            finalize=inert,
            trim_blocks=True,
            lstrip_blocks=True,
            keep_trailing_newline=True,
        )
        # Names must be known when a template is read; what they do is known with the report.
        self.environment.filters.update(dict.fromkeys(FILTERS, str))
        for template in self.environment.list_templates(extensions=["j2"]):
            try:
                self.environment.get_template(template)
            except jinja2.TemplateSyntaxError as problem:
                raise UserError(f"{problem.filename or template}:{problem.lineno}: {problem.message}") from problem

    def fill(self, words: Words, **values: object) -> str:
        """The filled-in template. Raises UserError with the place when a template of the user's own cannot be filled in."""
        self.environment.filters.update(words.filters())
        try:
            return self.environment.get_template(self.name).render(**words.functions(), **values)
        except Exception as problem:
            place = _place(problem)
            if self.folder is None or place is None or not place.startswith(str(self.folder)):
                raise
            raise UserError(f"{place}: {problem}") from problem


def _place(problem: BaseException) -> str | None:
    """Jinja compiles templates so that tracebacks name their lines; the last one in a template is the place."""
    place, trace = None, problem.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename.endswith(".j2"):
            place = f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}"
        trace = trace.tb_next
    return place


class Output(Struct, frozen=True):
    """Where a report goes: every format beside `base`, which has no suffix yet."""

    base: Path
    formats: tuple[str, ...]

    @staticmethod
    def at(path: Path) -> Output:
        """A file whose suffix says the format, else a folder, which gets all of them. Raises UserError for another suffix."""
        if path.is_dir() or not path.suffix[1:].isalpha():
            return Output(path / "report", FORMATS)
        if path.suffix not in FORMATS:
            raise UserError(f"cannot write {path}: reports are written as {', '.join(FORMATS)}, or into a folder")
        return Output(path.with_suffix(""), (path.suffix,))

    def file(self, ending: str) -> Path:
        return self.base.with_name(self.base.name + ending)


def render(report: Report, measurements: Measurements, templates: Templates, output: Output) -> list[Path]:
    """Write `report`; gives the files written. Raises UserError when they cannot be."""
    files: dict[Path, bytes] = {}
    if {".md", ".html"} & set(output.formats):
        drawn = pictures(measurements, report.headline, output.base.name, templates.mask)
        markdown = _tidy(templates.fill(Words(report, templates.mask), pictures=drawn))
        if ".md" in output.formats:
            files[output.file(".md")] = markdown.encode()
            files |= {output.base.with_name(picture.file): picture.svg for picture in drawn}
        if ".html" in output.formats:
            files[output.file(".html")] = page(markdown, drawn, report.generator).encode()
    if ".json" in output.formats:
        files[output.file(".json")] = to_json(report, redacted=report.asked.redacted)
    try:
        output.base.parent.mkdir(parents=True, exist_ok=True)
        for path, content in files.items():
            path.write_bytes(content)
    except OSError as problem:
        raise UserError(f"cannot write to {output.base.parent}: {problem.strerror}") from problem
    return list(files)


def to_json(report: Report, *, redacted: bool) -> bytes:
    """report.json: the whole report, every text in it masked where it is `redacted`."""
    plain = msgspec.to_builtins(report)
    plain = redact_all(plain) if redacted else plain
    return msgspec.json.format(msgspec.json.encode(plain), indent=2) + b"\n"


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
