"""The books are honest: what a source holds is counted, and what was not understood, or is no event, can be found again."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from analyzer.ingest import ingest
from analyzer.ingest.containers import containers
from analyzer.ingest.containers.container import MOST_PROBLEMS, Container, Problems, without_indentation
from analyzer.ingest.packing import Unpacked, rejoin
from analyzer.ingest.sources import LogFile
from analyzer.lake import Lake
from tests.ingest.conftest import rows
from tests.ingest.test_round_trip import WRAPPINGS, Call, Life, Runtime, Said, Wrapping, brief, lives, logged
from tests.logs import OTHER_ID, invocation

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
LINE_BY_LINE = (
    "s3-export",
    "log-events-text",
    "queried-events-text",
    "aws-logs-tail",
    "aws-logs-tail-short",
    "sam-logs",
    "awslogs",
    "saw",
    "console-csv",
)


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
    text = "\n".join([*invocation("working"), MADE_UP, *invocation(request_id=OTHER_ID), f"{MADE_UP} again", ""])
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
    ("content", "foreign"),
    [
        (json.dumps({"events": [*MESSAGES, {"timestamp": TIME}]}).encode(), [f'{{"timestamp": {TIME}}}']),
        (json.dumps([*invocation("a"), None, ["b", "c"]]).encode(), ["null", '["b", "c"]']),
        (parquet(*invocation("a"), None), [f'{{"at": {TIME}, "text": null}}']),
    ],
)
def test_what_a_container_holds_and_is_no_event_is_a_line_that_was_not_understood(
    tmp_path: Path, content: bytes, foreign: list[str]
) -> None:
    (tmp_path / "file").write_bytes(content)
    lake = Lake(tmp_path / "lake")
    (source,) = ingest([str(tmp_path / "file")], lake).read
    assert (source.lines, source.understood) == (len(invocation("a")) + len(foreign), len(invocation("a")))
    assert [row["message"] for row in rows(lake, "events") if row["kind"] == "unparsed"] == foreign


def test_an_invocation_that_was_pasted_again_with_other_lines_in_it_counts_once(tmp_path: Path) -> None:
    text = "\n".join([*invocation("working"), *invocation(), *invocation(request_id=OTHER_ID), ""])
    (tmp_path / "pasted.txt").write_text(text)
    lake = Lake(tmp_path / "lake")
    (source,) = ingest([str(tmp_path / "pasted.txt")], lake).read
    assert (source.lines, source.understood, source.duplicates) == (10, 10, 1)
    assert [row["complete"] for row in rows(lake)] == [True, True]


def test_what_is_wrong_with_a_file_is_said_up_to_a_number_and_then_counted() -> None:
    problems = Problems()
    for number in range(MOST_PROBLEMS + 3):
        problems(f"problem {number}")
    assert problems.sentences() == [
        *(f"problem {number}" for number in range(MOST_PROBLEMS)),
        "3 more problems are left out here",
    ]


# ── foreign text in every container ──────────────────────────────────────────────────────────────────────────────────

LOG = LogFile("file", Path("file"))
TOKEN = "nobody-logged-this"
WORDS = f"$ {TOKEN} | more words of a person"
VALUE = json.dumps({TOKEN: {"a": [None]}})
# Between the parts of an exported stream and the rows of a Parquet file nobody can put anything.
PLAIN = {
    name: wrapping
    for name, wrapping in WRAPPINGS.items()
    if wrapping.container != "parquet" and not name.startswith("an export")
}


def of(name: str) -> Container:
    (container,) = (one for one in containers() if one.name == name)
    return container


def taken(container: Container, content: bytes) -> tuple[list[str], list[tuple[int, str]], list[str]]:
    """The messages of the records, what was foreign, and what else was said."""
    foreign: list[tuple[int, str]] = []
    problems = Problems(lambda position, text: foreign.append((position, text)))
    messages = [record.message for record in container.records(io.BytesIO(content), LOG, problems)]
    return messages, foreign, problems.sentences()


def files_of(wrapping: Wrapping, drawn: list[Life]) -> list[bytes]:
    """Each life in a file of its own."""
    written = [wrapping.write([logged(life).stream]) for life in drawn]
    files = [
        rejoin(b"", Unpacked(io.BytesIO(content), len(content))).read() for one in written for content in one.values()
    ]
    return [content if content.endswith(b"\n") else content + b"\n" for content in files]


def between(pieces: list[bytes], files: list[bytes]) -> bytes:
    """The files with a piece in front of each and one at the end."""
    return b"".join(part for pair in zip(pieces, [*files, b""], strict=True) for part in pair)


@pytest.mark.parametrize("name", PLAIN)
@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(data=st.data())
def test_text_and_values_between_files_that_somebody_put_together_are_accounted_for(
    name: str, data: st.DataObject
) -> None:
    wrapping = PLAIN[name]
    container = of(wrapping.container)
    files = files_of(wrapping, data.draw(lives(wrapping.runtimes, "tame", wrapping.unfinished)))
    pieces = [
        data.draw(st.sampled_from([b"", f"{WORDS}\n".encode(), f"{VALUE}\n".encode()])) for _ in range(len(files) + 1)
    ]
    if container.name == "invoke-log-tail":
        # A value in front of an answer is what the function returned.
        pieces = [piece and f"{WORDS}\n".encode() for piece in pieces]
    alone, _, _ = taken(container, b"".join(files))
    # Text that hides what a file is begins no file of its kind.
    for number in range(len(pieces)):
        if not container.recognises(between(pieces, files)):
            pieces[number] = b""
    content = between(pieces, files)
    assume(container.recognises(content))
    messages, foreign, said = taken(container, content)
    # Where nothing tells that an event is over, what follows it belongs to it.
    inside = sum(message.count(TOKEN) for message in messages)
    assert inside + sum(text.count(TOKEN) for _, text in foreign) == sum(piece != b"" for piece in pieces)
    assert said == []
    assert [text for _, text in foreign if TOKEN not in text] == []
    own = (without_token(message) for message in messages)
    assert sorted(message for message in own if message) == sorted(message for message in alone if message)
    for position, text in foreign:
        assert 0 <= position <= len(content)
        assert TOKEN in text


def without_token(message: str) -> str:
    """Some tools spread JSON over lines, which are one again only where nothing else stands among them."""
    return without_indentation("\n".join(line for line in message.split("\n") if TOKEN not in line).rstrip())


@pytest.mark.parametrize("name", [name for name, one in PLAIN.items() if one.container in LINE_BY_LINE])
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(data=st.data())
def test_a_line_of_somebody_between_any_two_lines_is_accounted_for_and_can_be_found(
    name: str, data: st.DataObject
) -> None:
    wrapping = PLAIN[name]
    container = of(wrapping.container)
    (content, *_) = files_of(wrapping, data.draw(lives(wrapping.runtimes, "tame", wrapping.unfinished)))
    lines = content.splitlines(keepends=True)
    place = data.draw(st.integers(0 if container.recognises(WORDS.encode() + b"\n" + content) else 1, len(lines)))
    alone, _, _ = taken(container, content)
    mixed = b"".join([*lines[:place], f"{WORDS}\n".encode(), *lines[place:]])
    messages, foreign, said = taken(container, mixed)
    assert said == []
    assert sum(message.count(TOKEN) for message in messages) + len(foreign) == 1
    assert [without_token(message) for message in messages if without_token(message)] == alone
    for position, text in foreign:
        assert mixed[position:].startswith(text.encode())


# ── the same content twice in one file ───────────────────────────────────────────────────────────────────────────────

CALL = Call("6556e9bb-dd89-49e6-9dc4-d8344fdc37cb", "ok", 17, 9_239_425, 41_361, 539, None, 3, [Said("info", "a", 5)])
LIVES = [
    Life(
        "checkout",
        "$LATEST",
        f"2026/03/17/[$LATEST]{number:032x}",
        "python",
        1024,
        1_773_735_125_000 + 7_000 * number,
        True,
        [
            CALL._replace(request_id=f"{number}556e9bb-dd89-49e6-9dc4-d8344fdc37cb", said=[*CALL.said, *CALL.said]),
            CALL._replace(request_id=f"{number}5d29fba-bb9f-4c40-90df-afad2cdcce25", ending="thrown", init=None),
            CALL._replace(request_id=f"{number}a325d90-2f10-4f0e-8f06-5a4e4de1f2aa", ending="timeout", init=None),
            # The retry ends as the first attempt did.
            CALL._replace(
                request_id=f"{number}a325d90-2f10-4f0e-8f06-5a4e4de1f2aa", ending="timeout", init=None, gap=60_000
            ),
        ],
    )
    for number in (1, 2)
]
# An export task writes a stream once, and its files are read too fast to look whether somebody put two into one. Joined
# messages have no tab in front of the first one, so that two such files are text without an order of its own.
TOLD_AGAIN = {
    name: one for name, one in PLAIN.items() if one.container != "s3-export" and name != "queried messages as text"
}


@pytest.mark.parametrize("name", TOLD_AGAIN)
def test_the_same_content_twice_in_one_file_adds_nothing_and_is_counted(name: str, tmp_path: Path) -> None:
    wrapping = TOLD_AGAIN[name]
    runtime: Runtime = "python" if "python" in wrapping.runtimes else wrapping.runtimes[0]
    drawn = [
        life._replace(runtime=runtime, calls=[*map(brief, life.calls)] if wrapping.brief else life.calls)
        for life in LIVES
    ]
    if wrapping.container == "invoke-log-tail":
        drawn = [life._replace(calls=life.calls[:1]) for life in drawn]
    content = b"".join(files_of(wrapping, drawn))
    found = []
    for times in (1, 2, 3):
        (tmp_path / "file").write_bytes(content * times)
        lake = Lake(tmp_path / f"lake-{times}")
        (source,) = ingest([str(tmp_path / "file")], lake).read
        calls, lines = (rows(lake, table) for table in ("invocations", "events"))
        assert source.problems == []
        assert (source.container, source.understood) == (wrapping.container, source.lines)
        # An event that was delivered twice is known by its id before anything else is looked at.
        counted = 1 if wrapping.container == "subscription" else times
        assert source.duplicates == (counted - 1) * len(calls)
        found.append((calls, lines, source.lines / counted))
    assert found[0] == found[1] == found[2]
