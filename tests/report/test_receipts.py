"""Receipts: what stands behind an issue can be seen in the file itself and in AWS, by pasting what the report says."""

from __future__ import annotations

import bz2
import gzip
import json
import lzma
import subprocess
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import pytest

from analyzer.model import Excerpt
from analyzer.report.receipts import receipt
from tests.conftest import Run
from tests.logs import ID, OTHER_ID, export, invocation, write_export

ERROR = "[ERROR] KeyError: 'tenant_id'"
TRACEBACK = "\nTraceback (most recent call last):\n\u00a0\u00a0File 'app.py', line 30, in handler"
TEXT = export(*invocation("before it", request_id=OTHER_ID), *invocation(ERROR + TRACEBACK, request_id=ID))


def shown(command: str, folder: Path) -> str:
    """What a shell prints when the command is pasted into it."""
    return subprocess.run(command, shell=True, cwd=folder, capture_output=True, text=True, check=True).stdout


def issues(run: Run, logs: Path, output: Path, *options: str) -> dict[str, list[dict[str, Any]]]:
    ran = run("analyze", logs, "-o", output, *options)
    assert (ran.code, ran.err) == (0, "")
    return {issue["kind"]: issue["receipts"] for issue in json.loads((output / "report.json").read_text())["issues"]}


def test_the_command_prints_the_line_that_is_quoted(run: Run, tmp_path: Path) -> None:
    write_export(tmp_path / "logs with 'quotes' and $(echo)", TEXT)
    found = issues(run, tmp_path / "logs with 'quotes' and $(echo)", tmp_path / "out")
    (failed,) = found["failing"]
    assert failed["text"].startswith(ERROR)
    assert ERROR in shown(failed["command"]["text"], tmp_path)
    assert all("REPORT RequestId" in shown(one["command"]["text"], tmp_path) for one in found["slow"])


@pytest.mark.parametrize(
    "packed", ["plain", "000000.gz", "000000.bz2", "000000.xz", "all.zip", "all.tar", "all.tar.gz"]
)
def test_packed_files_are_unpacked_on_the_way(run: Run, tmp_path: Path, packed: str) -> None:
    written = write_export(tmp_path / "logs", TEXT)
    content, file = written.read_bytes(), written.with_name(packed)
    match packed.rpartition(".")[2]:
        case "plain":
            file = written
        case "zip":
            with zipfile.ZipFile(file, "w") as archive:
                archive.write(written, "checkout/x/[1] stream/000000")
        case "tar":
            with tarfile.open(file, "w") as tar:
                tar.add(written, "checkout/x/-stream/000000")
        case "gz" if packed.startswith("all"):
            with tarfile.open(file, "w:gz") as tar:
                tar.add(written, "checkout/x/stream/000000")
        case ending:
            file.write_bytes({"gz": gzip.compress, "bz2": bz2.compress, "xz": lzma.compress}[ending](content))
    if file != written:
        written.unlink()
    (failed,) = issues(run, file, tmp_path / "out", "--function", "checkout")["failing"]
    assert ERROR in shown(failed["command"]["text"], tmp_path)


def test_the_query_asks_for_everything_that_the_invocation_logged(run: Run, tmp_path: Path) -> None:
    write_export(tmp_path / "logs", TEXT)
    (failed,) = issues(run, tmp_path / "logs", tmp_path / "out")["failing"]
    assert failed["insights"]["text"].splitlines() == [
        "SOURCE '/aws/lambda/checkout'",
        "| fields @timestamp, @message",
        f"| filter @requestId = '{ID}'",
        "| sort @timestamp asc",
        "| limit 100",
    ]


@pytest.mark.parametrize("source", ["-", "a\nb.gz", "a\x1b[2J.gz", "a\u202e.gz"])
def test_a_name_that_a_terminal_would_not_show_gets_no_command(source: str) -> None:
    assert receipt("checkout", Excerpt("text", source, 0, None, ID)).command is None


@pytest.mark.parametrize(
    "source", ["$(touch x)", "a; touch x", "`touch x`", "-rf", "'; touch x; '", "a.zip!'; touch x; '"]
)
def test_a_name_is_never_more_than_a_name_to_the_shell(tmp_path: Path, source: str) -> None:
    command = receipt("checkout", Excerpt("text", source, 0, None, ID)).command
    assert command is not None
    subprocess.run(command.text, shell=True, cwd=tmp_path, capture_output=True, check=False)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("request_id", ["' | delete", "x", None, "6556e9bb-dd89-49e6-9dc4-d8344fdc37cb' or"])
def test_what_is_no_request_id_gets_into_no_query(request_id: str | None) -> None:
    assert receipt("checkout", Excerpt("text", "file", 0, None, request_id)).insights is None


def test_a_function_that_aws_could_not_have_named_gets_no_query() -> None:
    assert receipt("check'out", Excerpt("text", "file", 0, None, ID)).insights is None


def test_secrets_in_a_quoted_line_are_masked_everywhere(run: Run, tmp_path: Path) -> None:
    text = export(*invocation("[ERROR] ValueError: password=hunter2hunter2 is wrong" + TRACEBACK))
    write_export(tmp_path / "logs", text)
    assert issues(run, tmp_path / "logs", tmp_path / "out")["failing"]
    for name in ("report.md", "report.html", "report.json"):
        assert "hunter2" not in (tmp_path / "out" / name).read_text()
        assert "&lt;password&gt;" in (content := (tmp_path / "out" / name).read_text()) or "<password>" in content


def test_a_lake_gives_the_same_receipts_when_the_files_are_gone(run: Run, tmp_path: Path) -> None:
    logs = write_export(tmp_path / "logs", TEXT)
    first = issues(run, tmp_path / "logs", tmp_path / "out", "--lake", str(tmp_path / "lake"))
    logs.unlink()
    assert run("report", "--lake", tmp_path / "lake", "-o", tmp_path / "later").code == 0
    later = json.loads((tmp_path / "later" / "report.json").read_text())["issues"]
    assert {issue["kind"]: issue["receipts"] for issue in later} == first
