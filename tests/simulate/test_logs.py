"""What is written is read back without a rest, and says what the rows say."""

from __future__ import annotations

import hashlib
import re
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import asdict

from analyzer.ingest import ingest
from analyzer.lake import Lake
from analyzer.simulate import CONTAINERS, Case, scenarios, simulate
from tests.simulate.conftest import case

NAMES = list(scenarios())
# The file in which a row stands, and the digits of a fingerprint: the simulator has its own.
OWN = ("source", "position", "fingerprint")


def digests(folder: Path) -> dict[str, str]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def read(made: Case, folder: Path, container: str) -> Lake:
    """Through text and ingest, which must understand every line and have nothing to complain of."""
    made.write(folder / "logs", container)
    lake = Lake(folder / "lake")
    function = None if container == "s3-export" else made.names.function
    done = ingest([str(folder / "logs")], lake, function=function)
    assert done.unreadable == []
    assert [Path(name).name for name in done.skipped] == ["truth.json"]
    for source in done.read:
        assert source.container == container
        assert source.understood == source.lines
        assert source.problems == []
    return lake


def comparable(rows: list[dict[str, Any]], without: tuple[str, ...]) -> list[str]:
    """Rows as text in an order that depends on nothing but what is compared."""
    return sorted(repr(sorted((name, cell) for name, cell in row.items() if name not in without)) for row in rows)


def stored(lake: Lake, table: str, times: tuple[str, ...]) -> list[dict[str, Any]]:
    columns = ", ".join(f"epoch_us({name}) AS {name}" for name in times)
    with lake.open() as engine:
        rows = engine.rows(f"SELECT * REPLACE ({columns}) FROM {table}")
    for row in rows:
        if row.get("fields") is not None:
            row["fields"] = dict(row["fields"])
    return rows


@pytest.mark.parametrize("name", NAMES)
def test_every_line_is_understood_and_gives_the_rows(name: str, tmp_path: Path) -> None:
    made = case(name, requests=250)
    lake = read(made, tmp_path, "log-events-json")
    invocations, lines = made.rows()
    # An invocation without REPORT is given out at the end of its stream, which moves the places of those after it.
    torn = {row.stream for row in invocations if not row.complete}
    read_rows = stored(lake, "invocations", ("start_time", "end_time"))
    for rows in (made_rows := [asdict(row) for row in invocations]), read_rows:
        for row in rows:
            row["nth"] = None if row["stream"] in torn else row["nth"]
    assert comparable(read_rows, OWN) == comparable(made_rows, OWN)
    events = stored(lake, "events", ("time",))
    assert comparable(events, OWN) == comparable([asdict(line) for line in lines], OWN)


@pytest.mark.parametrize("container", sorted(CONTAINERS))
@pytest.mark.parametrize("name", ["init-failure", "out-of-memory", "downstream-hang"])
def test_every_container_is_read_without_a_rest(container: str, name: str, tmp_path: Path) -> None:
    made = case(name, seed=5, requests=250)
    lake = read(made, tmp_path, container)
    rows = stored(lake, "invocations", ("start_time", "end_time"))
    assert {row["function"] for row in rows} == {made.names.function}
    assert len(rows) == len(made.run.calls)


@pytest.mark.parametrize("seed", range(1, 9))
def test_every_runtime_is_read_back(seed: int, tmp_path: Path) -> None:
    made = case("application-error", seed=seed, requests=250, file="held-out")
    lake = read(made, tmp_path, "log-events-json")
    failed = [row for row in stored(lake, "invocations", ("end_time",)) if row["outcome"] == "error"]
    assert len(failed) == sum(call.ended == "error" for call in made.run.calls) > 0
    assert all(row["error_type"] for row in failed)


def test_what_says_the_same_has_one_fingerprint_on_both_ways(tmp_path: Path) -> None:
    made = case("retry-storm", requests=250)
    lake = read(made, tmp_path, "log-events-json")
    ours: dict[str, set[str]] = defaultdict(set)
    theirs: dict[str, set[str]] = defaultdict(set)
    for row in made.rows()[0]:
        if row.fingerprint:
            ours[row.fingerprint].add(f"{row.request_id} {row.attempt}")
    for found in stored(lake, "invocations", ("end_time",)):
        if found["fingerprint"]:
            theirs[found["fingerprint"]].add(f"{found['request_id']} {found['attempt']}")
    assert sorted(map(sorted, ours.values())) == sorted(map(sorted, theirs.values()))


def test_the_same_seed_gives_the_same_bytes_and_another_does_not(tmp_path: Path) -> None:
    for folder, seed in (("one", 7), ("two", 7), ("three", 8)):
        simulate("downstream-hang", tmp_path / folder, seed, invocations=200)
    assert digests(tmp_path / "one") == digests(tmp_path / "two")
    assert digests(tmp_path / "one") != digests(tmp_path / "three")


def test_the_lines_look_like_those_of_lambda() -> None:
    """The shapes that AWS writes in 2026, from the first character to the last."""
    number, identity = r"\d+\.\d\d", r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"
    shapes = {
        "INIT_START": r"INIT_START Runtime Version: \S+\tRuntime Version ARN: arn:aws:lambda:us-east-1::runtime:[0-9a-f]{64}\n",
        "START": rf"START RequestId: {identity} Version: (?:\$LATEST|\d+)\n",
        "END": rf"END RequestId: {identity}\n",
        "REPORT": rf"REPORT RequestId: {identity}\tDuration: {number} ms\tBilled Duration: \d+ ms\tMemory Size: \d+ MB\t"
        rf"Max Memory Used: \d+ MB(?:\tInit Duration: {number} ms)?"
        r"(?:\t|\tStatus: (?:timeout|error\tError Type: [A-Za-z.]+))\n"
        r"(?:XRAY TraceId: 1-[0-9a-f]{8}-[0-9a-f]{24}\tSegmentId: [0-9a-f]{16}\tSampled: true\t\n)?",
    }
    seen = set()
    for name in ("out-of-memory", "timeout-too-low", "steady", "cold-start"):
        for stream in case(name).streams():
            for event in stream.events:
                word = event.message.partition(" ")[0]
                if word in shapes:
                    seen.add(word)
                    assert re.fullmatch(shapes[word], event.message), event.message
    assert seen == set(shapes)


def test_a_timeout_is_cut_at_the_limit_to_the_hundredth() -> None:
    made = case("timeout-too-low")
    cut = [call for call in made.run.calls if call.ended == "timeout"]
    assert cut
    assert {call.duration_ms for call in cut} == {made.run.timeout_s * 1000.0}
