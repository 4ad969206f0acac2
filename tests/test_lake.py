"""The lake: what is committed is there, what is not is not, and nothing is counted twice."""

from __future__ import annotations

from pathlib import Path

import pyarrow.parquet as pq
import pytest

from analyzer.ingest import ingest
from analyzer.lake import EVENTS, INVOCATIONS, SOURCES, Lake
from analyzer.model import Invocation, NotableLine, Source
from tests.conftest import Run, invocation
from tests.ingest.conftest import rows
from tests.logs import export, write_export
from tests.logs import invocation as lines


@pytest.mark.parametrize(("schema", "noun"), [(INVOCATIONS, Invocation), (EVENTS, NotableLine), (SOURCES, Source)])
def test_a_table_has_the_columns_of_its_noun_in_their_order(schema: object, noun: type) -> None:
    assert tuple(schema.names) == noun.__struct_fields__  # type: ignore[attr-defined]


def test_the_same_logs_a_second_time_add_nothing(tmp_path: Path) -> None:
    write_export(tmp_path / "logs", export(*lines("working")))
    lake = Lake(tmp_path / "lake")
    assert ingest([str(tmp_path / "logs")], lake).invocations == 1
    again = ingest([str(tmp_path / "logs")], lake)
    assert (again.invocations, len(again.already_there), len(rows(lake))) == (0, 1, 1)


def test_a_commit_that_fails_on_the_way_leaves_nothing_behind(tmp_path: Path) -> None:
    lake = Lake(tmp_path / "lake")

    def interrupted() -> None:
        with lake.write() as commit:
            commit.add_invocations([invocation(number) for number in range(60_000)])
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        interrupted()
    assert rows(lake) == []
    assert [path for path in lake.folder.rglob("*") if path.is_file()] == []


def test_rows_whose_sources_file_never_appeared_are_not_read(tmp_path: Path) -> None:
    write_export(tmp_path / "logs", export(*lines("working")))
    lake = Lake(tmp_path / "lake")
    ingest([str(tmp_path / "logs")], lake)
    for part in (lake.folder / "sources").glob("*.parquet"):
        part.unlink()
    assert rows(lake) == []


def test_a_lake_may_stand_in_a_folder_whose_name_is_a_glob(tmp_path: Path) -> None:
    write_export(tmp_path / "logs", export(*lines("working")))
    lake = Lake(tmp_path / "lake [1] *?'s")
    ingest([str(tmp_path / "logs")], lake)
    assert len(rows(lake)) == 1


def test_the_parquet_is_readable_by_anything(tmp_path: Path) -> None:
    write_export(tmp_path / "logs", export(*lines("working")))
    lake = Lake(tmp_path / "lake")
    ingest([str(tmp_path / "logs")], lake)
    (part,) = (lake.folder / "invocations").glob("*.parquet")
    assert pq.read_schema(part).equals(INVOCATIONS)
    assert lake.invocations().loc[0, "outcome"] == "ok"


def test_a_query_answers_in_tab_separated_text(run: Run, tmp_path: Path) -> None:
    write_export(tmp_path / "logs", export(*lines("working")))
    run("ingest", tmp_path / "logs", "--lake", tmp_path / "lake")
    ran = run("query", "SELECT outcome, duration_ms FROM invocations", "--lake", tmp_path / "lake")
    assert ran.out == "outcome\tduration_ms\nok\t92394.25\n"


def test_ingest_names_the_container_of_every_file(run: Run, tmp_path: Path) -> None:
    path = write_export(tmp_path / "logs", export(*lines("working")))
    (tmp_path / "logs" / "notes.txt").write_text("nothing")
    ran = run("ingest", tmp_path / "logs", "--lake", tmp_path / "lake")
    assert ran.out.splitlines() == [f"s3-export\t4\t{path}", f"no Lambda log\t\t{tmp_path / 'logs' / 'notes.txt'}"]
