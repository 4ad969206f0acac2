"""The same log events come out of every container that carries them, and each container's own oddities are taken away."""

from __future__ import annotations

import csv
import gzip
import io
import json
import re
from pathlib import Path

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from analyzer.ingest import ingest
from analyzer.ingest.containers import containers, recognise
from analyzer.ingest.packing import HEAD, Unpacked, rejoin
from analyzer.ingest.sources import LogFile
from analyzer.lake import Lake
from analyzer.model import Record
from tests.ingest.conftest import NoProblems, Read, rows
from tests.logs import ID, OTHER_ID, STREAM, export, invocation, report, write_export

TIME = 1_773_735_125_000
SAMPLES = [
    (folder.parent / file, expected["container"])
    for folder in sorted((Path(__file__).parents[2] / "sample_logs").rglob("expect.json"))
    for file, expected in json.loads(folder.read_text())["files"].items()
]


def log_events(*messages: str, stream: str | None = None) -> list[dict[str, object]]:
    named = {"logStreamName": stream} if stream else {}
    return [
        named | {"timestamp": TIME + number, "message": text + "\n", "eventId": f"{number:056d}"}
        for number, text in enumerate(messages)
    ]


def console_csv(*messages: str) -> str:
    """As the console writes it, with the apostrophe that it puts before what a spreadsheet could take for a formula."""
    lines = ["timestamp,message\n"]
    for number, text in enumerate(messages):
        guard = "'" if text[:1] in "-=" else ""
        quoted = text.replace('"', '""')
        lines.append(f'{TIME + number},{guard}"{quoted}\n"\n')
    return "".join(lines)


def records(content: bytes) -> list[Record]:
    container = recognise(content[:HEAD], "file")
    assert container is not None
    return list(
        container.records(
            rejoin(b"", Unpacked(io.BytesIO(content), len(content))),
            LogFile("file", Path("file")),
            NoProblems(),
        )
    )


def test_a_stack_of_several_lines_is_one_event_of_an_export() -> None:
    stack = "null: java.lang.NullPointerException\n\tat example.Handler.handle(Handler.java:30)"
    assert [one.message for one in records(export(*invocation(stack)).encode())][1] == stack


def test_a_line_of_node_inside_an_export_does_not_end_the_event_before_it() -> None:
    message = f"first\n2026-03-17T08:00:01.000Z\t{ID}\tINFO\tsecond"
    assert [one.message for one in records(export(*invocation(message)).encode())][1] == message


def test_the_position_of_a_record_is_the_place_of_its_line() -> None:
    content = export(*invocation("working")).encode()
    for one in records(content):
        assert content[one.position :].startswith(b"2026-03-17T08:00:")
        assert one.message.encode() in content[one.position : one.position + 400]


@pytest.mark.parametrize(
    "wrap", [bytes, gzip.compress, zstandard.compress, lambda content: gzip.compress(gzip.compress(content))]
)
def test_an_export_is_unpacked_however_often_it_was_packed(read_file: Read, wrap: object) -> None:
    assert callable(wrap)
    (row,) = read_file(wrap(export(*invocation("working")).encode()))
    assert (row["request_id"], row["outcome"]) == (ID, "ok")


def test_gzip_members_one_after_the_other_are_one_file(read_file: Read) -> None:
    first, second = export(*invocation("a")), export(*invocation("b", request_id=OTHER_ID), begin=1)
    assert len(read_file(gzip.compress(first.encode()) + gzip.compress(second.encode()))) == 2


def test_an_invocation_may_begin_in_one_part_of_an_export_and_end_in_the_next(tmp_path: Path) -> None:
    start, *rest = invocation("working")
    write_export(tmp_path / "logs", export(start), part="000000")
    write_export(tmp_path / "logs", export(*rest, begin=1), part="000001")
    lake = Lake(tmp_path / "lake")
    ingest([str(tmp_path / "logs")], lake)
    (row,) = rows(lake)
    assert (row["complete"], row["outcome"]) == (True, "ok")


def test_the_folder_above_the_task_names_the_function_unless_it_is_the_default(tmp_path: Path) -> None:
    write_export(tmp_path / "logs", export(*invocation("a")), function="checkout")
    write_export(tmp_path / "logs", export(*invocation("b", request_id=OTHER_ID)), function="exportedlogs")
    lake = Lake(tmp_path / "lake")
    ingest([str(tmp_path / "logs")], lake)
    assert {row["request_id"]: row["function"] for row in rows(lake)} == {ID: "checkout", OTHER_ID: None}
    assert {row["stream"] for row in rows(lake)} == {STREAM.replace("2026-03-17-", "2026/03/17/")}


def test_the_option_names_a_function_that_the_container_does_not(tmp_path: Path) -> None:
    write_export(tmp_path / "logs", export(*invocation("a")), function="backup-of-tuesday")
    lake = Lake(tmp_path / "lake")
    ingest([str(tmp_path / "logs")], lake, function="checkout")
    assert [row["function"] for row in rows(lake)] == ["checkout"]


def test_the_permission_test_of_an_export_is_skipped(tmp_path: Path) -> None:
    write_export(tmp_path / "logs", export(*invocation("a")))
    (tmp_path / "logs" / "checkout" / "aws-logs-write-test").write_text("Permission Check Successful")
    assert ingest([str(tmp_path / "logs")], Lake(tmp_path / "lake")).skipped == []


def test_pages_of_events_may_follow_each_other_in_one_file(read_file: Read) -> None:
    pages = [
        {"events": log_events(*invocation("a"))[:2]},
        {"events": []},
        {"events": log_events(*invocation("a"))[2:], "nextToken": "x"},
    ]
    (row,) = read_file("\n".join(json.dumps(page, indent=4) for page in pages))
    assert (row["outcome"], row["complete"]) == ("ok", True)


def test_an_event_that_was_fetched_twice_counts_once(read_file: Read) -> None:
    events = log_events(*invocation("a"))
    assert len(read_file(json.dumps({"events": events + events}))) == 1


def test_a_bare_list_of_events_is_read_behind_a_byte_order_mark(read_file: Read) -> None:
    assert len(read_file(b"\xef\xbb\xbf" + json.dumps(log_events(*invocation("a"))).encode())) == 1


def test_json_that_breaks_off_is_a_problem_of_the_file_and_not_of_the_reader(tmp_path: Path) -> None:
    whole = json.dumps({"events": log_events(*invocation("a"))})
    (tmp_path / "file.json").write_text(whole + whole[: len(whole) // 2])
    ingested = ingest([str(tmp_path / "file.json")], Lake(tmp_path / "lake"))
    assert ingested.invocations == 1
    assert "breaks off or is damaged" in ingested.read[0].problems[0]


def test_messages_that_begin_like_a_formula_do_not_throw_the_console_csv_out_of_step() -> None:
    banner = '---------- phase: "load", more ----------'
    messages = (*invocation(banner, "=SUM(A1)"), "last")
    assert [one.message for one in records(console_csv(*messages).encode())] == [one.rstrip() for one in messages]


def test_a_damaged_row_of_the_console_csv_costs_that_row_alone(tmp_path: Path) -> None:
    text = console_csv(*invocation("a")) + f'{TIME},no closing "quote\n' + f'{TIME},"{report(OTHER_ID)}\n"\n'
    (tmp_path / "file.csv").write_text(text)
    assert ingest([str(tmp_path / "file.csv")], Lake(tmp_path / "lake")).invocations >= 1


@pytest.mark.parametrize(
    "line",
    [
        report(),
        report().replace("\t", "    "),
        f"2026-03-17T08:12:05.123Z {report()}",
        f"2026-07-29T12:24:53.550-04:00 {report()}",
        f"- `02:43:55`       {report()}".replace("`02:43:55`", ""),
        f"exports/000000:{report()}",
        f"logs/a.txt:12:2026-03-17T08:12:05.123Z {report()}",
        f"> {report()}",
        f"`{report()}`",
    ],
)
def test_a_pasted_report_is_found_behind_what_people_put_in_front(read_file: Read, line: str) -> None:
    (row,) = read_file(f"look at this:\n{line}\nthanks\n")
    assert (row["request_id"], row["duration_ms"], row["outcome"]) == (ID, 92_394.25, "unknown")


def test_a_pasted_report_has_the_time_in_front_of_it_and_none_without(read_file: Read) -> None:
    with_time, without = read_file(f"2026-03-17T08:12:05.123Z {report()}\n{report(OTHER_ID)}\n")
    assert with_time["end_time"].isoformat() == "2026-03-17T08:12:05.123000+00:00"
    assert without["end_time"] is None


def test_a_whole_pasted_invocation_is_ok_and_a_searched_one_is_unknown(read_file: Read) -> None:
    whole = "\n".join(invocation("working"))
    searched = "\n".join(invocation(request_id=OTHER_ID))
    assert [row["outcome"] for row in read_file(f"{whole}\n{searched}\n")] == ["ok", "unknown"]


@pytest.mark.parametrize("time", ["", "2026-03-17T08:12:05.123Z "])
def test_a_pasted_traceback_ends_its_invocation_with_an_error(read_file: Read, time: str) -> None:
    traceback = (
        "[ERROR] KeyError: 's3'\nTraceback (most recent call last):\n\u00a0\u00a0File 'app.py', line 30, in handler"
    )
    text = "\n".join(time + line for line in invocation("working", traceback))
    (row,) = read_file(text)
    assert (row["outcome"], row["error_type"]) == ("error", "KeyError")


@pytest.mark.parametrize("space", ["\t", " "])
def test_a_pasted_line_of_node_keeps_the_time_that_is_its_own(read_file: Read, space: str) -> None:
    error = space.join(("2026-03-17T08:00:01.000Z", ID, "ERROR", 'Invoke Error {"errorType":"TypeError","stack":[]}'))
    (row,) = read_file("\n".join(invocation(error)))
    assert (row["outcome"], row["error_type"]) == ("error", "TypeError")


def test_a_pasted_timeout_is_one_whether_or_not_an_event_time_stands_in_front(read_file: Read) -> None:
    timeout = f"2026-03-17T08:00:03.000Z {ID} Task timed out after 3.00 seconds"
    other = f"2026-03-17T08:00:03.000Z 2026-03-17T08:00:03.000Z {OTHER_ID} Task timed out after 3.00 seconds"
    text = "\n".join((*invocation(timeout), *invocation(other, request_id=OTHER_ID)))
    assert [row["outcome"] for row in read_file(text)] == ["timeout", "timeout"]


def test_a_report_that_was_wrapped_to_a_field_a_line_is_read(read_file: Read) -> None:
    (row,) = read_file(report().replace("\t", "\n"))
    assert (row["duration_ms"], row["max_memory_mb"]) == (92_394.25, 539)


def test_an_export_copied_on_windows_is_still_an_export(read_file: Read) -> None:
    (row,) = read_file(export(*invocation("working")).replace("\n", "\r\n"))
    assert (row["outcome"], row["stream"] is not None) == ("ok", True)


@pytest.mark.parametrize(("path", "name"), SAMPLES, ids=[f"{name}-{path.name}" for path, name in SAMPLES])
def test_exactly_one_container_claims_a_file_and_pasted_text_takes_what_nobody_claims(path: Path, name: str) -> None:
    opened = LogFile(str(path), path).open()
    head = Unpacked(opened.content, opened.size).beginning(HEAD)
    claiming = {one.name for one in containers() if one.recognises(head) and not one.last_resort}
    assert claiming == ({name} - {"pasted-text"})
    assert recognise(head, str(path)) == next(one for one in containers() if one.name == name)


def test_every_container_has_a_sample() -> None:
    assert {name for _, name in SAMPLES} == {container.name for container in containers()}


MESSAGES = st.lists(
    st.text(st.characters(codec="utf-8", exclude_characters="\r\x00", exclude_categories=["Cs"]), min_size=1)
    .map(str.strip)
    .filter(bool),
    max_size=5,
)


@settings(deadline=None)
@given(MESSAGES)
def test_arbitrary_messages_come_back_from_json_and_from_csv_as_they_were(between: list[str]) -> None:
    messages = list(invocation(*between))
    assert [one.message for one in records(json.dumps({"events": log_events(*messages)}).encode())] == [
        one.rstrip() for one in messages
    ]
    table = io.StringIO()
    csv.writer(table, lineterminator="\n").writerows(
        [("timestamp", "message"), *((TIME, one + "\n") for one in messages)]
    )
    assert [one.message for one in records(table.getvalue().encode())] == [one.rstrip() for one in messages]


@pytest.mark.parametrize("first", ["-", "=", "+", "@"])
def test_whatever_looks_like_a_formula_loses_its_guard(first: str) -> None:
    guarded = console_csv("working").replace('"working', f'\'"{first}working, ""loudly""')
    rows = guarded + console_csv(*invocation()).partition("\n")[2]
    assert records(rows.encode())[0].message == f'{first}working, "loudly"'


@settings(deadline=None)
@given(value=st.dictionaries(st.text('ab\n\r\t"\\{}'), st.text('ab\n\r\t"\\{}'), max_size=3))
def test_json_whose_escapes_the_console_undid_is_json_again(value: dict[str, str]) -> None:
    undone = re.sub(r"(?<!\\)((?:\\\\)*)\\n", r"\1\n", json.dumps(value))
    table = io.StringIO()
    csv.writer(table, lineterminator="\n").writerows([("timestamp", "message"), (TIME, undone), (TIME, report())])
    message = records(table.getvalue().encode())[0].message
    assert json.loads(message) == value


def test_json_that_the_application_indented_is_left_as_it_is() -> None:
    indented = json.dumps({"a": ["b\nc"]}, indent=2)
    text = f'timestamp,message\n{TIME},"{indented.replace(chr(34), chr(34) * 2)}"\n{TIME},"{report()}\n"\n'
    assert records(text.encode())[0].message == indented
