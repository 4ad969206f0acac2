"""reportline.toml: what a team has agreed on, so that nobody has to type it. Flags of the command line win over it.

Whatever is wrong in it is reported with file and line before any log is read.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from datetime import date
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from msgspec import Struct

from analyzer.errors import UserError
from analyzer.measure import Threshold
from analyzer.model import Suppression
from analyzer.report import Objective

NAME = "reportline.toml"
TABLE = re.compile(r"\s*\[(?P<many>\[?)\s*(?P<name>[\w-]+)\s*\]")
KEY = re.compile(r"\s*(?P<name>[\w-]+|\"[^\"]*\")\s*=")
# What a key holds, by its name. Paths are relative to the file.
TEXTS = ("kind", "function", "region", "redact", "fail-on")
PATHS = ("rules", "templates", "lake")
LISTS = ("thresholds", "objectives", "formats")
TABLES = ("suppressions",)
KEYS = (*TEXTS, *PATHS, *LISTS, *TABLES)
SUPPRESSION = ("hypothesis", "function", "reason", "expires")


class Configuration(Struct, frozen=True, kw_only=True):
    """What the file says; None and empty where it says nothing. Names follow the options of the command line."""

    kind: str | None = None
    function: str | None = None
    region: str | None = None
    redact: str | None = None
    fail_on: str | None = None
    rules: Path | None = None
    templates: Path | None = None
    lake: Path | None = None
    thresholds: tuple[str, ...] = ()
    objectives: tuple[str, ...] = ()
    formats: tuple[str, ...] = ()
    suppressions: tuple[Suppression, ...] = ()


def configuration(path: Path | None) -> Configuration:
    """What `path` says, else reportline.toml in the working directory, else nothing. Raises UserError with file and line."""
    if path is None:
        path = Path(NAME)
        if not path.is_file():
            return Configuration()
    try:
        text = path.read_text("utf-8")
        content = tomllib.loads(text)
    except OSError as problem:
        raise UserError(f"cannot read {path}: {problem.strerror}") from problem
    except UnicodeDecodeError as problem:
        raise UserError(f"{path} is not UTF-8") from problem
    except tomllib.TOMLDecodeError as problem:
        place = re.search(r"line (\d+)", str(problem))
        raise UserError(f"{path}:{place[1] if place else 1}: {problem}") from problem
    return _Reader(path, text, content).read()


class _Reader:
    def __init__(self, path: Path, text: str, content: dict[str, Any]) -> None:
        self.path = path
        self.content = content
        self.lines = dict(_places(text))

    def read(self) -> Configuration:
        self._known(self.content, KEYS, ())
        values: dict[str, Any] = {key: self._text((key,)) for key in TEXTS if key in self.content}
        values |= {key: self.path.parent / self._text((key,)) for key in PATHS if key in self.content}
        values |= {key: self._texts(key) for key in LISTS if key in self.content}
        for text in values.get("thresholds", ()):
            try:
                Threshold.parse(text)
            except UserError as problem:
                raise self._wrong(("thresholds",), str(problem)) from None
        for text in values.get("objectives", ()):
            try:
                Objective.parse(text)
            except UserError as problem:
                raise self._wrong(("objectives",), str(problem)) from None
        values["suppressions"] = tuple(self._suppressions())
        return Configuration(**{key.replace("-", "_"): value for key, value in values.items()})

    def _suppressions(self) -> Iterator[Suppression]:
        tables = self.content.get("suppressions", [])
        if not isinstance(tables, list) or not all(isinstance(one, dict) for one in tables):
            raise self._wrong(("suppressions",), "suppressions are written as [[suppressions]], one table each")
        for number, table in enumerate(tables):
            place = ("suppressions", number)
            self._known(table, SUPPRESSION, place)
            for key in ("hypothesis", "reason", "expires"):
                if key not in table:
                    raise self._wrong(place, f"a suppression needs a {key}, and this one has none")
            if type(table["expires"]) is not date:
                raise self._wrong((*place, "expires"), "expires is a date such as 2026-12-31, without quotation marks")
            yield Suppression(
                hypothesis=self._text((*place, "hypothesis")),
                function=self._text((*place, "function")) if "function" in table else None,
                reason=self._text((*place, "reason")),
                expires=table["expires"].isoformat(),
            )

    def _known(self, table: dict[str, Any], keys: tuple[str, ...], place: tuple[str | int, ...]) -> None:
        for key in table:
            if key not in keys:
                near = get_close_matches(key, keys, n=1)
                instead = f"did you mean {near[0]}?" if near else f"there are {', '.join(keys)}"
                raise self._wrong((*place, key), f"there is no key {key}; {instead}")

    def _text(self, place: tuple[str | int, ...]) -> str:
        value: Any = self.content
        for step in place:
            value = value[step]
        if not isinstance(value, str) or not value.strip():
            raise self._wrong(place, f"{place[-1]} is a text in quotation marks")
        return value

    def _texts(self, key: str) -> tuple[str, ...]:
        value = self.content[key]
        if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
            raise self._wrong((key,), f"{key} is a list of texts, such as ['...']")
        return tuple(value)

    def _wrong(self, place: tuple[str | int, ...], sentence: str) -> UserError:
        line = next((self.lines[place[:end]] for end in range(len(place), 0, -1) if place[:end] in self.lines), 1)
        return UserError(f"{self.path}:{line}: {sentence}")


def _places(text: str) -> Iterator[tuple[tuple[str | int, ...], int]]:
    """The line of every table and key; the parser does not tell."""
    table: tuple[str | int, ...] = ()
    tables: dict[str, int] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        if match := TABLE.match(line):
            name = match["name"]
            tables[name] = tables.get(name, -1) + 1
            table = (name, tables[name]) if match["many"] else (name,)
            yield table, number
        elif match := KEY.match(line):
            yield (*table, match["name"].strip('"')), number
