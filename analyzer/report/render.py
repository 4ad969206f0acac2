"""A Report becomes files: Markdown through the templates, HTML from it, JSON as it is, charts beside them.

Every expression in a template is escaped for Markdown unless it is Markdown already, and what comes from logs is redacted
on the way, so that a template cannot forget either.
"""

from __future__ import annotations

import hashlib
import re
import sys
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import jinja2
import msgspec
from jinja2.bccache import Bucket
from jinja2.sandbox import SandboxedEnvironment
from msgspec import Struct

from analyzer.errors import UserError
from analyzer.lake import Lake
from analyzer.model import Measurements
from analyzer.report.beside import Easel
from analyzer.report.document import Report
from analyzer.report.escape import Markdown, markdown
from analyzer.report.evidence import FILE, evidence_files
from analyzer.report.formats import Format, formats
from analyzer.report.pictures import sketches
from analyzer.report.redaction import redact, redact_all
from analyzer.report.words import FILTERS, Words
from analyzer.resources import shipped

REPORTS = (".md", ".html", ".json")
TEMPLATE = ".md.j2"
# What JSON lets stand as it is, though it moves a cursor or the direction of text.
UNSEEN = re.compile(r"[\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]")


class _Compiled(jinja2.FileSystemBytecodeCache):
    """Shipped templates as they were compiled, where Python would keep what it compiled of a module in their place.

    To compile them takes longer than to fill them in. Jinja compiles again what has changed since.
    """

    def __init__(self, folder: Path) -> None:
        # What comes out depends on Jinja, and on the environment that is set up in this file.
        made_by = hashlib.sha256(jinja2.__version__.encode() + Path(__file__).read_bytes()).hexdigest()
        super().__init__(str(folder / "__pycache__"), f"%s.{made_by[:12]}.jinja")

    def dump_bytecode(self, bucket: Bucket) -> None:
        if sys.dont_write_bytecode:
            return
        # Nor is it kept where that folder may not be written.
        with suppress(OSError):
            Path(self.directory).mkdir(exist_ok=True)
            super().dump_bytecode(bucket)


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
            bytecode_cache=_Compiled(shipped("report_templates")) if folder is None else None,
            undefined=jinja2.StrictUndefined,
            finalize=inert,
            # What it folds at compile time is less than the time that it takes to look for it.
            optimized=False,
            trim_blocks=True,
            lstrip_blocks=True,
            keep_trailing_newline=True,
        )
        # Names must be known when a template is read; what they do is known with the report.
        self.environment.filters.update(dict.fromkeys(FILTERS, str))
        # Those of the user; a shipped one is read when it is filled in, and those of other kinds never.
        own = jinja2.FileSystemLoader(folder).list_templates() if folder is not None else []
        for template in [name for name in own if name.endswith(".j2")]:
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
    """Where a report goes: the report itself beside `base`, which has no suffix yet, and files for other tools."""

    base: Path
    reports: tuple[str, ...]
    others: dict[Path, Format] = {}
    evidence: Path | None = None

    @staticmethod
    def at(path: Path, wanted: tuple[str, ...] = ()) -> Output:
        """A file whose suffix says the format, else a folder, which gets the report, what is usual, and what is `wanted`.

        Raises UserError for a suffix or a format that is not there.
        """
        shelf = formats()
        for name in wanted:
            if name not in {one.name for one in shelf}:
                raise UserError(f"there is no format {name!r}; there are {', '.join(one.name for one in shelf)}")
        if path.is_dir() or not path.suffix[1:].isalpha():
            others = {path / one.file: one for one in shelf if one.usual or one.name in wanted}
            return Output(path / "report", REPORTS, others, path / "evidence")
        if wanted:
            raise UserError(f"--format adds files to a folder, and {path} is one file")
        if path.suffix in REPORTS:
            return Output(path.with_suffix(""), (path.suffix,))
        by_suffix = {one.suffix: one for one in shelf if one.suffix not in REPORTS}
        if path.suffix not in by_suffix:
            raise UserError(
                f"cannot write {path}: reports are written as {', '.join([*REPORTS, *by_suffix])}, or into a folder"
            )
        return Output(path.with_suffix(""), (), {path: by_suffix[path.suffix]})

    @property
    def illustrated(self) -> bool:
        """Whether pictures are a part of it."""
        return bool({".md", ".html"} & set(self.reports))

    def file(self, ending: str) -> Path:
        return self.base.with_name(self.base.name + ending)


def render(
    report: Report,
    measurements: Measurements,
    templates: Templates,
    output: Output,
    lake: Lake,
    pipe: Connection | None = None,
) -> list[Path]:
    """Write `report`, with rows of `lake` in evidence/; gives the files and folders written. Raises UserError when it cannot.

    The process at the other end of `pipe` draws the pictures and makes the page meanwhile, if there is one.
    """
    files: dict[Path, bytes] = {}
    if output.illustrated:
        sketched = sketches(measurements, report.headline, output.base.name, templates.mask)
        easel = Easel(sketched, pipe)
        markdown = _tidy(templates.fill(Words(report, templates.mask), pictures=sketched))
        easel.put_on_page(markdown if ".html" in output.reports else None, report.generator)
    data: dict[Path, bytes] = {}
    plain = _plain(report, redacted=report.asked.redacted)
    if ".json" in output.reports:
        data[output.file(".json")] = _json(plain)
    masked = msgspec.convert(plain, Report)
    for path, other in output.others.items():
        content = other.write(masked)
        if content is not None:
            data[path] = content
    folders = (
        {output.evidence: evidence_files(report, measurements.answers, lake, templates.mask)} if output.evidence else {}
    )
    if output.illustrated:
        drawn = easel.drawn()
        if ".md" in output.reports:
            files[output.file(".md")] = markdown.encode()
            files |= {output.base.with_name(picture.file): picture.svg for picture in drawn.pictures}
        if drawn.page is not None:
            files[output.file(".html")] = drawn.page.encode()
    files |= data
    try:
        output.base.parent.mkdir(parents=True, exist_ok=True)
        for path, content in files.items():
            path.write_bytes(content)
        for folder, inside in folders.items():
            _replace(folder, inside)
    except OSError as problem:
        raise UserError(f"cannot write to {output.base.parent}: {problem.strerror}") from problem
    return [*files, *folders]


def _replace(folder: Path, files: dict[str, bytes]) -> None:
    """`files` in the place of those that an earlier report left in evidence/."""
    folder.mkdir(exist_ok=True)
    for path in folder.iterdir():
        if FILE.fullmatch(path.name):
            path.unlink()
    for name, content in files.items():
        (folder / name).write_bytes(content)


def to_json(report: Report, *, redacted: bool) -> bytes:
    """report.json: the whole report, every text in it masked where it is `redacted`."""
    return _json(_plain(report, redacted=redacted))


def _json(plain: Any) -> bytes:
    """Characters that nobody sees are written as JSON's escapes, so that they turn nothing around on a terminal."""
    text = msgspec.json.format(msgspec.json.encode(plain), indent=2).decode()
    return (UNSEEN.sub(lambda match: f"\\u{ord(match[0]):04x}", text) + "\n").encode()


def _plain(report: Report, *, redacted: bool) -> Any:
    """The report as dictionaries and lists, every text in it masked where it is `redacted`."""
    return redact_all(msgspec.to_builtins(report)) if redacted else msgspec.to_builtins(report)


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
