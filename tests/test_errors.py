"""What goes wrong gets one plain sentence and the exit code that the README lists."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import Ran, Run
from tests.logs import export, invocation, write_export

PNG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + bytes(range(256))


@pytest.fixture
def logs(tmp_path: Path) -> Path:
    write_export(tmp_path / "logs", export(*invocation("working")))
    return tmp_path / "logs"


def said(ran: Ran) -> str:
    """The one sentence on standard error."""
    assert "Traceback" not in ran.err
    (sentence,) = ran.err.splitlines()
    return sentence


def test_a_path_that_does_not_exist_is_named(run: Run, tmp_path: Path) -> None:
    ran = run("analyze", tmp_path / "nowhere")
    assert ran.code == 2
    assert f"there is no file or folder {tmp_path / 'nowhere'}" in said(ran)


def test_logs_without_any_report_line_end_with_3_and_never_with_0(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "app.log"
    path.write_text("2026-03-17 08:00:00 INFO starting\n2026-03-17 08:00:01 INFO ready\n")
    ran = run("analyze", path, "-o", tmp_path / "out")
    assert ran.code == 3
    assert "no START or REPORT line was found" in said(ran)
    assert not (tmp_path / "out").exists()


def test_an_empty_file_ends_with_3(run: Run, tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    assert run("analyze", tmp_path / "empty").code == 3


def test_an_export_of_application_lines_alone_ends_with_3(run: Run, tmp_path: Path) -> None:
    path = write_export(
        tmp_path, export("INIT_START Runtime Version: python:3.12.v89\tRuntime Version ARN: arn:x", "hello")
    )
    ran = run("analyze", path, "-o", tmp_path / "out")
    assert ran.code == 3
    assert "hold no Lambda invocation" in said(ran)


def test_a_binary_file_ends_with_3(run: Run, tmp_path: Path) -> None:
    (tmp_path / "picture.png").write_bytes(PNG)
    ran = run("analyze", tmp_path / "picture.png")
    assert ran.code == 3
    assert "picture.png" in said(ran)


def test_a_folder_without_logs_says_how_many_files_were_looked_at(run: Run, tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(PNG)
    (tmp_path / "b.txt").write_text("nothing to see")
    ran = run("analyze", tmp_path)
    assert ran.code == 3
    assert "2 files were looked at" in said(ran)


def test_an_empty_folder_ends_with_3(run: Run, tmp_path: Path) -> None:
    ran = run("analyze", tmp_path)
    assert ran.code == 3
    assert "holds no file" in said(ran)


@pytest.fixture
def as_nobody(tmp_path: Path) -> Callable[[Path], str]:
    """Runs `reportline analyze PATH` as somebody who may not read everything, and gives what was said."""
    for folder in (tmp_path, *tmp_path.parents[:3]):
        folder.chmod(0o755)
    drop = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"] if os.geteuid() == 0 else []
    if drop and not Path("/bin/setpriv").exists():
        pytest.skip("root reads everything, and there is no setpriv to become somebody else")

    def call(path: Path) -> str:
        command = [*drop, sys.executable, "-m", "analyzer", "analyze", str(path)]
        ran = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
        assert ran.returncode == 2
        return ran.stderr.strip()

    return call


def test_a_file_without_permission_is_named(tmp_path: Path, as_nobody: Callable[[Path], str]) -> None:
    path = tmp_path / "secret.log"
    path.write_text(export(*invocation()))
    path.chmod(0)
    assert as_nobody(path) == f"reportline: cannot read {path}: Permission denied"


def test_a_folder_on_the_way_without_permission_is_no_bug(tmp_path: Path, as_nobody: Callable[[Path], str]) -> None:
    path = write_export(tmp_path / "closed", export(*invocation()))
    (tmp_path / "closed").chmod(0)
    assert as_nobody(path) == f"reportline: cannot read {path}: Permission denied"
    (tmp_path / "closed").chmod(0o755)


def test_a_time_that_no_clock_shows_costs_its_event_the_time_and_nothing_else(run: Run, tmp_path: Path) -> None:
    text = export(*invocation("working")).replace("08:00:02.000Z", "25:61:61.000Z")
    write_export(tmp_path / "logs", text)
    assert run("analyze", tmp_path / "logs", "-o", tmp_path / "out").code == 0


def test_a_truncated_archive_is_read_as_far_as_it_goes(run: Run, tmp_path: Path) -> None:
    import gzip

    whole = gzip.compress(export(*(line for _ in range(200) for line in invocation("x" * 50))).encode(), 1)
    path = write_export(tmp_path, "", part="000000.gz")
    path.write_bytes(whole[: len(whole) // 2])
    ran = run("analyze", tmp_path, "-o", tmp_path / "out")
    assert ran.code == 0
    assert "breaks off or is damaged" in (tmp_path / "out" / "report.md").read_text()


@pytest.mark.parametrize(
    ("content", "seen"),
    [
        (b"-" * 40 + b"\n|           FilterLogEvents            |\n+--------+\n", "--output table"),
        (b"events:\n- eventId: '1'\n  message: 'REPORT RequestId: a'\n", "--output yaml"),
        (b"\xff\x06\0\0sNaPpY", "a Snappy file"),
    ],
)
def test_a_container_that_cannot_be_read_yet_is_named_with_a_way_out(
    run: Run, tmp_path: Path, content: bytes, seen: str
) -> None:
    (tmp_path / "logs").write_bytes(content)
    ran = run("analyze", tmp_path / "logs")
    assert ran.code == 2
    assert seen in said(ran)
    assert "cannot be read yet" in said(ran)


def test_an_unreadable_file_among_good_ones_is_a_warning_and_stands_in_the_report(
    run: Run, logs: Path, tmp_path: Path
) -> None:
    (logs / "more.zip").write_bytes(b"PK\x03\x04\x14\0")
    ran = run("analyze", logs, "-o", tmp_path / "out")
    assert ran.code == 0
    assert "warning" in said(ran)
    assert "a damaged zip archive" in (tmp_path / "out" / "report.md").read_text()


@pytest.mark.parametrize("arguments", [["--no-such-option"], ["--redact", "sometimes"], ["--fail-on", "always"]])
def test_a_bad_option_ends_with_2(run: Run, logs: Path, arguments: list[str]) -> None:
    ran = run("analyze", logs, *arguments)
    assert ran.code == 2
    assert arguments[0] in ran.err


@pytest.mark.parametrize(
    ("option", "value", "sentence"),
    [
        ("--threshold", "memory>3", "is not of the form 'duration>60s'"),
        ("--since", "yesterday", "is neither a time such as"),
        ("--kind", "poem", "there is no kind of report 'poem'; there are error-analysis"),
        ("--rules", "no-such-folder", "there is no folder of rules"),
        ("--templates", "no-such-folder", "there is no folder of templates"),
        ("-o", "report.docx", "reports are written as .md, .html, .json"),
    ],
)
def test_a_value_that_cannot_be_is_explained(run: Run, logs: Path, option: str, value: str, sentence: str) -> None:
    ran = run("analyze", logs, option, value)
    assert ran.code == 2
    assert sentence in said(ran)


def test_a_broken_rule_is_refused_with_file_and_line_before_any_log_is_read(
    run: Run, logs: Path, tmp_path: Path
) -> None:
    rules = tmp_path / "rules"
    rules.mkdir()
    (rules / "mine.yaml").write_text("id: mine\ntitle: [unclosed\n")
    ran = run("analyze", logs, "--rules", rules, "-o", tmp_path / "out")
    assert ran.code == 2
    assert f"{rules / 'mine.yaml'}:" in said(ran)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("text", ["{% if %}", "{{ report.no_such_thing }}", "{{ 1 / 0 }}"])
def test_a_broken_template_is_refused_with_its_place(run: Run, logs: Path, tmp_path: Path, text: str) -> None:
    templates = tmp_path / "templates"
    templates.mkdir()
    (templates / "error-analysis.md.j2").write_text(f"# mine\n{text}\n")
    ran = run("analyze", logs, "--templates", templates, "-o", tmp_path / "out")
    assert ran.code == 2
    assert "error-analysis.md.j2:2:" in said(ran)


def test_a_template_cannot_reach_into_python(run: Run, logs: Path, tmp_path: Path) -> None:
    templates = tmp_path / "templates"
    templates.mkdir()
    (templates / "error-analysis.md.j2").write_text("{{ report.__class__.__mro__ }}")
    assert run("analyze", logs, "--templates", templates, "-o", tmp_path / "out").code == 2


def test_a_lake_that_is_not_there_is_no_empty_lake(run: Run, tmp_path: Path) -> None:
    ran = run("report", "--lake", tmp_path / "lake")
    assert ran.code == 2
    assert "there is no lake in" in said(ran)


def test_an_output_that_cannot_be_written_is_named(run: Run, logs: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    ran = run("analyze", logs, "-o", tmp_path / "file" / "report.md")
    assert ran.code == 2
    assert "cannot write to" in said(ran)


def test_a_wrong_query_is_explained_in_a_sentence(run: Run, logs: Path, tmp_path: Path) -> None:
    assert run("ingest", logs, "--lake", tmp_path / "lake").code == 0
    ran = run("query", "SELECT nothing FROM invocations", "--lake", tmp_path / "lake")
    assert ran.code == 2
    assert "the query failed" in said(ran)


def test_a_window_without_invocations_ends_with_3(run: Run, logs: Path, tmp_path: Path) -> None:
    ran = run("analyze", logs, "--since", "2027-01-01", "-o", tmp_path / "out")
    assert ran.code == 3
    assert "in the chosen window" in said(ran)


def test_a_bug_ends_with_70_and_a_traceback(run: Run, logs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("analyzer.pipeline.measure", broken)
    ran = run("analyze", logs)
    assert ran.code == 70
    assert "ZeroDivisionError" in ran.err
    assert "this is a bug in Reportline" in ran.err
