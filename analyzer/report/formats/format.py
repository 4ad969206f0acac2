"""What a file on the shelf of formats defines."""

from __future__ import annotations

from collections.abc import Callable

from msgspec import Struct

from analyzer.report.document import Report


class Format(Struct, frozen=True, kw_only=True):
    """A file beside the report, under the `name` by which `--format` knows it.

    Those that are `usual` are written into every folder, others when they are asked for. `write` gives the bytes of the
    file, None where the report has nothing of its kind.
    """

    name: str
    file: str
    usual: bool
    write: Callable[[Report], bytes | None]

    @property
    def suffix(self) -> str:
        return "." + self.file.rpartition(".")[2]
