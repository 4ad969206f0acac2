"""Whatever a log says stays text: Markdown that holds it has the structure it would have with a plain word instead."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from analyzer.report.escape import Markdown, code_block, code_span, cut, markdown, visible

GITHUB = MarkdownIt("commonmark").enable(["table", "strikethrough"])
# Arbitrary characters find an edge; the ones that mean something, close to each other, find the rest.
MEANINGFUL = st.text(
    alphabet=st.sampled_from(list("\\`*_[]<>|~&#-+=:.!()@$/\"' \t\n\r\x0b0123456789.abw\u00a0\u2028\u202e;"))
)
FRAGMENTS = st.lists(
    st.sampled_from(
        [
            "```",
            "~~~",
            "---",
            "***",
            "___",
            "===",
            "# ",
            "- ",
            "1. ",
            "1) ",
            "> ",
            "<b>",
            "</td>",
            "<!--",
            "&amp;",
            "&#42;",
            "![a](b)",
            "[a](b)",
            "[a]: b",
            "http://a.b",
            "www.a.b",
            "a@b.c",
            "|",
            "|-|",
            "**a**",
            "_a_",
            "~~a~~",
            "`a`",
            "\\",
            "\n",
            "  ",
        ]
    )
).map("".join)
TEXT = st.one_of(st.text(), MEANINGFUL, FRAGMENTS)
PLACES = {
    "paragraph": "before {} after\n",
    "alone": "{}\n",
    "list item": "- {}\n- next\n",
    "table cell": "| a | b |\n|---|---|\n| {} | last |\n",
    "heading": "# {}\n",
    "emphasis": "**{}**\n",
}


@dataclass(frozen=True)
class Parsed:
    structure: list[str]
    text: str


def parse(source: str) -> Parsed:
    """The kinds of tokens, and the text a reader sees."""
    structure: list[str] = []
    text: list[str] = []

    def walk(tokens: list[Token]) -> None:
        for token in tokens:
            if token.type in ("text", "text_special"):  # one run of text, however it was escaped
                text.append(token.content)
                if structure[-1:] != ["text"]:
                    structure.append("text")
            else:
                structure.append(token.type)
                if token.type in ("code_inline", "fence"):
                    text.append(token.content)
            walk(token.children or [])

    walk(GITHUB.parse(source))
    return Parsed(structure, "".join(text))


def seen(text: str) -> str:
    return visible(text).strip(" ")


@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES)
@given(TEXT.filter(seen))
@example("__init__")
@example("# 1. <b>*a*</b> | [a](b) `c` ~~d~~ &amp; www.a.b")
def test_text_is_only_text_wherever_it_is_put(place: str, text: str) -> None:
    plain, hostile = parse(place.format("word")), parse(place.format(markdown(text)))
    assert hostile.structure == plain.structure
    assert hostile.text == plain.text.replace("word", seen(text))


@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES)
@given(TEXT)
def test_a_code_span_holds_all_of_the_text_and_ends_with_it(place: str, text: str) -> None:
    plain, hostile = parse(place.format("`word`")), parse(place.format(code_span(text)))
    assert hostile.structure == plain.structure
    assert hostile.text == plain.text.replace("word", seen(text).replace("|", "\N{BROKEN BAR}") or " ")


@given(TEXT, TEXT)
def test_a_code_block_holds_all_of_the_text_and_ends_with_it(text: str, language: str) -> None:
    document = "before\n\n{}\n\nafter\n"
    plain, hostile = parse(document.format(code_block("word"))), parse(document.format(code_block(text, language)))
    assert hostile.structure == plain.structure
    shown = "".join(
        one if one.isprintable() or one in "\t\n" or unicodedata.category(one) == "Zs" else "\N{REPLACEMENT CHARACTER}"
        for one in text.rstrip("\n")
    )
    assert hostile.text == plain.text.replace("word", shown)


@given(TEXT)
def test_visible_text_is_one_line_without_what_cannot_be_seen(text: str) -> None:
    shown = visible(text)
    assert shown.isprintable()
    assert visible(shown) == shown


@pytest.mark.parametrize(
    "text",
    [
        "data-processing-pipeline",
        "max_memory_mb",
        "Runtime.ExitError",
        "2026-03-17",
        "KeyError: 's3'",
        "/var/task/app.py",
    ],
)
def test_ordinary_names_need_no_backslash(text: str) -> None:
    assert markdown(text) == text


def test_what_is_joined_to_markdown_is_escaped_unless_it_is_markdown() -> None:
    assert Markdown("**a**") + "*b*" == "**a**\\*b\\*"
    assert Markdown("**a**") + Markdown("*b*") == "**a***b*"


@given(st.text(), st.integers(1, 50))
def test_cut_text_is_no_longer_than_its_limit_and_says_that_it_was_cut(text: str, limit: int) -> None:
    short = cut(text, limit)
    assert len(short) <= limit
    assert short == text or short.endswith("…")
