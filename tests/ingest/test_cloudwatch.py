"""`reportline fetch` reads log groups as they were, whichever way it takes, and says in a sentence what AWS refuses."""

from __future__ import annotations

import gzip
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import botocore.client
import pytest
from moto import mock_aws

from analyzer.ingest import cloudwatch
from analyzer.intake import add_logs, fetch_logs
from analyzer.lake import Lake
from tests.aws import PLAYED
from tests.conftest import Run
from tests.ingest.conftest import rows
from tests.logs import TASK

ROOT = Path(__file__).parent.parent.parent
SAMPLE = ROOT / "sample_logs" / "lambda-autotuner-agent"
GROUPS = [f"/aws/lambda/{folder.name}" for folder in sorted(SAMPLE.iterdir()) if folder.is_dir()]
DAY = ("--since", "2026-03-17", "--until", "2026-03-18")
BUCKET = "acme-exports"
# What CloudWatch's own ways say of an invocation, and what files of other kinds do not.
PLACE = {"source", "position", "log_group"}


def events(file: Path) -> list[dict[str, Any]]:
    """The events of an exported file."""
    text = gzip.decompress(file.read_bytes()).decode()
    parts = re.split(r"^(\d{4}-\d\d-\d\dT[\d:.]+Z) ", text, flags=re.MULTILINE)[1:]
    return [
        {"timestamp": round(datetime.fromisoformat(time).timestamp() * 1000), "message": message.rstrip("\n")}
        for time, message in zip(parts[::2], parts[1::2], strict=True)
    ]


@pytest.fixture
def logs(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The log groups that the sample was exported from, in AWS as moto plays it on the day after."""
    for name, value in PLAYED.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("moto.logs.models.utcnow", lambda: datetime(2026, 3, 18))
    monkeypatch.setattr(cloudwatch, "PAUSE", 0)
    with mock_aws():
        made = boto3.client("logs")
        for group in GROUPS:
            made.create_log_group(logGroupName=group)
        for file in sorted(SAMPLE.rglob("0*.gz")):
            group = f"/aws/lambda/{file.relative_to(SAMPLE).parts[0]}"
            stream = re.sub(r"^(\d{4})-(\d\d)-(\d\d)-", r"\1/\2/\3/", file.parent.name)
            made.create_log_stream(logGroupName=group, logStreamName=stream)
            answer = made.put_log_events(logGroupName=group, logStreamName=stream, logEvents=events(file))
            assert "rejectedLogEventsInfo" not in answer
        yield made


def told(lake: Path, table: str) -> list[dict[str, Any]]:
    found = [{name: cell for name, cell in row.items() if name not in PLACE} for row in rows(Lake(lake), table)]
    return sorted(found, key=repr)


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same logs as files."""
    lake = tmp_path_factory.mktemp("exported")
    add_logs([str(SAMPLE)], lake)
    return lake


def test_every_event_of_a_group_comes_through_filter(logs: Any, exported: Path, run: Run, tmp_path: Path) -> None:
    ran = run("fetch", *GROUPS, "--lake", tmp_path, *DAY)
    assert (ran.code, ran.err) == (0, f"44 invocations added to {tmp_path}\n")
    assert [line.split("\t")[::2] for line in ran.out.splitlines()] == [
        ["subscription", f"cloudwatch:{group}?2026-03-17T00:00:00Z/2026-03-18T00:00:00Z"] for group in GROUPS
    ]
    for table in ("invocations", "events"):
        assert told(tmp_path, table) == told(exported, table)


@pytest.fixture
def bucket(logs: Any, monkeypatch: pytest.MonkeyPatch) -> str:
    """moto writes every stream under an id of its own, where AWS writes all under that of the task."""
    monkeypatch.setattr("moto.logs.models.mock_random.uuid4", lambda: TASK)
    boto3.client("s3").create_bucket(Bucket=BUCKET)
    return BUCKET


def test_an_export_goes_through_a_bucket(bucket: str, exported: Path, run: Run, tmp_path: Path) -> None:
    for group in GROUPS:
        ran = run("fetch", group, "--lake", tmp_path, *DAY, "--via", "export", "--bucket", bucket)
        assert ran.code == 0
        folder = f"s3://{bucket}/reportline/{group.rpartition('/')[2]}/{TASK}/2026-03-17-[$LATEST]"
        assert all(line.startswith("s3-export\t") and folder in line for line in ran.out.splitlines())
    # moto leaves out the milliseconds.
    facts = ("function", "stream", "request_id", "duration_ms", "outcome", "complete", "nth")
    made, there = (
        [[row[fact] for fact in facts] for row in told(lake, "invocations")] for lake in (tmp_path, exported)
    )
    assert sorted(made, key=repr) == sorted(there, key=repr)


class Insights:
    """Answers queries as Insights does, which moto does not: times as text, counts, at most so many rows, seconds."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.asked: list[dict[str, Any]] = []
        self.status = ["Running", "Complete"]
        self.most = 10_000
        self.answer = botocore.client.BaseClient._make_api_call  # type: ignore[attr-defined]
        monkeypatch.setattr(botocore.client.BaseClient, "_make_api_call", lambda *call: self.call(*call))

    def call(self, client: Any, operation: str, asked: dict[str, Any]) -> Any:
        if operation == "GetQueryResults":
            status = self.status[0] if len(self.status) == 1 else self.status.pop(0)
            return {"status": status, "results": self.rows(client) if status == "Complete" else []}
        if operation == "StartQuery":
            self.asked.append(asked)
        return self.answer(client, operation, asked)

    def rows(self, client: Any) -> list[list[dict[str, str]]]:
        asked = self.asked[-1]
        period = {"startTime": asked["startTime"] * 1000, "endTime": asked["endTime"] * 1000}
        found = client.filter_log_events(logGroupName=asked["logGroupName"], **period)["events"]
        if asked["queryString"].startswith("stats"):
            return [[{"field": "events", "value": str(len(found))}]]
        return [
            [
                {
                    "field": "@timestamp",
                    "value": f"{datetime.fromtimestamp(one['timestamp'] / 1000, UTC):%Y-%m-%d %H:%M:%S.%f}"[:23],
                },
                {"field": "@message", "value": one["message"]},
                {"field": "@logStream", "value": one["logStreamName"]},
                {"field": "@log", "value": f"123456789012:{asked['logGroupName']}"},
                {"field": "@ptr", "value": one["eventId"]},
            ]
            for one in found[: self.most]
        ]


@pytest.fixture
def insights(logs: Any, monkeypatch: pytest.MonkeyPatch) -> Insights:
    return Insights(monkeypatch)


@pytest.mark.parametrize("most", [10_000, 20, 12])
def test_insights_gives_every_event_however_few_a_query_shows(
    most: int, insights: Insights, exported: Path, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    insights.most = most
    monkeypatch.setattr(cloudwatch, "MOST_ROWS", most)
    ran = run("fetch", *GROUPS, "--lake", tmp_path, *DAY, "--via", "insights")
    assert (ran.code, ran.err) == (0, f"44 invocations added to {tmp_path}\n")
    for table in ("invocations", "events"):
        assert told(tmp_path, table) == told(exported, table)
    assert (len(insights.asked) > 6) is (most < 100)


def test_a_second_with_more_than_insights_shows_is_refused_and_not_cut(
    insights: Insights, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    insights.most = 2
    monkeypatch.setattr(cloudwatch, "MOST_ROWS", 2)
    ran = run("fetch", GROUPS[0], "--lake", tmp_path, *DAY, "--via", "insights")
    assert ran.code == 2
    assert re.search(
        r"holds 2 events or more at 2026-03-17T\d\d:\d\d:\d\dZ, of which Insights shows no others", ran.err
    )


def test_a_query_that_fails_is_said(insights: Insights, run: Run, tmp_path: Path) -> None:
    insights.status = ["Failed"]
    ran = run("fetch", GROUPS[0], "--lake", tmp_path, *DAY, "--via", "insights")
    assert (ran.code, ran.err) == (2, f"reportline: a query of {GROUPS[0]} ended as failed\n")


def test_a_query_does_not_go_on_when_nobody_waits_for_it(
    insights: Insights, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    insights.status = ["Running"]
    stopped = []

    def interrupt(_: float) -> None:
        raise KeyboardInterrupt

    def call(client: Any, operation: str, asked: dict[str, Any]) -> Any:
        if operation != "StopQuery":
            return insights.call(client, operation, asked)
        stopped.append(asked)
        return {"success": True}

    monkeypatch.setattr(cloudwatch, "sleep", interrupt)
    monkeypatch.setattr(botocore.client.BaseClient, "_make_api_call", call)
    ran = run("fetch", GROUPS[0], "--lake", tmp_path, *DAY, "--via", "insights")
    assert ran.code == 130
    assert len(stopped) == 1


def test_what_was_fetched_adds_nothing_the_second_time_whichever_way_it_comes(
    insights: Insights, run: Run, tmp_path: Path
) -> None:
    assert run("fetch", *GROUPS, "--lake", tmp_path, *DAY).code == 0
    again = run("fetch", *GROUPS, "--lake", tmp_path, *DAY)
    assert (again.code, {line.split("\t")[0] for line in again.out.splitlines()}) == (0, {"already there"})
    longer = run("fetch", *GROUPS, "--lake", tmp_path, "--since", "2026-03-16", "--until", "2026-03-18T12:00Z")
    assert {line.split("\t")[0] for line in longer.out.splitlines()} == {"already there"}
    other = run("fetch", *GROUPS, "--lake", tmp_path, *DAY, "--via", "insights")
    assert (other.code, other.err) == (0, f"0 invocations added to {tmp_path}; 44 more are told more than once\n")
    assert run("ingest", SAMPLE, "--lake", tmp_path).err.startswith("0 invocations added")


def test_the_report_on_what_was_fetched_has_queries_for_its_lines_and_no_commands(
    logs: Any, run: Run, tmp_path: Path
) -> None:
    """No file holds them any more."""
    assert run("fetch", *GROUPS, "--lake", tmp_path / "lake", *DAY).code == 0
    assert run("report", "--lake", tmp_path / "lake", "-o", tmp_path / "report.md").code == 0
    text = (tmp_path / "report.md").read_text()
    assert "SOURCE '/aws/lambda/data-processing-pipeline'" in text
    assert "tail -c" not in text
    assert "out of the files" not in text
    assert (
        "\nout of `cloudwatch:/aws/lambda/data-processing-pipeline?2026-03-17T00:00:00Z/2026-03-18T00:00:00Z`" in text
    )


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (
            ("/aws/lambda/chekout", *DAY),
            "cannot read the log group /aws/lambda/chekout: The specified log group does not exist",
        ),
        (("check out", *DAY), "'check out' is no log group; that of a function is /aws/lambda/NAME"),
        (
            (GROUPS[0], *DAY, "--via", "export"),
            "--via export needs --bucket, a bucket of the same region that CloudWatch Logs may write to",
        ),
        (
            (GROUPS[0], *DAY, "--via", "export", "--bucket", "not-there"),
            f"cannot read the log group {GROUPS[0]}: The given bucket does not exist. Please make sure the bucket is valid",
        ),
        (
            (GROUPS[0], "--since", "2026-03-18", "--until", "2026-03-17"),
            "--since lies behind --until, or both are one time",
        ),
        (
            (GROUPS[0], "--since", "yesterday"),
            "--since 'yesterday' is neither a time such as 2026-03-17T08:00Z nor a span such as 24h or 7d",
        ),
    ],
)
def test_what_has_to_be_mended_is_one_sentence(
    arguments: tuple[str, ...], sentence: str, logs: Any, run: Run, tmp_path: Path
) -> None:
    ran = run("fetch", *arguments, "--lake", tmp_path / "lake")
    assert (ran.code, ran.err) == (2, f"reportline: {sentence}\n")


def test_a_period_without_events_ends_with_3(logs: Any, run: Run, tmp_path: Path) -> None:
    ran = run("fetch", GROUPS[0], "--lake", tmp_path, "--since", "2026-03-01", "--until", "2026-03-02")
    assert (ran.code, ran.err) == (
        3,
        f"reportline: {GROUPS[0]} holds no event of 2026-03-01T00:00:00Z/2026-03-02T00:00:00Z\n",
    )


def test_an_export_of_nothing_ends_with_3_too(logs: Any, run: Run, tmp_path: Path) -> None:
    """moto writes every stream under an id of its own, so that nothing lies under that of the task."""
    boto3.client("s3").create_bucket(Bucket=BUCKET)
    ran = run("fetch", GROUPS[0], "--lake", tmp_path, *DAY, "--via", "export", "--bucket", BUCKET)
    assert (ran.code, ran.err) == (
        3,
        f"reportline: {GROUPS[0]} holds no event of 2026-03-17T00:00:00Z/2026-03-18T00:00:00Z\n",
    )


def test_a_group_of_another_account_is_named_by_its_arn(
    logs: Any, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """AWS takes an ARN without the star at its end; moto takes none."""
    arn = f"arn:aws:logs:us-east-1:123456789012:log-group:{GROUPS[0]}"
    answer = botocore.client.BaseClient._make_api_call  # type: ignore[attr-defined]

    def call(client: Any, operation: str, asked: dict[str, Any]) -> Any:
        assert asked.pop("logGroupIdentifier") == arn
        return answer(client, operation, asked | {"logGroupName": GROUPS[0]})

    monkeypatch.setattr(botocore.client.BaseClient, "_make_api_call", call)
    assert run("fetch", f"{arn}:*", "--lake", tmp_path, *DAY).code == 0
    assert {row["function"] for row in rows(Lake(tmp_path), "invocations")} == {"data-processing-pipeline"}


def test_without_a_region_it_says_where_it_is_named_and_an_arn_names_its_own(
    logs: Any, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    ran = run("fetch", GROUPS[0], "--lake", tmp_path, *DAY)
    sentence = "cannot reach CloudWatch Logs: there is no region; name it in AWS_DEFAULT_REGION"
    assert (ran.code, ran.err) == (2, f"reportline: {sentence}\n")
    asked = []
    monkeypatch.setattr(
        botocore.client.BaseClient, "_make_api_call",
        lambda client, operation, _: asked.append((client.meta.region_name, operation)) or {"events": []},
    )  # fmt: skip
    arn = f"arn:aws:logs:eu-west-3:123456789012:log-group:{GROUPS[0]}"
    assert run("fetch", arn, "--lake", tmp_path, *DAY).code == 3
    assert asked == [("eu-west-3", "FilterLogEvents")]


def test_a_span_reaches_back_from_now(logs: Any, run: Run, tmp_path: Path) -> None:
    noon = datetime(2026, 3, 17, 12, tzinfo=UTC)
    made = fetch_logs(GROUPS, tmp_path, since="2h", now=noon)
    ends = [row["end_time"] for row in rows(Lake(tmp_path), "invocations") if row["end_time"]]
    assert 0 < len(ends) <= made.invocations
    assert min(ends) >= noon - timedelta(hours=2)
    assert max(ends) <= noon
