"""Keeps the piece of a report in the README equal to the report in docs/sample-report/. Run by `make golden`."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).parent.parent
README = ROOT / "README.md"
REPORT = ROOT / "docs" / "sample-report" / "report.md"
LINES = 37
BEGIN, END = f"<!-- the first {LINES} lines of docs/sample-report/report.md -->", "<!-- end -->"


def quoted() -> str:
    """The first lines of the report as a quotation: its headings are not those of the README."""
    lines = REPORT.read_text().splitlines()[:LINES]
    # The pictures lie beside the report, not beside the README.
    moved = (
        line.replace("](report-", "](docs/sample-report/report-").replace("](#", "](docs/sample-report/report.md#")
        for line in lines
    )
    return "\n".join(f"> {line}".rstrip() for line in moved)


def updated(readme: str) -> str:
    before, _, rest = readme.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{quoted()}\n{END}{after}"


if __name__ == "__main__":
    README.write_text(updated(README.read_text()))
