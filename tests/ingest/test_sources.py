"""Files, folders, archives and streams: everything that can be read is, under a name that tells where it lies."""

from __future__ import annotations

import bz2
import gc
import gzip
import io
import lzma
import os
import socket
import subprocess
import sys
import tarfile
import threading
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
import zstandard

from analyzer.errors import UserError
from analyzer.ingest import ingest, packing
from analyzer.lake import Lake
from tests.conftest import Run
from tests.ingest.conftest import Read, rows
from tests.logs import ID, OTHER_ID, STREAM, TASK, export, invocation

START, *REST = invocation("working")
FIRST, SECOND = export(START).encode(), export(*REST, begin=1).encode()
# The members of an archive whose names would lie outside of the folder they were unpacked in.
HERE = f"../../checkout/{TASK}/{STREAM}"
LOG = export(*invocation("working")).encode()


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(tmp_path / "lake")


def tar(path: Path, mode: str, members: dict[str, bytes]) -> Path:
    with tarfile.open(path, mode) as archive:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return path


def zipped(path: Path, members: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


@pytest.mark.parametrize(
    "wrap", [bz2.compress, lzma.compress, zstandard.compress, lambda content: gzip.compress(bz2.compress(content))]
)
def test_a_file_is_unpacked_whatever_packed_it(read_file: Read, wrap: Callable[[bytes], bytes]) -> None:
    (row,) = read_file(wrap(LOG))
    assert (row["request_id"], row["outcome"]) == (ID, "ok")


@pytest.mark.parametrize("pack", ["zip", "w:", "w:gz", "w:bz2", "w:xz"])
def test_an_export_inside_an_archive_is_read_as_it_lay_in_the_bucket(tmp_path: Path, lake: Lake, pack: str) -> None:
    # The second part comes first, as archives keep no order.
    members = {f"{HERE}/000001.gz": gzip.compress(SECOND), f"{HERE}/000000.gz": gzip.compress(FIRST)}
    path = tmp_path / "archive"
    archive = zipped(path, members) if pack == "zip" else tar(path, pack, members)
    assert ingest([str(archive)], lake).unreadable == []
    (row,) = rows(lake)
    assert (row["function"], row["outcome"], row["complete"]) == ("checkout", "ok", True)
    assert row["source"] == f"{archive}!{HERE}/000001.gz"


def test_nothing_is_written_where_an_archive_says(tmp_path: Path, lake: Lake) -> None:
    outside = tmp_path / "outside.log"
    ingest([str(zipped(tmp_path / "a.zip", {f"..{outside}": LOG, str(outside): LOG}))], lake)
    assert not outside.exists()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.zip", "lake"]


def test_an_archive_may_come_from_standard_input(run: Run, tmp_path: Path) -> None:
    archive = zipped(tmp_path / "a.zip", {"logs/a.log": LOG})
    ran = run("ingest", "-", "--lake", tmp_path / "lake", stdin=archive.read_bytes())
    assert ran.code == 0
    assert [row["source"] for row in rows(Lake(tmp_path / "lake"))] == ["-!logs/a.log"]


def test_what_is_no_log_inside_an_archive_is_skipped_and_hidden_files_are_not_looked_at(
    tmp_path: Path, lake: Lake
) -> None:
    members = {"a.log": LOG, "picture.png": b"\x89PNG\r\n\x1a\n\0\0", "__MACOSX/._a.log": b"x", ".DS_Store": b"x"}
    archive = zipped(tmp_path / "a.zip", members)
    ingested = ingest([str(archive)], lake)
    assert (len(ingested.read), ingested.skipped) == (1, [f"{archive}!picture.png"])


def test_what_firehose_packed_as_zip_is_read(tmp_path: Path, lake: Lake) -> None:
    folder = tmp_path / "logs"
    folder.mkdir()
    for minute, request_id in (("04", ID), ("05", OTHER_ID)):
        name = f"logs-1-2026-03-17-08-{minute}-11-{TASK}"
        zipped(folder / f"{name}.zip", {name: export(*invocation("a", request_id=request_id)).encode()})
    assert ingest([str(folder)], lake).unreadable == []
    assert {row["request_id"] for row in rows(lake)} == {ID, OTHER_ID}


def test_an_archive_inside_an_archive_is_named(tmp_path: Path, lake: Lake) -> None:
    inner = zipped(tmp_path / "inner.zip", {"a.log": LOG}).read_bytes()
    archive = zipped(tmp_path / "outer.zip", {"inner.zip": inner, "b.log": LOG})
    ingested = ingest([str(archive)], lake)
    assert ingested.unreadable == [
        f"{archive}!inner.zip is an archive inside another, which cannot be read yet; unpack the outer one first"
    ]
    assert len(ingested.read) == 1


def test_an_encrypted_member_is_named_and_the_others_are_read(tmp_path: Path, lake: Lake) -> None:
    archive = zipped(
        tmp_path / "a.zip", {"a.log": LOG, "b.log": export(*invocation("b", request_id=OTHER_ID)).encode()}
    )
    content = bytearray(archive.read_bytes())
    content[6] |= 1
    content[content.index(b"PK\x01\x02") + 8] |= 1
    archive.write_bytes(content)
    ingested = ingest([str(archive)], lake)
    assert ingested.unreadable == [f"{archive}!a.log is encrypted; unpack it with its password first"]
    assert [row["request_id"] for row in rows(lake)] == [OTHER_ID]


def test_a_member_with_damaged_content_is_named(tmp_path: Path, lake: Lake) -> None:
    archive = zipped(tmp_path / "a.zip", {"a.log": LOG})
    content = bytearray(archive.read_bytes())
    content[60:70] = b"\xff" * 10
    archive.write_bytes(content)
    (sentence,) = ingest([str(archive)], lake).unreadable
    assert sentence.startswith(f"{archive}!a.log is damaged: ")


def test_an_archive_that_breaks_off_is_read_as_far_as_it_goes(tmp_path: Path, lake: Lake) -> None:
    whole = tar(tmp_path / "whole.tar", "w:", {"a.log": LOG, "b.log": export(*invocation("b" * 9_000)).encode()})
    archive = tmp_path / "a.tar"
    archive.write_bytes(whole.read_bytes()[:6_000])
    ingested = ingest([str(archive)], lake)
    assert ingested.read[0].source == f"{archive}!a.log"
    assert len(ingested.unreadable) == 1


def test_a_workbook_is_named_with_a_way_out(run: Run, tmp_path: Path) -> None:
    workbook = zipped(tmp_path / "results.xlsx", {"[Content_Types].xml": b"<x/>", "xl/workbook.xml": b"<x/>"})
    ran = run("analyze", workbook)
    assert ran.code == 2
    assert "is an Excel workbook, which cannot be read; save its sheet as CSV" in ran.err


def test_a_file_that_is_damaged_from_its_beginning_on_is_named_and_left_closed(tmp_path: Path, lake: Lake) -> None:
    path = tmp_path / "a.gz"
    path.write_bytes(b"\x1f\x8b\x08" + b"x" * 100)
    with pytest.raises(UserError, match=r"cannot unpack .*a\.gz"):
        ingest([str(path)], lake)
    # A file that is still open would be a warning now, and so an error.
    gc.collect()


@pytest.mark.parametrize("wrap", [gzip.compress, bz2.compress, lzma.compress, zstandard.compress])
def test_what_grows_out_of_all_proportion_is_refused(
    tmp_path: Path, lake: Lake, monkeypatch: pytest.MonkeyPatch, wrap: Callable[[bytes], bytes]
) -> None:
    monkeypatch.setattr(packing, "GUARD_FROM", 1 << 20)
    (tmp_path / "file").write_bytes(wrap(LOG + b"2026-03-17T08:59:00.000Z " + b"x" * (4 << 20)))
    try:
        (said,) = ingest([str(tmp_path / "file")], lake).read[0].problems
    except UserError as refused:
        said = str(refused)
    assert "it unpacks to more than 200 times its size" in said


def test_an_archive_that_grows_out_of_all_proportion_is_refused(
    tmp_path: Path, lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("analyzer.ingest.archives.GUARD_FROM", 1 << 20)
    archive = zipped(tmp_path / "a.zip", dict.fromkeys("abcd", b"0" * (8 << 20)))
    with pytest.raises(UserError, match=r"a\.zip unpacks to more than 200 times its size"):
        ingest([str(archive)], lake)


def test_pipes_sockets_and_links_that_lead_nowhere_are_passed_by_in_a_folder(tmp_path: Path, lake: Lake) -> None:
    folder = tmp_path / "logs"
    folder.mkdir()
    os.mkfifo(folder / "pipe")
    (folder / "loop").symlink_to("loop")
    (folder / "up").symlink_to("..")
    (folder / "a.log").write_bytes(LOG)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(folder / "socket"))
        ingested = ingest([str(folder)], lake)
    assert [source.source for source in ingested.read] == [str(folder / "a.log")]
    assert (ingested.skipped, ingested.unreadable) == ([], [])


def test_a_device_is_named(run: Run) -> None:
    ran = run("analyze", "/dev/null")
    assert (ran.code, ran.err) == (2, "reportline: /dev/null is a device or a socket and no file\n")


def test_a_pipe_that_is_named_is_read_as_standard_input_is(tmp_path: Path, lake: Lake) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_bytes, args=(gzip.compress(LOG),))
    writer.start()
    ingest([str(pipe)], lake)
    writer.join()
    assert [(row["source"], row["outcome"]) for row in rows(lake)] == [(str(pipe), "ok")]


@pytest.mark.parametrize("name", ["line\nfeed", "[1]*?.log", "in spaces.log", "ümlaut", os.fsdecode(b"\xff.log")])
def test_a_file_is_read_whatever_its_name(tmp_path: Path, lake: Lake, name: str) -> None:
    folder = tmp_path / "logs"
    folder.mkdir()
    (folder / name).write_bytes(LOG)
    assert ingest([str(folder)], lake).invocations == 1
    (row,) = rows(lake)
    assert row["source"] == str(folder / name).encode("utf-8", "replace").decode()


def test_a_path_that_must_not_be_looked_at_is_named(tmp_path: Path) -> None:
    script = (
        "from analyzer.errors import UserError\nfrom analyzer.ingest.sources import find\n"
        "try:\n list(find(['closed/file']))\nexcept UserError as problem:\n print(problem)\n"
    )
    (tmp_path / "closed").mkdir()
    (tmp_path / "closed" / "file").write_bytes(LOG)
    for folder in (tmp_path, *tmp_path.parents[:2]):
        folder.chmod(0o755)
    (tmp_path / "closed").chmod(0)
    drop = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"] if os.geteuid() == 0 else []
    ran = subprocess.run(
        [*drop, sys.executable, "-c", script],
        cwd=tmp_path,
        env={"PYTHONPATH": str(Path(__file__).parents[2])},
        capture_output=True,
        text=True,
        check=False,
    )
    (tmp_path / "closed").chmod(0o755)
    assert ran.stdout == "cannot read closed/file: Permission denied\n"
