"""Keeps docs/truth.md: each program of `make truth` writes its sections, between two comments of their own.

A program replaces the whole document at its end, so that one which is interrupted leaves it as it was.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from math import ceil
from pathlib import Path
from typing import NamedTuple, TypeVar

# What the programs write, by name.
SECTIONS = ("aims of diagnosis", "aims of estimates", "aims of redaction", "diagnosis", "estimates", "redaction")
# How often progress is told.
TIMES = 20
One = TypeVar("One")


class Reached(NamedTuple):
    """What is aimed at, what was reached, and whether that is enough."""

    what: str
    aim: str
    reached: str
    enough: bool


def at_least(limit: float, what: str, hits: int, n: int) -> Reached:
    return Reached(what, f"≥ {limit:.0%}", f"{hits / n:.1%} ({hits:,}/{n:,})", hits >= limit * n)


def at_most(limit: float, what: str, hits: int, n: int) -> Reached:
    return Reached(what, f"≤ {limit:.0%}", f"{hits / n:.1%} ({hits:,}/{n:,})", hits <= limit * n)


def begin(section: str) -> str:
    return f"<!-- {section}: written by make truth -->"


def end(section: str) -> str:
    return f"<!-- end of {section} -->"


def replaced(text: str, section: str, body: str) -> str:
    """The document `text` with `body` as its section. Raises ValueError where the document does not hold the section once."""
    if (text.count(begin(section)), text.count(end(section))) != (1, 1):
        raise ValueError(f"the document has to hold {begin(section)} and {end(section)}, once each")
    before, _, rest = text.partition(begin(section))
    old, closed, after = rest.partition(end(section))
    if not closed or "<!--" in old:
        raise ValueError(f"in the document {end(section)} has to be the next comment after {begin(section)}")
    # With an empty line on both sides: Markdown takes lines that touch a comment for a part of it.
    return f"{before}{begin(section)}\n\n{body.strip()}\n\n{end(section)}{after}"


def document(path: str) -> Path:
    """A file that has a place for every section, for argparse."""
    try:
        text = Path(path).read_text()
        for section in SECTIONS:
            replaced(text, section, "")
    except (OSError, ValueError) as error:
        raise argparse.ArgumentTypeError(str(error)) from error
    return Path(path)


def publish(sections: Mapping[str, Iterable[str]], path: Path | None) -> None:
    """Prints the lines of every section as they come and then, with a path, puts all sections into that document at once."""
    bodies = {section: _printed(lines) for section, lines in sections.items()}
    if path is None:
        return
    text = path.read_text()
    for section, body in bodies.items():
        text = replaced(text, section, body)
    unfinished = path.with_suffix(".partial")
    unfinished.write_text(text)
    unfinished.replace(path)


def _printed(lines: Iterable[str]) -> str:
    kept = []
    for line in lines:
        print(line, flush=True)
        kept.append(line)
    print()
    return "\n".join(kept)


def program(description: str, section: str, what: str, tables: Callable[[float, list[Reached]], Iterable[str]]) -> None:
    """A program that writes one section and, above it, its aims. `tables` gets when it began, and adds what it reached."""
    chosen = parser(description).parse_args()
    reached: list[Reached] = []
    # The aims are complete by then: sections are made in their order.
    publish({section: tables(time.monotonic(), reached), f"aims of {section}": aims(what, reached)}, chosen.into)


def told(results: Iterable[One], n: int, what: str) -> Iterator[One]:
    """Hands results on as they come, and tells on stderr how many of `n` there are."""
    begun = time.monotonic()
    for number, result in enumerate(results, 1):
        yield result
        if number == n or number % max(1, n // TIMES) == 0:
            print(f"{what}: {number:,} of {n:,}, {time.monotonic() - begun:.0f} s", file=sys.stderr, flush=True)


def aims(what: str, rows: Iterable[Reached]) -> Iterator[str]:
    """A table of aims beside what was reached."""
    yield f"| {what} | aimed at | reached | |"
    yield "|---|---:|---:|---|"
    for row in rows:
        yield f"| {row.what} | {row.aim} | {row.reached} | {'held' if row.enough else '**missed**'} |"


def made_by(command: str, packages: Sequence[str], begun: float) -> str:
    """When and with what a section was made, and how long that took since `begun`, a reading of time.monotonic."""
    versions = ", ".join([f"Python {platform.python_version()}", *(f"{name} {version(name)}" for name in packages)])
    minutes = ceil((time.monotonic() - begun) / 60)
    return (
        f"Made on {datetime.now(UTC):%Y-%m-%d} by `{command}` in {minutes} minute{'s' if minutes > 1 else ''},\n"
        f"with {versions}, on {platform.system()} {platform.machine()} with {os.cpu_count()} cores."
    )


def parser(description: str) -> argparse.ArgumentParser:
    """What every program of `make truth` understands."""
    common = argparse.ArgumentParser(description=description)
    common.add_argument(
        "--into", type=document, help="the document whose sections are to be replaced; without it they are printed"
    )
    return common
