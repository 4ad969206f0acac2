"""The JSON Schema of report.json, made from the nouns that it is written from, so that the two cannot drift apart.

`python -m analyzer.report.schema` prints it; it is kept beside this file, where other tools find it.
"""

from __future__ import annotations

import sys
from inspect import cleandoc
from typing import Any

import msgspec

from analyzer.report.document import SCHEMA, Report


def schema() -> dict[str, Any]:
    """JSON Schema 2020-12. Properties may be added within a version of `schema`; none is changed or dropped."""
    made = msgspec.json.schema(Report, schema_hook=_anything)
    head = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "urn:" + SCHEMA.replace(".", ":").replace("/", ":"),
        "title": f"report.json of Reportline, {SCHEMA}",
    }
    for noun in made["$defs"].values():
        # As msgspec gives them since 0.23: before, they kept the margin that they have in the code.
        if "description" in noun:
            noun["description"] = cleandoc(noun["description"])
    made["$defs"]["Report"]["properties"]["schema"] = {"const": SCHEMA}
    return head | made


def _anything(kind: type) -> dict[str, Any]:
    """A cell of a query's result, or the value of a setting: whatever JSON has."""
    if kind is not object:
        raise NotImplementedError(kind)
    return {"description": "any JSON value"}


def to_json() -> bytes:
    return msgspec.json.format(msgspec.json.encode(schema()), indent=2) + b"\n"


if __name__ == "__main__":
    sys.stdout.buffer.write(to_json())
