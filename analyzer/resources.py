"""Finds the rules and templates that Reportline ships with, in a checkout and in an installed wheel."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from analyzer.errors import UserError

PACKAGE = Path(__file__).parent


def shipped(name: Literal["rules", "report_templates"]) -> Path:
    """The folder of shipped data: inside the package when installed from a wheel, beside it in a checkout."""
    for folder in (PACKAGE / "_data" / name, PACKAGE.parent / name):
        if folder.is_dir():
            return folder
    raise UserError(f"this installation of Reportline lacks its folder {name}/; install it again")
