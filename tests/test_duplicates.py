"""The same logs through several containers give the invocations and notable lines of one of them."""

from __future__ import annotations

import tempfile
from pathlib import Path

import autotuner
import pytest
import small_samples
import structured
import wrappings
from hypothesis import given
from hypothesis import strategies as st
from lambda_lines import Stream, unique_id

from analyzer.ingest import ingest, workers
from analyzer.lake import Lake
from tests.conftest import Run
from tests.logs import ID, OTHER_ID, export, invocation, report, write_export
from tests.measure.rows import repeatable

STREAMS = [*autotuner.streams()[:4], *(stream for make in small_samples.GRAMMARS.values() for stream in make())]
# What does not depend on the file that a row was read from.
ROW = (
    "stream, request_id, attempt, start_time, end_time, outcome, error_type, fingerprint, duration_ms, billed_ms, init_ms, "
    "memory_mb, max_memory_mb, timeout_s, runtime, trace_id, nth, complete"
)
LINE = "stream, request_id, time, kind, level, error_type, rtrim(message) AS message, fingerprint"


def held(lake: Lake) -> tuple[list[str], list[str]]:
    """Invocations and notable lines, by what they say."""
    with lake.open() as engine:
        invocations, lines = (
            sorted(str(row) for row in engine.rows(f"SELECT {columns} FROM {table}"))
            for table, columns in (("invocations", ROW), ("events", LINE))
        )
    return invocations, lines


def write(folder: Path, streams: list[Stream], container: str) -> None:
    if container == "s3-export":
        for stream in streams:
            path = folder / wrappings.export_key(stream.function, unique_id(stream.function), stream.name, "000000")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(wrappings.export(stream.events))
    elif container == "log-events-json":
        (folder / "events.json").write_bytes(wrappings.filter_log_events(streams))
    else:
        (folder / "rows.csv").write_bytes(wrappings.console_csv(streams))


@st.composite
def shares(draw: st.DrawFn) -> tuple[list[Stream], list[tuple[str, list[Stream]]]]:
    """Some streams in containers that overlap: what each has of a stream begins and ends anywhere, and one has it whole."""
    streams = draw(st.lists(st.sampled_from(STREAMS), min_size=1, max_size=4, unique_by=lambda stream: stream.name))
    containers = draw(st.permutations(["s3-export", "log-events-json", "console-csv"]))[: draw(st.integers(2, 3))]
    whole = [draw(st.sampled_from(containers)) for _ in streams]
    made = []
    for container in containers:
        parts = []
        for stream, has_it in zip(streams, whole, strict=True):
            size = len(stream.events)
            begin, end = sorted(draw(st.tuples(st.integers(0, size), st.integers(0, size))))
            part = stream if has_it == container else stream._replace(events=stream.events[begin:end])
            parts += [part] if part.events else []
        made.append((container, parts))
    return streams, made


@repeatable(20)
@given(shares(), st.booleans())
def test_overlapping_containers_give_what_one_of_them_gives(
    shared: tuple[list[Stream], list[tuple[str, list[Stream]]]], at_once: bool
) -> None:
    whole, made = shared
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write(folder / "alone", whole, "s3-export")
        ingest([str(folder / "alone")], alone := Lake(folder / "alone.lake"), function="checkout")
        mixed = Lake(folder / "mixed.lake")
        for number, (container, parts) in enumerate(made):
            (folder / "mixed" / str(number)).mkdir(parents=True)
            write(folder / "mixed" / str(number), parts, container)
            if not at_once:
                ingest([str(folder / "mixed" / str(number))], mixed, function="checkout")
        ingest([str(folder / "mixed")], mixed, function="checkout")
        for found, expected in zip(held(mixed), held(alone), strict=True):
            assert [row for row in found if row not in expected] == [row for row in expected if row not in found] == []
            assert found == expected


def test_ingest_and_report_say_how_many_were_told_before(run: Run, tmp_path: Path) -> None:
    write(tmp_path / "export", STREAMS[:1], "s3-export")
    run("ingest", tmp_path / "export", "--lake", tmp_path / "lake")
    (tmp_path / "json").mkdir()
    write(tmp_path / "json", STREAMS[:1], "log-events-json")
    ran = run("ingest", tmp_path / "json", "--lake", tmp_path / "lake")
    n = len(STREAMS[0].invocations)
    assert ran.out.splitlines()[1] == f"known already\t{n}\t{tmp_path / 'json' / 'events.json'}"
    assert ran.err.endswith(f"0 invocations added to {tmp_path / 'lake'}; {n} more are told more than once\n")
    run("report", "--lake", tmp_path / "lake", "-o", tmp_path / "report.md")
    assert (
        f"`{tmp_path / 'json' / 'events.json'}` repeats {n} invocations that it or another file tells before"
        in (tmp_path / "report.md").read_text()
    )


def test_retries_of_one_request_that_time_out_alike_are_as_many_as_they_were(tmp_path: Path) -> None:
    """They share request id and duration. Where no time tells them apart, they are counted."""
    again = invocation("working", duration=3000.0)
    write_export(tmp_path / "logs", export(*again, *again, *again))
    (tmp_path / "logs" / "pasted.txt").write_text(f"{report(duration=3000.0)}\n" * 2)
    ingest([str(tmp_path / "logs")], lake := Lake(tmp_path / "lake"))
    with lake.open() as engine:
        found = engine.rows("SELECT attempt, source FROM invocations ORDER BY attempt")
    assert [row["attempt"] for row in found] == [1, 2, 3]
    assert {Path(row["source"]).name for row in found} == {"000000"}


def test_what_says_more_takes_the_place_of_what_was_there_first(tmp_path: Path) -> None:
    said = f"[ERROR]\t2026-03-17T08:00:01.000Z\t{ID}\tnothing to send"
    (tmp_path / "ticket.txt").write_text(f"{report()}\n{report(OTHER_ID)}\n")
    write_export(tmp_path / "logs", export(*invocation(said)))
    lake = Lake(tmp_path / "lake")
    assert ingest([str(tmp_path / "ticket.txt")], lake).invocations == 2
    assert ingest([str(tmp_path / "logs")], lake).invocations == 0
    with lake.open() as engine:
        found = engine.rows("SELECT request_id, outcome FROM invocations ORDER BY ALL")
        sources = engine.rows("SELECT container, duplicates FROM sources ORDER BY ALL")
        lines = engine.rows("SELECT request_id FROM events")
    assert found == [{"request_id": OTHER_ID, "outcome": "unknown"}, {"request_id": ID, "outcome": "ok"}]
    assert sources == [{"container": "pasted-text", "duplicates": 1}, {"container": "s3-export", "duplicates": 0}]
    assert lines == [{"request_id": ID}]
    assert len(list((lake.folder / "invocations").iterdir())) == 1


def test_ids_that_were_masked_are_no_reason_to_take_two_invocations_for_one(tmp_path: Path) -> None:
    for name in ("first.txt", "second.txt"):
        (tmp_path / name).write_text(f"{report('<redacted>', duration=3000.0)}\n# {name}\n")
    assert ingest([str(tmp_path / "first.txt"), str(tmp_path / "second.txt")], Lake(tmp_path / "lake")).invocations == 2


def test_times_without_milliseconds_are_compared_by_the_second(tmp_path: Path) -> None:
    stream = small_samples.two_pages()
    write(tmp_path / "export", [stream], "s3-export")
    (tmp_path / "short.txt").write_bytes(wrappings.tail([stream], "short"))
    (tmp_path / "insights.json").write_bytes(structured.insights_console(stream))
    lake = Lake(tmp_path / "lake")
    for name in ("short.txt", "export", "insights.json"):
        ingest([str(tmp_path / name)], lake, function="checkout")
    ingest([str(tmp_path / "export")], alone := Lake(tmp_path / "alone"), function="checkout")
    assert held(lake)[0] == held(alone)[0]


def test_two_processes_find_what_the_other_has_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "WORTHWHILE", 0)
    write(tmp_path / "logs", STREAMS, "s3-export")
    write(tmp_path / "logs", STREAMS, "log-events-json")
    ingest([str(tmp_path / "logs")], lake := Lake(tmp_path / "lake"), processes=2, function="checkout")
    (tmp_path / "logs" / "events.json").unlink()
    ingest([str(tmp_path / "logs")], alone := Lake(tmp_path / "alone"), function="checkout")
    assert held(lake) == held(alone)
