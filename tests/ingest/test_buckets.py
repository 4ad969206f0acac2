"""Logs in S3 are read as those in a folder are, and what AWS refuses is one sentence."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import botocore.client
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from analyzer.ingest import buckets
from analyzer.lake import Lake
from tests.aws import PLAYED
from tests.conftest import Run
from tests.ingest.conftest import rows
from tests.logs import STREAM, TASK, export, invocation

ROOT = Path(__file__).parent.parent.parent
SAMPLE = ROOT / "sample_logs" / "lambda-autotuner-agent"
FIREHOSE = ROOT / "sample_logs" / "containers" / "subscription" / "firehose-gzip"
BUCKET = "acme-logs"
LOG = export(*invocation("working")).encode()


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A bucket of AWS as moto plays it, and credentials for it."""
    for name, value in PLAYED.items():
        monkeypatch.setenv(name, value)
    with mock_aws():
        made = boto3.client("s3")
        made.create_bucket(Bucket=BUCKET)
        yield made


def put(s3: Any, objects: dict[str, bytes]) -> None:
    for key, content in objects.items():
        s3.put_object(Bucket=BUCKET, Key=key, Body=content)


def put_folder(s3: Any, folder: Path, prefix: str) -> None:
    put(s3, {f"{prefix}{file.relative_to(folder)}": file.read_bytes() for file in folder.rglob("*") if file.is_file()})


def without_place(lake: Path, table: str) -> list[dict[str, Any]]:
    found = [{name: cell for name, cell in row.items() if name != "source"} for row in rows(Lake(lake), table)]
    return sorted(found, key=repr)


@pytest.mark.parametrize("folder", [SAMPLE, FIREHOSE])
def test_a_prefix_gives_what_a_folder_gives(folder: Path, s3: Any, run: Run, tmp_path: Path) -> None:
    put_folder(s3, folder, "prod/lambda/")
    assert run("ingest", f"s3://{BUCKET}/prod/", "--lake", tmp_path / "s3").code == 0
    assert run("ingest", folder, "--lake", tmp_path / "folder").code == 0
    for table in ("invocations", "events"):
        assert without_place(tmp_path / "s3", table) == without_place(tmp_path / "folder", table)
    assert rows(Lake(tmp_path / "s3"), "invocations")


def test_a_report_on_a_bucket_says_how_to_see_its_lines_there(s3: Any, run: Run, tmp_path: Path) -> None:
    put_folder(s3, SAMPLE, "")
    assert run("analyze", f"s3://{BUCKET}", "-o", tmp_path / "report").code == 0
    text = (tmp_path / "report" / "report.md").read_text()
    assert text.startswith(f"# {BUCKET}: Lambda error analysis")
    assert f"aws s3 cp 's3://{BUCKET}/data-processing-pipeline/" in text


def test_the_same_objects_a_second_time_add_nothing(s3: Any, run: Run, tmp_path: Path) -> None:
    put(s3, {"logs/a.txt": LOG})
    for _ in range(2):
        ran = run("ingest", f"s3://{BUCKET}/logs", "--lake", tmp_path)
    assert (ran.code, ran.out) == (0, f"already there\t\ts3://{BUCKET}/logs/a.txt\n")


def test_an_object_that_is_named_is_read_and_those_that_begin_like_it_are_not(
    s3: Any, run: Run, tmp_path: Path
) -> None:
    put(s3, {"a.log": LOG, "a.log.2": export(*invocation("working"), begin=9).encode(), "b/": b""})
    ran = run("ingest", f"s3://{BUCKET}/a.log", "--lake", tmp_path)
    assert (ran.code, ran.out.splitlines()) == (0, [f"s3-export\t4\ts3://{BUCKET}/a.log"])


def test_files_of_a_stream_continue_each_other_in_a_bucket_too(s3: Any, run: Run, tmp_path: Path) -> None:
    first, *rest = invocation("working")
    folder = f"exports/checkout/{TASK}/{STREAM}"
    put(s3, {f"{folder}/000000.gz": export(first).encode(), f"{folder}/000001.gz": export(*rest, begin=1).encode()})
    assert run("ingest", f"s3://{BUCKET}/exports/", "--lake", tmp_path).code == 0
    ((row),) = rows(Lake(tmp_path), "invocations")
    assert (row["function"], row["complete"]) == ("checkout", True)


def test_archives_and_hundreds_of_small_objects_are_read(s3: Any, run: Run, tmp_path: Path) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("inside.log", LOG)
    objects = {
        f"many/{n:03}": export(
            *invocation("working", request_id=f"{n:032x}"[:8] + "-aaaa-bbbb-cccc-" + f"{n:012x}")
        ).encode()
        for n in range(200)
    }
    put(
        s3,
        objects
        | {
            "many.zip": packed.getvalue(),
            ".hidden": LOG,
            "exports/aws-logs-write-test": b"Permission Check Successful",
        },
    )
    ran = run("ingest", f"s3://{BUCKET}/", "--lake", tmp_path)
    assert (ran.code, ran.err) == (0, f"201 invocations added to {tmp_path}\n")
    names = run("query", "SELECT source FROM sources", "--lake", tmp_path).out.splitlines()[1:]
    assert set(names) == {*(f"s3://{BUCKET}/{key}" for key in objects), f"s3://{BUCKET}/many.zip!inside.log"}


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("s3://", "s3:// names no bucket; it is written s3://bucket/prefix"),
        (f"s3://{BUCKET}/nothing/", f"there is no object whose name begins with s3://{BUCKET}/nothing/"),
        ("s3://not-there/logs", "cannot list s3://not-there/logs: The specified bucket does not exist"),
    ],
)
def test_what_cannot_be_listed_is_one_sentence(url: str, sentence: str, s3: Any, run: Run, tmp_path: Path) -> None:
    ran = run("ingest", url, "--lake", tmp_path)
    assert (ran.code, ran.err) == (2, f"reportline: {sentence}\n")


def test_without_credentials_it_says_where_they_come_from(
    s3: Any, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    ran = run("ingest", f"s3://{BUCKET}/logs", "--lake", tmp_path / "lake")
    assert (ran.code, ran.err) == (
        2,
        f"reportline: cannot list s3://{BUCKET}/logs: there are no credentials; name a profile in AWS_PROFILE, or sign in "
        "with `aws sso login`\n",
    )


def test_a_profile_that_is_not_there_is_named(
    s3: Any, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_PROFILE", "staging")
    ran = run("ingest", f"s3://{BUCKET}/logs", "--lake", tmp_path / "lake")
    assert (ran.code, "(staging)" in ran.err, ran.err.count("\n")) == (2, True, 1)


def refusing(monkeypatch: pytest.MonkeyPatch, key: str, code: str, message: str) -> None:
    """Let S3 refuse one object."""
    answer = botocore.client.BaseClient._make_api_call  # type: ignore[attr-defined]

    def call(client: Any, operation: str, parameters: dict[str, Any]) -> Any:
        if parameters.get("Key") == key and operation == "GetObject":
            raise ClientError({"Error": {"Code": code, "Message": message}}, operation)
        return answer(client, operation, parameters)

    monkeypatch.setattr(botocore.client.BaseClient, "_make_api_call", call)


@pytest.mark.parametrize(
    ("code", "message", "why"),
    [
        ("AccessDenied", "Access Denied", "Access Denied"),
        (
            "InvalidObjectState",
            "The operation is not valid for the object's storage class",
            "it lies in an archive of S3 and has to be restored first",
        ),
    ],
)
def test_an_object_that_is_refused_is_named_and_the_others_are_read(
    code: str, message: str, why: str, s3: Any, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(s3, {"logs/a": LOG, "logs/b": b"secret"})
    refusing(monkeypatch, "logs/b", code, message)
    ran = run("ingest", f"s3://{BUCKET}/logs", "--lake", tmp_path / "lake")
    assert (ran.code, ran.err.splitlines()[0]) == (0, f"warning: s3://{BUCKET}/logs/b cannot be downloaded: {why}")
    assert len(rows(Lake(tmp_path / "lake"), "invocations")) == 1
    alone = run("ingest", f"s3://{BUCKET}/logs/b", "--lake", tmp_path / "lake")
    assert (alone.code, alone.err) == (2, f"reportline: s3://{BUCKET}/logs/b cannot be downloaded: {why}\n")


def test_nothing_that_was_downloaded_stays(s3: Any, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = tmp_path / "tmp"
    kept.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(kept))
    put_folder(s3, SAMPLE, "")
    assert run("analyze", f"s3://{BUCKET}/", "-o", tmp_path / "report.json").code == 0
    assert list(kept.iterdir()) == []
    assert json.loads((tmp_path / "report.json").read_text())["overall"]["invocations"] == 44


def test_logs_on_disk_are_read_without_boto3(tmp_path: Path) -> None:
    """It takes its time to load, and what is on disk needs none of it."""
    code = (
        "import sys\nfrom pathlib import Path\nfrom analyzer import pipeline\n"
        "pipeline.analyze([sys.argv[1]], Path(sys.argv[2]))\nprint('boto3' in sys.modules, 'botocore' in sys.modules)"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code, SAMPLE, tmp_path / "out"], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert ran.stdout == "False False\n"


def test_what_nobody_waits_for_is_not_downloaded(s3: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As when Ctrl-C ends an ingest: what is on its way ends at its next piece, and what is not does not begin."""
    put(s3, {f"logs/{number:02}": bytes(3 << 20) for number in range(40)})
    answer, begun = botocore.client.BaseClient._make_api_call, list[str]()  # type: ignore[attr-defined]

    def call(client: Any, operation: str, asked: dict[str, Any]) -> Any:
        if operation == "GetObject":
            begun.append(asked["Key"])
        return answer(client, operation, asked)

    monkeypatch.setattr(botocore.client.BaseClient, "_make_api_call", call)
    objects = buckets.downloaded(f"s3://{BUCKET}/logs/", tmp_path, lambda _: True)
    first = next(objects)
    objects.close()
    assert (first.url, first.refusal) == (f"s3://{BUCKET}/logs/00", None)
    assert first.path.read_bytes() == bytes(3 << 20)
    assert len(begun) <= buckets.AHEAD + 1
    assert not any(thread.name.startswith("download") for thread in threading.enumerate())
