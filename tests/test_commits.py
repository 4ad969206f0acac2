"""Small commits are merged, whatever happens on the way, and several ingests and readers may use a lake at once."""

from __future__ import annotations

import random
import shutil
import signal
import subprocess
import sys
import time
import uuid
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from msgspec.structs import replace

from analyzer.ingest import ingest, read
from analyzer.lake import TABLES, Lake
from analyzer.lake.commit import MOST_TEXT
from analyzer.lake.lake import MANY
from tests.conftest import MADE, line
from tests.conftest import invocation as row
from tests.logs import TASK, export, invocation
from tests.test_killed import contents

TIDY = "import sys; from pathlib import Path; from analyzer.lake import Lake; Lake(Path(sys.argv[1])).tidy()"


@pytest.fixture
def many(tmp_path: Path) -> Lake:
    """A lake of many small commits."""
    lake = Lake(tmp_path / "lake")
    for number in range(MANY):
        add(lake, number)
    return lake


def add(lake: Lake, number: int) -> None:
    with lake.write() as commit:
        commit.add_invocations([row(10 * number + one, source=f"file-{number}") for one in range(10)])
        commit.add_lines([line(number, source=f"file-{number}", fields={"records": 1.5})])
        commit.add_sources([replace(MADE, source=f"file-{number}", sha256=f"{number:064x}")])


def parts(lake: Lake) -> list[int]:
    return [len(list((lake.folder / table).iterdir())) for table in TABLES]


def test_many_small_commits_become_one_with_the_same_rows(many: Lake) -> None:
    before = contents(many)
    many.tidy()
    assert contents(many) == before == contents(Lake(many.folder))
    assert parts(many) == [1, 1, 1]
    assert len(many.digests()) == MANY


def test_few_commits_are_left_as_they_are(tmp_path: Path) -> None:
    lake = Lake(tmp_path / "lake")
    for number in range(MANY - 1):
        add(lake, number)
    lake.tidy()
    assert parts(lake) == [MANY - 1] * 3


def test_long_messages_are_not_kept_in_memory_until_there_are_many_of_them(tmp_path: Path) -> None:
    lake = Lake(tmp_path / "lake")
    with lake.write() as commit:
        for number in range(12):
            commit.add_lines([line(500 * number + one, message="x" * 4096) for one in range(500)])
        commit.add_sources([MADE])
    (part,) = (lake.folder / "events").iterdir()
    stored = pq.read_metadata(part)
    sizes = [stored.row_group(number).num_rows for number in range(stored.num_row_groups)]
    assert sum(sizes) == 6_000
    assert max(sizes) * 4096 < 2 * MOST_TEXT


class Dead(BaseException):
    """Nothing a process could do anything about."""


def test_a_merge_that_dies_at_any_change_of_the_folder_leaves_a_lake_that_reads_the_same(
    many: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, changes = contents(many), 3 + 3 * MANY
    for last in range(changes + 1):
        lake, left = Lake(shutil.copytree(many.folder, tmp_path / str(last))), [last]

        def dying(change: object, left: list[int] = left) -> object:
            def changed(*arguments: object, **options: object) -> object:
                if left[0] == 0:
                    raise Dead
                left[0] -= 1
                return change(*arguments, **options)  # type: ignore[operator]

            return changed

        with monkeypatch.context() as patch:
            for name in ("rename", "unlink"):
                patch.setattr(Path, name, dying(getattr(Path, name)))
            try:
                lake.tidy()
            except Dead:
                pass
            else:
                assert last == changes
        assert contents(Lake(lake.folder)) == before
        Lake(lake.folder).tidy()
        assert contents(Lake(lake.folder)) == before
        assert parts(lake) == [1, 1, 1]


def test_a_merge_that_is_killed_leaves_a_lake_that_reads_the_same(many: Lake) -> None:
    randomly, before = random.Random(5), contents(many)
    for _ in range(4):
        process = subprocess.Popen([sys.executable, "-c", TIDY, str(many.folder)])
        time.sleep(randomly.uniform(0.3, 1.5))
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert contents(Lake(many.folder)) == before


def test_nothing_is_merged_while_somebody_reads(many: Lake) -> None:
    with many.open() as engine:
        many.tidy()
        assert len(engine.rows("SELECT DISTINCT source FROM invocations")) == MANY
    many.tidy()
    assert parts(many) == [1, 1, 1]


def test_a_commit_is_closed_when_some_time_has_passed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(read, "COMMIT_SECONDS", 0.0001)
    folder = logs(tmp_path / "logs", range(4))
    ingest([str(folder)], lake := Lake(tmp_path / "lake"))
    assert 1 < len(lake.commits()) <= 4


def logs(folder: Path, streams: range) -> Path:
    """An export of streams that are the same wherever they are written."""
    for number in streams:
        randomly = random.Random(number)
        name = str(uuid.UUID(int=randomly.getrandbits(128), version=4))
        said = f"[ERROR]\t2026-03-17T08:00:01.000Z\t{name}\tnothing to send"
        path = folder / "checkout" / TASK / f"2026-03-17-[$LATEST]{randomly.getrandbits(128):032x}" / "000000"
        path.parent.mkdir(parents=True)
        path.write_text(export(*invocation(said, request_id=name, duration=100.0 + number)))
    return folder


def test_ingests_at_the_same_time_lose_nothing_and_count_nothing_twice(tmp_path: Path) -> None:
    """Three ingests of logs that overlap, while somebody reads again and again."""
    shares = [logs(tmp_path / "logs" / str(number), range(40 * number, 40 * number + 80)) for number in range(3)]
    lake = tmp_path / "lake"
    Lake(lake)
    running = [
        subprocess.Popen(
            [sys.executable, "-m", "analyzer", "ingest", str(share), "--lake", str(lake)], stdout=subprocess.DEVNULL
        )
        for share in shares
    ]
    seen = 0
    while any(process.poll() is None for process in running):
        found = len(contents(Lake(lake))["invocations"])
        assert found >= seen
        seen = found
    assert [process.returncode for process in running] == [0, 0, 0]
    whole = Lake(tmp_path / "whole")
    ingest([str(logs(tmp_path / "all", range(160)))], whole)
    for table, columns in (
        ("invocations", "request_id, stream, duration_ms, outcome"),
        ("events", "request_id, message"),
    ):
        with Lake(lake).open() as there, whole.open() as expected:
            sql = f"SELECT {columns} FROM {table} ORDER BY ALL"
            assert there.rows(sql) == expected.rows(sql)
            assert len(there.rows(sql)) == 160
