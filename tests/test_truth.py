"""The document that `make truth` keeps: each program replaces its own sections, and nothing else and nothing by halves."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.truth.document import (
    SECTIONS,
    Reached,
    aims,
    at_least,
    at_most,
    begin,
    document,
    end,
    publish,
    replaced,
)

TRUTH = Path(__file__).parent.parent / "docs" / "truth.md"


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    path = tmp_path / "truth.md"
    path.write_text(TRUTH.read_text())
    return path


def test_the_document_has_a_place_for_every_section_and_a_table_in_each() -> None:
    text = document(str(TRUTH)).read_text()
    for section in SECTIONS:
        assert "|---" in text.partition(begin(section))[2].partition(end(section))[0], section


def test_a_section_is_replaced_and_the_words_around_it_stay(copy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = copy.read_text()
    publish({"redaction": ["| secret |", "|---|", "| token |"]}, copy)
    head, tail = before.partition(begin("redaction"))[0], before.partition(end("redaction"))[2]
    assert copy.read_text() == (
        f"{head}{begin('redaction')}\n\n| secret |\n|---|\n| token |\n\n{end('redaction')}{tail}"
    )
    assert "| token |" in capsys.readouterr().out
    assert list(copy.parent.iterdir()) == [copy]


def test_the_same_results_leave_the_document_as_it_is(copy: Path) -> None:
    publish({"diagnosis": ["a", "", "b"]}, copy)
    once = copy.read_text()
    publish({"diagnosis": ["a", "", "b"]}, copy)
    assert copy.read_text() == once


def test_a_program_that_is_interrupted_leaves_the_document_as_it_was(copy: Path) -> None:
    def lines() -> Iterator[str]:
        yield "half of a table"
        raise KeyboardInterrupt

    before = copy.read_bytes()
    with pytest.raises(KeyboardInterrupt):
        publish({"aims of estimates": ["| whole |"], "estimates": lines()}, copy)
    assert copy.read_bytes() == before
    assert list(copy.parent.iterdir()) == [copy]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("# Truth\n", "once each"),
        (f"{begin('redaction')}\n{end('redaction')}\n" * 2, "once each"),
        (f"{end('redaction')}\n{begin('redaction')}\n", "next comment"),
        (f"{begin('redaction')}\n{begin('diagnosis')}\n{end('redaction')}\n{end('diagnosis')}\n", "next comment"),
    ],
    ids=["no place", "two places", "the end first", "one in another"],
)
def test_a_document_without_one_clear_place_for_a_section_is_refused(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        replaced(text, "redaction", "| secret |")


def test_what_is_no_such_document_is_refused_before_anything_is_measured(tmp_path: Path) -> None:
    (tmp_path / "notes.md").write_text("# Notes\n")
    for path in (tmp_path / "notes.md", tmp_path / "missing.md"):
        with pytest.raises(argparse.ArgumentTypeError):
            document(str(path))


def test_aims_are_held_up_to_their_limit_and_missed_beyond() -> None:
    rows = [
        at_least(0.9, "leaks", 900, 1000),
        at_least(0.9, "leaks", 899, 1000),
        at_most(0.01, "alarms", 10, 1000),
        at_most(0.01, "alarms", 11, 1000),
    ]
    assert [row.enough for row in rows] == [True, False, True, False]
    *_, held, missed = aims("numbers", [Reached("a", "≥ 1", "2", True), rows[1]])
    assert held == "| a | ≥ 1 | 2 | held |"
    assert missed == "| leaks | ≥ 90% | 89.9% (899/1,000) | **missed** |"
