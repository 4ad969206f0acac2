"""Files arrive cut, mixed and damaged: whatever a container recognises it reads to the end, and what it hands on can be kept."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from analyzer.errors import UserError
from analyzer.ingest import grammars, ingest
from analyzer.ingest.containers import containers, recognise
from analyzer.ingest.containers.container import Problems
from analyzer.ingest.exports import BUFFER
from analyzer.ingest.packing import HEAD, UNPACK_ERRORS, Unpacked, rejoin
from analyzer.ingest.sources import LogFile
from analyzer.lake import Lake
from tests.ingest.fuzz import limited


def _content(path: Path) -> bytes:
    opened = LogFile(str(path), path).open()
    return rejoin(b"", Unpacked(opened.content, opened.size)).read()


SAMPLES = Path(__file__).parents[2] / "sample_logs"
# What is damaged has to lie where a reader comes by, so the samples of 44 invocations are left out.
SMALL = 20_000
CONTENTS = [
    content
    for folder in sorted((SAMPLES / "containers").rglob("expect.json"))
    for path in (folder.parent / name for name in json.loads(folder.read_text())["files"])
    if len(content := _content(path)) < SMALL
]
# What means something to one container or another.
PIECES = st.sampled_from(
    [
        *(b"\n", b"\r\n", b"\t", b'"', b"'", b"\\", b"{", b"}", b"[", b"]", b",", b"\x00", b"\xff\xfe", b"\x1b[31m"),
        *(b"\xed\xa0\x80", b"\\ud800", b"\\u0000", b"null", b"1e999", b"-1", b"9999999999999", b"9" * 5_000, b"[" * 5_000),
        *(b'"eventId": ["a"]', b"9999-99-99T99:99:99.999Z ", b"0001-01-01T00:00:00.000+23:59 ", b"START", b"START - x"),
        *(b"REPORT RequestId: a", b"REPORT - a\n", b"2026-03-17 08:00:00.000 - a - \n", b"END Duration: 1 ms"),
        *(b"EVENTS\t", b"LogResult", b"QUJD"),
    ]
)  # fmt: skip


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    content = draw(st.sampled_from(CONTENTS))
    for _ in range(draw(st.integers(1, 6))):
        begin = draw(st.integers(0, len(content)))
        end = draw(st.one_of(st.just(begin), st.integers(begin, min(len(content), begin + 200)), st.just(len(content))))
        piece = draw(
            st.one_of(PIECES, st.binary(max_size=20), st.sampled_from(CONTENTS).map(lambda other: other[:500]))
        )
        content = content[:begin] + piece + content[end:]
    return content


def read_all(content: bytes) -> int:
    """How many records came out of what recognised the content, everything checked that the lake needs of them."""
    try:
        text = rejoin(b"", Unpacked(io.BytesIO(content), len(content))).read()
        chosen = recognise(text[:HEAD], "file")
    except (UserError, *UNPACK_ERRORS):
        return 0
    count = 0
    for container in containers():
        if container is not chosen and not container.recognises(text[:HEAD]):
            continue
        said = Problems()
        for record in container.records(io.BytesIO(text), LogFile("file", Path("file")), said):
            count += 1
            for value in (record.message, record.stream, record.log_group, record.function):
                assert value is None or value.encode() is not None
            assert record.time is None or 0 <= record.time < 253_402_300_800_000_000
            assert 0 <= record.position <= len(text)
            grammars.parse(record.message)
        assert all(problem.encode("utf-8", "replace") for problem in said.sentences())
    return count


@settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large], max_examples=400, deadline=None)
@given(damaged())
def test_no_damage_to_a_sample_stops_its_reader(content: bytes) -> None:
    read_all(content)


@settings(deadline=None)
@given(st.binary(max_size=500))
def test_no_bytes_stop_the_readers(content: bytes) -> None:
    read_all(content)


@pytest.mark.parametrize("buffer", [BUFFER, 0])
@pytest.mark.parametrize(
    "content",
    [one for one in CONTENTS if not one.startswith(b"PAR1")],
    ids=lambda content: hashlib.sha256(content).hexdigest()[:8],
)
def test_a_download_that_lacks_its_last_bytes_gives_every_row_and_says_so(
    content: bytes, buffer: int, tmp_path: Path
) -> None:
    packed = gzip.compress(content + b"\n" * 32)
    (tmp_path / "whole").write_bytes(packed)
    (tmp_path / "cut").write_bytes(packed[:-3])
    whole, cut = (
        ingest([str(tmp_path / name)], Lake(tmp_path / f"{name}-lake"), buffer=buffer) for name in ("whole", "cut")
    )
    (source,), (expected,) = cut.read, whole.read
    assert cut.invocations == whole.invocations
    # The last event may go on where the file breaks off.
    assert expected.lines - source.lines in (0, 1)
    assert "breaks off or is damaged" in source.problems[-1]


# What a reader may begin to look for, and what it may then go on and on through.
OPENINGS = (
    *("", "[", "{", '"', '{"', "RequestId: ", "START RequestId: ", "REPORT RequestId: a\tDuration: ", "[ERROR] ", "- "),
    *("2026-03-17T08:00:00.000Z ", "timestamp,message\n1773735125000,", '{"messageType":"DATA_MESSAGE",', "Traceback "),
    *("INIT_START Runtime Version: ", "| @timestamp | @message |\n|", '"errorType": "', "Exception: ", "Task timed out "),
)  # fmt: skip
RUNS = (
    " ",
    "\t",
    "\n",
    "\r\n",
    "x",
    "1",
    "[",
    "{",
    '"',
    "\\",
    '\\"',
    ",",
    "a=1 ",
    '{"a":',
    ".",
    "a.",
    "A",
    "- ",
    "| ",
    "0-",
)
LONG = 200_000


@pytest.mark.parametrize("opening", OPENINGS)
def test_no_reader_goes_back_and_forth_in_a_long_run_of_anything(opening: str, tmp_path: Path) -> None:
    alone, said = tmp_path / "alone", tmp_path / "said"
    for folder in (alone, said):
        folder.mkdir()
    for number, run in enumerate(RUNS):
        text = opening + run * (LONG // len(run))
        (alone / f"{number}").write_text(text + "\x01")
        # The same as what a function said, of which only what stands on one line is its own.
        message = text.replace("\n", " ") + "!"
        said.joinpath(f"{number}").write_text(
            f"2026-03-17T08:00:00.000Z START RequestId: a Version: 1\n2026-03-17T08:00:00.001Z {message}\n"
        )
    with limited(2 * LONG):
        ingest([str(said)], Lake(tmp_path / "said-lake"))
        # Where nothing was recognised that is said.
        with suppress(UserError):
            ingest([str(alone)], Lake(tmp_path / "alone-lake"))


def test_the_samples_themselves_are_read_here_too() -> None:
    assert all(read_all(content) > 0 for content in CONTENTS)
