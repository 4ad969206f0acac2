"""The books are honest: what a source holds is counted, and what was not understood, or is no event, can be found again."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from analyzer.ingest import ingest
from analyzer.ingest.packing import Unpacked, rejoin
from analyzer.ingest.sources import LogFile
from analyzer.lake import Lake
from tests.ingest.conftest import rows
from tests.logs import invocation

SAMPLES = Path(__file__).parents[2] / "sample_logs"
FILES = [
    folder.parent / name
    for folder in sorted(SAMPLES.rglob("expect.json"))
    for name in json.loads(folder.read_text())["files"]
]
TASK_FOLDER = re.compile(r"/[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}/")
EXPORTS = [path for path in FILES if TASK_FOLDER.search(str(path))]
# The time that stands in front of every event of an export, and of nothing else in these samples.
EXPORTED = re.compile(rb"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z ", re.MULTILINE)
MADE_UP = "REPORT RequestId: xmpl\tMemory: 2048 MB Max Used: 100 MB"
TIME = 1_773_735_125_000


def unpacked(path: Path) -> bytes:
    opened = LogFile(str(path), path).open()
    return rejoin(b"", Unpacked(opened.content, opened.size)).read()


@pytest.mark.parametrize("path", FILES, ids=[str(path.relative_to(SAMPLES)) for path in FILES])
def test_every_line_of_a_sample_that_was_not_understood_is_kept_with_its_place(path: Path, tmp_path: Path) -> None:
    lake = Lake(tmp_path / "lake")
    (source,) = ingest([str(path)], lake).read
    lost = [row for row in rows(lake, "events") if row["kind"] == "unparsed"]
    assert len(lost) == source.lines - source.understood
    content = unpacked(path)
    for row in lost:
        assert row["source"] == source.source
        # Behind what the container or a person put in front of it.
        found = content[row["position"] :].decode("utf-8", "replace")
        assert 0 <= found.find(row["message"].partition("\t")[0]) < 60


@pytest.mark.parametrize("path", EXPORTS, ids=[path.parent.name for path in EXPORTS])
def test_the_lines_of_an_export_are_as_many_as_have_a_time_in_front(path: Path, tmp_path: Path) -> None:
    (source,) = ingest([str(path)], Lake(tmp_path / "lake")).read
    assert source.lines == len(EXPORTED.findall(unpacked(path)))


def test_the_first_line_that_was_not_understood_can_be_found_in_the_file(tmp_path: Path) -> None:
    text = "\n".join([*invocation("working"), MADE_UP, *invocation(), MADE_UP, ""])
    (tmp_path / "pasted.txt").write_text(text)
    lake = Lake(tmp_path / "lake")
    (source,) = ingest([str(tmp_path / "pasted.txt")], lake).read
    assert (source.lines, source.understood) == (text.count("\n"), text.count("\n") - 2)
    places = [row["position"] for row in rows(lake, "events") if row["kind"] == "unparsed"]
    assert places == [place.start() for place in re.finditer(re.escape(MADE_UP), text)]


def parquet(*lines: str | None) -> bytes:
    file = io.BytesIO()
    pq.write_table(pa.table({"at": [TIME] * len(lines), "text": list(lines)}), file)
    return file.getvalue()


MESSAGES = [{"timestamp": TIME, "message": text} for text in invocation("working")]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (json.dumps({"events": [*MESSAGES, {"timestamp": TIME}]}).encode(), "1 events have no message"),
        (json.dumps([*invocation("a"), None, ["b", "c"]]).encode(), "2 rows do not show one message each"),
        (parquet(*invocation("a"), None), "1 rows hold no line"),
    ],
)
def test_what_a_container_holds_and_is_no_event_is_a_problem_of_the_file(
    tmp_path: Path, content: bytes, said: str
) -> None:
    (tmp_path / "file").write_bytes(content)
    (source,) = ingest([str(tmp_path / "file")], Lake(tmp_path / "lake")).read
    assert source.lines == len(invocation("a"))
    assert source.problems == [said]
