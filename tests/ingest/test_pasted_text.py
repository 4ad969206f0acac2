"""Text that went through terminals, tickets and chats: what is still a REPORT is read, and what only looks like one is not."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analyzer.ingest import ingest
from analyzer.lake import Lake
from tests.ingest.conftest import Read
from tests.ingest.test_containers import log_events, records
from tests.logs import ID, OTHER_ID, invocation, report

TIMED = "2026-03-17T08:12:05.123000+00:00"


@pytest.mark.parametrize(
    "line",
    [
        report().replace("\t", "\\t"),
        report().replace("\t", "\\\\t"),
        f'"{report()}"'.replace("\t", "\\t"),
        f'    "{report()}\\n",'.replace("\t", "\\t"),
        f"'{report()}\\n',".replace("\t", "\\t"),
        f'            "message": {json.dumps(report() + chr(10))},',
        f'"@message": {json.dumps(report() + chr(10))}',
        report().replace("RequestId: ", "RequestId:\t"),
        f"- `02:43:55`       {report()}",
        f"16:36:11 {report()}",
        f"[16:36:11.123] {report()}",
        f"1. {report()}",
        f"| {report()}",
        f"    {report()}",
    ],
)
def test_a_report_is_found_whatever_was_put_around_it(read_file: Read, line: str) -> None:
    (row,) = read_file(f"look at this:\n{line}\nthanks\n")
    assert (row["request_id"], row["duration_ms"], row["max_memory_mb"]) == (ID, 92_394.25, 539)
    assert row["end_time"] is None


@pytest.mark.parametrize(
    "time",
    [
        "2026-03-17T08:12:05.123Z",
        "2026-03-17 08:12:05.123",
        "2026-03-17 08:12:05,123 UTC",
        "2026-03-17T04:12:05.123-04:00",
        "2026-03-17 09:12:05.123 +0100",
        "[2026-03-17T08:12:05.123Z]",
        "(2026-03-17T08:12:05.123Z)",
        "`2026-03-17T08:12:05.123Z`",
        "2026-03-17T08:12:05.123Z -",
        "1773735125123",
        "[1773735125123]",
        "2026-03-17T04:12:05.123-04:00\n",
    ],
)
def test_the_time_in_front_of_a_report_is_that_of_its_event(read_file: Read, time: str) -> None:
    (row,) = read_file(f"{time} {report()}\n")
    assert (row["request_id"], row["end_time"].isoformat()) == (ID, TIMED)


@pytest.mark.parametrize("time", ["2026-99-99T99:99:99.999Z", "0000-01-01 00:00:00"])
def test_a_time_that_is_none_is_left_away(read_file: Read, time: str) -> None:
    (row,) = read_file(f"{time} {report()}\n")
    assert (row["request_id"], row["end_time"]) == (ID, None)


@pytest.mark.parametrize("cut", range(1, 120, 7))
def test_a_report_that_was_cut_is_read_right_or_counted_as_not_understood(tmp_path: Path, cut: int) -> None:
    line = report(extra="\tInit Duration: 492.98 ms\tStatus: timeout", tail="")[:-cut]
    (tmp_path / "file").write_text(f"{line}\n{report(OTHER_ID)}\n")
    lake = Lake(tmp_path / "lake")
    (source,) = ingest([str(tmp_path / "file")], lake).read
    with lake.open() as engine:
        found = engine.rows(f"SELECT * FROM invocations WHERE request_id = '{ID}'")
    assert source.lines == 2
    assert source.understood == 1 + len(found)
    for row in found:
        assert row["duration_ms"] == 92_394.25
        assert row["billed_ms"] in (None, 92_395)
        assert row["memory_mb"] in (None, 1024)
        assert row["max_memory_mb"] in (None, 539)
        assert row["init_ms"] in (None, 492.98)


@pytest.mark.parametrize(
    "line",
    [
        f"REPORT RequestId: {ID} Memory: 2048 MB Max Used: 1800 MB Duration: 5 s",
        f"REPORT RequestId: {ID}  Duration: 1234.56ms  Billed: 1300ms  Memory: 512MB",
        f"REPORT RequestId: {ID} | Duration: 1234.56 ms | Memory Size: 512 MB",
        f"REPORT RequestId: {ID} Duration: 12,345 ms Billed Duration: 12,346 ms",
        f"REPORT RequestId: {ID} Duration: ~1200 ms",
        f"REPORT RequestId: {ID}",
    ],
)
def test_a_report_that_somebody_made_up_is_no_invocation_and_counts_as_not_understood(
    tmp_path: Path, line: str
) -> None:
    (tmp_path / "file").write_text(f"{report(OTHER_ID)}\n{line}\n")
    ingested = ingest([str(tmp_path / "file")], Lake(tmp_path / "lake"))
    assert ingested.invocations == 1
    assert ingested.read[0].lines - ingested.read[0].understood == 1


@pytest.mark.parametrize(
    "text",
    [
        f"The lambda said {report()}\n",
        f'He wrote "{report()}" to us\n',
        "To read it look for REPORT RequestId: in the log\n",
    ],
)
def test_a_report_in_the_middle_of_a_sentence_is_none(tmp_path: Path, text: str) -> None:
    (tmp_path / "file").write_text(text)
    ingested = ingest([str(tmp_path / "file")], Lake(tmp_path / "lake"))
    assert (ingested.invocations, len(ingested.skipped)) == (0, 1)


@pytest.mark.parametrize("mask", ["xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx", "<REDACTED>", "****", "id", "..."])
def test_invocations_that_were_masked_alike_are_not_retries_of_each_other(read_file: Read, mask: str) -> None:
    text = "\n".join(line.replace(ID, mask) for _ in range(2) for line in invocation("working"))
    found = read_file(f"{text}\n")
    assert [(row["attempt"], row["complete"], row["outcome"]) for row in found] == [(1, True, "ok")] * 2
    assert len({row["request_id"] for row in found}) == 2
    assert all(row["request_id"].startswith("masked-") for row in found)


def test_an_id_of_which_only_a_part_is_masked_is_kept(read_file: Read) -> None:
    (row,) = read_file(report("8f507cfc-xmpl-4697-b07a-ac58fc914c95"))
    assert row["request_id"] == "8f507cfc-xmpl-4697-b07a-ac58fc914c95"


def test_lines_that_grep_found_in_an_answer_of_the_api_are_read_as_messages() -> None:
    pretty = json.dumps({"events": log_events(*invocation('said "yes"'))}, indent=4)
    found = "".join(f"{line}\n" for line in pretty.split("\n") if '"message"' in line)
    assert [one.message for one in records(found.encode())] == [one.rstrip() for one in invocation('said "yes"')]


@pytest.mark.parametrize("quote", [lambda text: text, json.dumps, lambda text: f"`{text}`"])
def test_json_platform_events_keep_their_escapes_in_quotes_and_without(quote: Callable[[str], str]) -> None:
    fault = {
        "time": "2026-03-17T08:00:00.000Z",
        "type": "platform.fault",
        "record": f"RequestId: {ID} Error: x\nRuntime.Y",
    }
    line = json.dumps(fault, separators=(",", ":"))
    assert records(f"  {quote(line)}\n{report()}\n".encode())[0].message == line


def test_indented_lines_of_a_pasted_block_are_lines_of_their_own(read_file: Read) -> None:
    error = "[ERROR] KeyError: 's3'\n    Traceback (most recent call last):"
    text = "".join(f"    {line}\n" for line in invocation("working", "still working", error))
    (row,) = read_file(f"it fails:\n\n{text}")
    assert (row["outcome"], row["error_type"]) == ("error", "KeyError")


@settings(deadline=None, max_examples=50)
@given(
    st.lists(st.from_regex(r"[A-Za-z][A-Za-z:./*>\[\]'\"-]*( [A-Za-z0-9:.,\"'-]+)*", fullmatch=True).map(str.rstrip), max_size=4)
)  # fmt: skip
def test_what_the_application_wrote_keeps_its_beginning(between: list[str]) -> None:
    lines = [line for line in between if not line.startswith(("START", "END", "REPORT", "Duration", "Status"))]
    content = "".join(f"{line}\n" for line in invocation(*lines))
    assert [one.message for one in records(content.encode())][1 : 1 + len(lines)] == lines
