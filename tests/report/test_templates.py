"""Templates are compiled once, and again when they change; a folder that cannot be written costs time alone."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from analyzer.report.render import TEMPLATE, Templates


@pytest.fixture
def template(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only one of an installation that keeps what it compiles."""
    monkeypatch.setattr(sys.modules[Templates.__module__], "shipped", lambda _: tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    path = tmp_path / f"weekly{TEMPLATE}"
    path.write_text("{{ n }} calls")
    return path


def filled() -> str:
    environment = Templates(None, "weekly", redacted=True).environment
    return environment.get_template(f"weekly{TEMPLATE}").render(n=44)


def test_a_template_that_was_compiled_is_kept_until_it_changes(template: Path) -> None:
    assert filled() == filled() == "44 calls"
    assert [path.suffix for path in template.with_name("__pycache__").iterdir()] == [".jinja"]
    template.write_text("{{ n }} invocations")
    assert filled() == "44 invocations"


def test_a_template_is_filled_in_where_nothing_can_be_kept(template: Path) -> None:
    template.with_name("__pycache__").symlink_to("nowhere")
    assert filled() == "44 calls"


def test_templates_of_ones_own_leave_nothing_behind(template: Path, tmp_path: Path) -> None:
    own = tmp_path / "own"
    own.mkdir()
    (own / template.name).write_text("{{ n }} of mine")
    Templates(own, "weekly", redacted=True)
    assert not template.with_name("__pycache__").exists()
    assert [path.name for path in own.iterdir()] == [template.name]
