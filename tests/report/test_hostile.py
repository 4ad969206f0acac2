"""Log text stays text: whatever it says, the report has the structure that it has with harmless text in its place."""

from __future__ import annotations

import json
import re
import shutil
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

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
    ran = run("analyze", folder / "logs", "-o", folder / "out", "--function", function, "--kind", kind)
    assert (ran.code, ran.err) == (0, "")
    for picture in (folder / "out").glob("*.svg"):
        tags = {element.tag.rpartition("}")[2] for element in ElementTree.parse(picture).iter()}
        assert not tags & {"script", "image", "foreignObject", "a"}
    looked_at = Page()
    looked_at.feed((folder / "out" / "report.html").read_text())
    assert looked_at.problems == []
    return (folder / "out" / "report.md").read_text().replace(str(folder), "")


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


def test_no_character_that_moves_a_terminal_reaches_a_file(run: Run, tmp_path: Path) -> None:
    text = report_on(run, tmp_path, "".join(HOSTILE))
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f\x80-\x9f\u202a-\u202e\u2066-\u2069]", text)
