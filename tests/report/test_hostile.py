"""Log text stays text: whatever it says, the report has the structure that it has with harmless text in its place."""

from __future__ import annotations

import csv
import io
import json
import re
import shutil
from collections.abc import Callable, Iterable, Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import duckdb
import hcl2
import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from analyzer.report.formats import formats
from analyzer.report.formats.csv_cells import inert
from tests.conftest import Run
from tests.logs import OTHER_ID, export, invocation, write_export

PARSER = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
# fmt: off
TAGS = {
    "html", "head", "meta", "title", "style", "script", "body", "nav", "main", "ol", "ul", "li", "a", "h1", "h2", "h3", "h4", "p",
    "strong", "em", "code", "pre", "sup", "br", "div", "table", "thead", "tbody", "tr", "th", "td", "details", "summary",
    "figure", "svg", "g", "defs", "clippath", "pattern", "path", "rect", "use", "text",
}
# fmt: on
HOSTILE = [
    "<script>alert(1)</script>",
    "</details></td><img src=x onerror=alert(1)>",
    "# heading",
    "- item\n- item",
    "| cell | cell |\n|---|---|",
    "```\nfence",
    "`code` ``more``",
    "[link](http://evil.example) ![image](http://evil.example/x.png) <http://evil.example>",
    "**bold** _em_ ~~gone~~ __init__",
    "[q1]: http://evil.example",
    "\x1b[31mred\x1b[0m\x07\x08",
    "\u202eright to left\u2066",
    "{{ 7 * 7 }} {% include '/etc/passwd' %} {{ report.__class__ }}",
    "=HYPERLINK(1) @SUM -1+1 +1",
    "&lt;b&gt; &#60;b&#62; &amp;",
    "x" * 5000,
    "\ufffd\ud7ff\U0001f600 emoji",
    "<!-- comment",
    "]]> <![CDATA[",
    "<svg onload=alert(1)>",
    "\\`escaped\\`",
    "'; DROP TABLE invocations; --",
    "${var.x} %{ if true } $${y}",
    "<!channel> <@U123> *bold* :tada: <http://evil.example|here>",
    "a;=cmd|' /C calc'!A0",
    "{0} {x} [text](1)",
    "!!python/object/apply:os.system ['id'] *alias &anchor",
]


def structure(markdown: str) -> list[str]:
    """The shape of a document: kinds of tokens, without what text says."""
    shape = []
    for token in PARSER.parse(markdown):
        shape.append(f"{token.type}:{token.tag}")
        shape += [
            f"  {inner.type}:{inner.tag}"
            for inner in token.children or []
            if inner.type not in ("text", "text_special")
        ]
        if token.type == "html_block":
            shape.append(re.sub(r"(?<=<summary>).*?(?=</summary>)", "", token.content))
    return shape


def report_on(run: Run, folder: Path, text: str, function: str = "checkout", kind: str = "error-analysis") -> str:
    """A report on logs in which `text` is an error message, an application line, a field of JSON, and in a broken REPORT."""
    shutil.rmtree(folder, ignore_errors=True)
    traceback = (
        f"[ERROR] KeyError: {text}\nTraceback (most recent call last):\n\u00a0\u00a0File 'app.py', line 30, in handler"
    )
    broken = f"REPORT RequestId: x {text}"
    ok = invocation(text, json.dumps({"level": "ERROR", "message": text}), broken, request_id=OTHER_ID)
    write_export(folder / "logs", export(*invocation(traceback), *ok))
    return written(run, folder, "--function", function, "--kind", kind)


def written(run: Run, folder: Path, *options: str) -> str:
    """The report on the logs in `folder`, every file of which has been looked at."""
    more = [f"--format={name}" for name in ("sarif", "junit", "slack")]
    ran = run("analyze", folder / "logs", "-o", folder / "out", *more, *options)
    assert (ran.code, ran.err) == (0, "")
    assert {one.file for one in formats()} - {path.name for path in (folder / "out").iterdir()} <= DEPLOYED
    assert list(active(folder / "out")) == []
    looked_at = Page()
    looked_at.feed((folder / "out" / "report.html").read_text())
    assert looked_at.problems == []
    return (folder / "out" / "report.md").read_text().replace(str(folder), "")


MOVING = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\x80-\x9f\u202a-\u202e\u2066-\u2069]")
JUNIT = {"testsuites", "testsuite", "testcase", "failure", "skipped"}
# Not written where no function has a name that AWS could have given.
DEPLOYED = {"alarms.tf", "alarms.yaml", "dashboard.json"}
TEMPLATE = {"AWSTemplateFormatVersion", "Parameters", "Resources"}
# What makes YAML more than maps, lists and text.
YAML_MORE = (yaml.TagToken, yaml.AliasToken, yaml.AnchorToken, yaml.DirectiveToken)


def active(folder: Path) -> Iterator[str]:
    """What in the files of a report is more than text to its reader. Every one of them has a reader here."""
    readers: dict[str, Callable[[str], Iterable[str]]] = {
        ".csv": of_csv, ".json": of_json, ".md": lambda _: (), ".html": lambda _: (), ".sql": of_sql, ".svg": of_svg, ".tf": of_hcl,
        ".sarif": of_sarif, ".xml": lambda text: {one.tag for one in ElementTree.fromstring(text).iter()} - JUNIT, ".yaml": of_yaml,
    }  # fmt: skip
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        text = path.read_text("utf-8")
        if found := MOVING.search(text):
            yield f"{path.name}: {found[0]!r}"
        read = of_slack if path.name == "slack.json" else readers[path.suffix]
        yield from (f"{path.name}: {one}" for one in read(text))


def of_csv(text: str) -> Iterator[str]:
    for separator in (",", ";", "\t"):
        rows = csv.reader(io.StringIO(text), delimiter=separator)
        yield from (cell for row in rows for cell in row if calculated(cell))
    head, *rows = csv.reader(io.StringIO(text))
    yield from (f"a row of {len(row)} cells" for row in rows if len(row) != len(head))


def of_json(text: str) -> Iterator[str]:
    if not isinstance(json.loads(text), dict):
        yield "no object"


def of_sql(text: str) -> Iterator[str]:
    """Comments, then one question."""
    comments = [line for line in text.splitlines() if line.startswith("-- ")]
    (statement,) = duckdb.extract_statements(text)
    if statement.type != duckdb.StatementType.SELECT or not text.startswith("\n".join(comments)):
        yield text


def of_svg(text: str) -> Iterator[str]:
    for element in ElementTree.fromstring(text).iter():
        if (tag := element.tag.rpartition("}")[2]) in {"script", "image", "foreignObject", "a", "animate", "set"}:
            yield tag
        for name, value in element.attrib.items():
            local = name.rpartition("}")[2]
            if local.startswith("on") or (local == "href" and not value.startswith("#")) or "javascript:" in value:
                yield f"{local}={value}"


def of_hcl(text: str) -> Iterator[str]:
    if (blocks := set(hcl2.loads(text))) != {"variable", "resource"}:
        yield str(blocks)
    if template := re.search(r"[$%]\{", text):
        yield template[0]


def of_yaml(text: str) -> Iterator[str]:
    if (names := set(yaml.safe_load(text))) != TEMPLATE:
        yield str(names)
    yield from (str(token) for token in yaml.scan(text) if isinstance(token, YAML_MORE))


def of_sarif(text: str) -> Iterator[str]:
    for message in texts(json.loads(text)):
        if "{" in message.replace("{{", "") or "}" in message.replace("}}", "") or re.search(r"(?<!\\)\]\(", message):
            yield message


def of_slack(text: str) -> Iterator[str]:
    slack = json.loads(text)
    marked = [one["text"] for block in slack["blocks"] for one in block.get("elements", []) if one["type"] == "mrkdwn"]
    yield from (one for one in marked if not re.fullmatch(r":\w+: \*\w+\*", one))
    if not re.fullmatch(r"[\w :,-]+", slack["text"]):
        yield slack["text"]


def calculated(cell: str) -> bool:
    """Whether a spreadsheet takes a cell for a formula; a number is none."""
    return cell.lstrip()[:1] in tuple("=+-@") and not re.fullmatch(r"-?\d+(\.\d+)?(e[-+]\d+)?", cell)


def texts(value: Any) -> Iterator[str]:
    """The messages of a SARIF file."""
    if isinstance(value, dict):
        if isinstance(value.get("text"), str):
            yield value["text"]
        for one in value.values():
            yield from texts(one)
    elif isinstance(value, list):
        for one in value:
            yield from texts(one)


class Page(HTMLParser):
    """Looks for what a page of text and pictures has no use for."""

    def __init__(self) -> None:
        super().__init__()
        self.problems: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in TAGS:
            self.problems.append(tag)
        for name, value in attrs:
            leads_out = name in ("href", "src") and not (value or "").startswith("#")
            if name.startswith("on") or leads_out:
                self.problems.append(f"{tag} {name}={value}")


def with_one_line(text: str) -> str:
    """Lines that the export itself would take for events are another matter."""
    return text.replace("\r", " ")


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_a_hostile_message_changes_nothing_but_words(run: Run, tmp_path: Path, text: str) -> None:
    harmless = structure(report_on(run, tmp_path / "harmless", "gone"))
    assert structure(report_on(run, tmp_path / "hostile", text)) == harmless


@pytest.mark.parametrize("name", [text for text in HOSTILE if len(text) < 200], ids=str)
def test_a_hostile_function_name_changes_nothing_but_words(run: Run, tmp_path: Path, name: str) -> None:
    # A name that AWS could not have given gets no snippets, so that of the harmless one is such a name too.
    harmless = structure(report_on(run, tmp_path / "harmless", "gone", function="check out"))
    assert structure(report_on(run, tmp_path / "hostile", "gone", function=name)) == harmless


@pytest.mark.parametrize("kind", ["incident", "weekly", "postmortem"])
def test_a_hostile_message_and_name_change_nothing_but_words_in_the_other_kinds(
    run: Run, tmp_path: Path, kind: str
) -> None:
    text = " ".join(HOSTILE)
    harmless = structure(report_on(run, tmp_path / "harmless", "gone", function="check out", kind=kind))
    assert structure(report_on(run, tmp_path / "hostile", text, function=text, kind=kind)) == harmless


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(st.sampled_from("`*_#|<>[]()!-+=~&\\{}%$:/'\"@. \nab1\u202e\x1b"), min_size=1, max_size=60))
def test_no_text_whatever_changes_anything_but_words(
    run: Run, tmp_path_factory: pytest.TempPathFactory, text: str
) -> None:
    folder = tmp_path_factory.mktemp("hostile")
    harmless = structure(report_on(run, folder, "gone"))
    assert structure(report_on(run, folder, "x" + text)) == harmless


def test_hostile_names_of_all_that_has_one_change_nothing_but_words(run: Run, tmp_path: Path) -> None:
    """Versions, types of errors, runtimes, log streams and folders, in logs of JSON."""

    def report_with(folder: Path, name: str) -> str:
        record = {"requestId": OTHER_ID, "version": name, "functionName": name}
        failed = {
            "errorType": name,
            "errorMessage": name,
            "stackTrace": [name],
            "requestId": OTHER_ID,
            "level": "ERROR",
        }
        metrics = {"durationMs": 92.5, "billedDurationMs": 93, "memorySizeMB": 1024, "maxMemoryUsedMB": 539}
        lines = [
            {"type": "platform.initStart", "record": {"initializationType": name, "runtimeVersion": name, "phase": "init"}},
            {"type": "platform.start", "record": record},
            {"level": "ERROR", "requestId": OTHER_ID, "message": failed, "timestamp": "2026-03-17T08:00:01.000Z"},
            {"type": "platform.report", "record": record | {"status": "error", "errorType": name, "metrics": metrics}},
        ]  # fmt: skip
        moment = {"time": "2026-03-17T08:00:01.000Z"}
        path = write_export(folder / "logs", export(*(json.dumps(moment | line) for line in lines)))
        path.parent.rename(path.parent.with_name(f"2026-03-17-[{name}]4eeec71d18b1461580e35b89cb060777"))
        return written(run, folder)

    # A folder that a terminal would not show as it is gets no command, so that the harmless one has such a name too.
    hostile = "<svg onload=alert(1)>`|\u202e=1+1 ${x} {{ 7 * 7 }}\x1b[31m [a](http:evil) --;'\"*_#"
    assert structure(report_with(tmp_path / "hostile", hostile)) == structure(
        report_with(tmp_path / "harmless", "go\u00a0ne")
    )


def test_bytes_that_are_no_text_change_nothing_but_words(run: Run, tmp_path: Path) -> None:
    harmless = structure(report_on(run, tmp_path / "harmless", "gone"))
    report_on(run, tmp_path / "hostile", "HERE")
    (path,) = (path for path in (tmp_path / "hostile" / "logs").rglob("*") if path.is_file())
    path.write_bytes(path.read_bytes().replace(b"HERE", b"\xff\xfe\xc3(\xed\xa0\x80\xf8\x88\x80\x80\x80\x00<b>"))
    shutil.rmtree(tmp_path / "hostile" / "out")
    assert structure(written(run, tmp_path / "hostile", "--function", "checkout")) == harmless


def test_no_character_that_moves_a_terminal_reaches_a_file(run: Run, tmp_path: Path) -> None:
    text = report_on(run, tmp_path, "".join(HOSTILE))
    assert not MOVING.search(text)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("=HYPERLINK(1)", "'=HYPERLINK(1)"),
        (" +1", " '+1"),
        ("a;=1+1", "a;'=1+1"),
        ('"@SUM(1)', "\"'@SUM(1)"),
        ("\t-1+1", " '-1+1"),
        ("＝1+1", "'＝1+1"),
        ("name-of-something", "name-of-something"),
        ("a = b", "a = b"),
    ],
)
def test_a_cell_is_no_formula_and_reads_the_same(text: str, shown: str) -> None:
    assert inert(text) == shown
