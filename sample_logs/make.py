"""Writes the sample logs: `python sample_logs/make.py [folder]`. The same bytes every time, with the standard library alone.

Every `expect.json` says what must come out of the files it names. It is written from what was put in, never from what
a reader made of it.
"""

from __future__ import annotations

import base64
import json
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import autotuner
import logger_samples
import platform_samples
import small_samples
import structured
import wrappings
from lambda_lines import Stream, Truth, unique_id

AGENT = "lambda-autotuner-agent"


class Sample(NamedTuple):
    """One file, and what must come out of it."""

    content: bytes
    container: str
    lines: int
    understood: int
    invocations: list[Truth]


Samples = dict[str, Sample]


def agent(streams: Sequence[Stream]) -> Samples:
    """The 44 invocations as three export tasks left them in the bucket."""
    return {
        wrappings.export_key(
            f"{AGENT}/{stream.function}", unique_id(stream.function), stream.name, "000000.gz"
        ): _whole(wrappings.gzipped(wrappings.export(stream.events)), "s3-export", [stream], named=True)
        for stream in streams
    }


def s3_export() -> Samples:
    plain, repacked = small_samples.s3_plain(), small_samples.s3_repacked()
    task = unique_id("checkout")
    return {
        wrappings.export_key("checkout", task, plain.name, "000000"): _export(plain),
        wrappings.export_key("checkout", task, repacked.name, "000000.zst"): _whole(
            wrappings.zstd(wrappings.export(repacked.events)), "s3-export", [repacked], named=True
        ),
    }


def log_events_json(streams: Sequence[Stream]) -> Samples:
    by_function: dict[str, list[Stream]] = {}
    for stream in streams:
        by_function.setdefault(stream.function, []).append(stream)
    files = {"all.json": list(streams)} | {f"{name}.json": group for name, group in by_function.items()}
    samples = {
        name: _whole(wrappings.filter_log_events(group), "log-events-json", group) for name, group in files.items()
    }
    pages = small_samples.two_pages()
    samples["get-log-events.json"] = _whole(wrappings.get_log_events(pages, page=7), "log-events-json", [pages])
    samples["sam-logs.json"] = _whole(wrappings.sam_json(pages), "log-events-json", [pages])
    samples["powershell.json"] = _whole(wrappings.powershell([pages]), "log-events-json", [pages])
    return samples


def of_command_line_tools() -> dict[str, Samples]:
    """A text stream and a JSON stream woven into each other, or one alone where nothing tells streams apart."""
    text, node = small_samples.two_pages(), small_samples.nodejs_text()[0]
    (json_stream,) = small_samples.json_format()
    both = [text, json_stream]
    messages, rows = wrappings.queried(text, timed=False), wrappings.queried(text, timed=True)
    return {
        "aws-logs-tail": {
            "detailed.txt": _whole(wrappings.tail(both), "aws-logs-tail", both),
            "colours.txt": _whole(wrappings.tail(both, colours=True), "aws-logs-tail", both),
            "json.txt": _whole(wrappings.tail(both, "json"), "aws-logs-tail", both),
        },
        "aws-logs-tail-short": {
            "short.txt": _whole(wrappings.tail([text], "short"), "aws-logs-tail-short", [text]),
            "json-functions.txt": _whole(wrappings.tail([json_stream], "short"), "aws-logs-tail-short", [json_stream]),
        },
        "log-events-text": {
            "filter-log-events.txt": _whole(wrappings.filter_log_events_text(both), "log-events-text", both),
            "get-log-events.txt": _whole(wrappings.get_log_events_text(text), "log-events-text", [text]),
        },
        "queried-events-json": {
            "messages.json": _whole(messages[0], "queried-events-json", [text]),
            "times-and-messages.json": _whole(rows[0], "queried-events-json", [text]),
        },
        "queried-events-text": {
            "messages.txt": _whole(messages[1], "queried-events-text", [text]),
            "times-and-messages.txt": _whole(rows[1], "queried-events-text", [text]),
        },
        "sam-logs": {
            "plain.txt": _whole(wrappings.sam(both), "sam-logs", both),
            "colours.txt": _whole(wrappings.sam(both, colours=True), "sam-logs", both),
        },
        "awslogs": {
            "plain.txt": _whole(wrappings.awslogs(both, timed=False, colours=False), "awslogs", both, named=True),
            "timestamps.txt": _whole(wrappings.awslogs(both, timed=True, colours=True), "awslogs", both, named=True),
        },
        "saw": {"watch.txt": _whole(wrappings.saw(both, colours=True), "saw", both)},
        "serverless-logs": {
            "version-2.txt": _whole(wrappings.serverless(node, 2), "serverless-logs", [node]),
            "version-3.txt": _without_memory_size(_whole(wrappings.serverless(node, 3), "serverless-logs", [node])),
            "version-4.txt": _whole(wrappings.serverless(node, 4), "serverless-logs", [node]),
        },
        "invoke-log-tail": invoke_log_tail(text),
    }


def invoke_log_tail(stream: Stream) -> Samples:
    long = small_samples.long_winded()
    (cut,) = wrappings.log_tails(long)
    tails = wrappings.log_tails(stream)
    # The START is not in it any more, nor so how the invocation ended.
    truths = [truth._replace(function=None, outcome="unknown", complete=False) for truth in long.invocations]
    lines = cut.count(b"\n")
    last = stream.invocations[-1]
    return {
        "answers.json": _whole(wrappings.invoked(tails), "invoke-log-tail", [stream]),
        "log-result.txt": Sample(base64.b64encode(cut) + b"\n", "invoke-log-tail", lines, lines, truths),
        "test-pane.txt": Sample(
            wrappings.test_pane(tails[-1], last.request_id),
            "invoke-log-tail",
            tails[-1].count(b"\n"),
            tails[-1].count(b"\n"),
            [last._replace(function=None)],
        ),
    }


def _without_memory_size(sample: Sample) -> Sample:
    return sample._replace(invocations=[truth._replace(memory_mb=None) for truth in sample.invocations])


def console_csv(streams: Sequence[Stream]) -> Samples:
    (of_json,) = small_samples.json_format()
    return {
        "log-events-viewer-result.csv": _whole(wrappings.console_csv(streams), "console-csv", streams),
        "json-with-line-feeds.csv": _whole(wrappings.console_csv_of_json(of_json), "console-csv", [of_json]),
    }


def pasted_text(streams: Sequence[Stream]) -> Samples:
    """REPORT lines alone: they carry the figures, and not how an invocation ended."""
    bare = [
        truth._replace(function=None, outcome="unknown", error_type=None, complete=False)
        for stream in streams
        for truth in stream.invocations
    ]
    searched = wrappings.searched(streams)
    contents = {"zgrep.txt": searched, "terminal.txt": wrappings.copied(searched)}
    samples = {name: Sample(content, "pasted-text", len(bare), len(bare), bare) for name, content in contents.items()}
    said = [
        event.message.rstrip() for stream in streams for event in stream.events if event.message.startswith("REPORT")
    ]
    shapes = len(wrappings.SHAPES)
    samples["ticket.txt"] = Sample(wrappings.around(said[:shapes]), "pasted-text", shapes + 2, shapes, bare[:shapes])
    return samples


def insights_json() -> Samples:
    """Lines in the answers of the API and in the console's download, and a query for the fields of REPORT lines."""
    (parsed,) = small_samples.json_format()
    pages = small_samples.two_pages()
    bare = [truth._replace(outcome="unknown", error_type=None, complete=False) for truth in pages.invocations]
    return {
        "get-query-results.json": _whole(structured.insights_api(pages, page=7), "insights-json", [pages], named=True),
        "logs-insights-results.json": _whole(
            structured.insights_console(parsed), "insights-json", [parsed], named=True
        ),
        "report-fields.json": Sample(structured.insights_fields(pages), "insights-json", len(bare), len(bare), bare),
    }


def insights_csv() -> Samples:
    stream = small_samples.two_pages()
    return {"logs-insights-results.csv": _whole(structured.insights_csv(stream), "insights-csv", [stream], named=True)}


def insights_table() -> Samples:
    pages, plain = small_samples.two_pages(), small_samples.s3_plain()
    return {
        "copied.md": _whole(structured.insights_markdown(pages), "insights-table", [pages], named=True),
        "log-viewer.txt": _whole(structured.viewer_table(plain), "insights-table", [plain]),
    }


def structured_files(container: str, stream: Stream, writers: dict[str, structured.Writer]) -> Samples:
    return {name: _whole(write(stream), container, [stream], named=True) for name, write in writers.items()}


def json_records() -> Samples:
    stream = small_samples.two_pages()
    return {
        name: _whole(write(stream), "json-records", [stream], named)
        for name, (write, named) in structured.SHIPPED.items()
    }


def csv_column() -> Samples:
    stream = small_samples.two_pages()
    return {"extract.csv": _whole(structured.datadog_csv(stream), "csv-column", [stream])}


def grammar(streams: Iterable[Stream]) -> Samples:
    """Streams of one function as an export task leaves them, unpacked so that they can be read here."""
    return {
        wrappings.export_key(stream.function, unique_id("checkout"), stream.name, "000000"): _export(stream)
        for stream in streams
    }


def _export(stream: Stream) -> Sample:
    return _whole(wrappings.export(stream.events), "s3-export", [stream], named=True)


def _whole(content: bytes, container: str, streams: Sequence[Stream], named: bool = False) -> Sample:
    """A file that carries every line of these streams; `named` when its place also gives away the function."""
    lines = sum(len(stream.events) for stream in streams)
    understood = lines - sum(stream.not_understood for stream in streams)
    invocations = [
        truth if named or _names_itself(stream) else truth._replace(function=None)
        for stream in streams
        for truth in stream.invocations
    ]
    return Sample(content, container, lines, understood, invocations)


def _names_itself(stream: Stream) -> bool:
    """Platform events in JSON name the function."""
    return any('"functionName":' in event.message for event in stream.events)


def expectation(samples: Samples) -> bytes:
    """An invocation a line, so that a difference is one line too."""
    files = []
    for name, sample in samples.items():
        rows = ",\n".join(f"        {json.dumps(truth._asdict())}" for truth in sample.invocations)
        files.append(
            f"    {json.dumps(name)}: {{\n"
            f'      "container": {json.dumps(sample.container)},\n'
            f'      "lines": {sample.lines},\n'
            f'      "understood": {sample.understood},\n'
            f'      "invocations": [\n{rows}\n      ]\n'
            "    }"
        )
    return ('{\n  "files": {\n' + ",\n".join(files) + "\n  }\n}\n").encode()


def files() -> dict[str, bytes]:
    """Everything that is written, by its place under the folder of the samples."""
    streams = autotuner.streams()
    folders = {
        "": agent(streams),
        "containers/s3-export/": s3_export(),
        "containers/log-events-json/": log_events_json(streams),
        "containers/console-csv/": console_csv(streams),
        "containers/pasted-text/": pasted_text(streams),
        "containers/insights-json/": insights_json(),
        "containers/insights-csv/": insights_csv(),
        "containers/insights-table/": insights_table(),
        "containers/subscription/": structured_files(
            "subscription", small_samples.two_pages(), structured.SUBSCRIPTION
        ),
        "containers/telemetry/": structured_files("telemetry", small_samples.json_format()[0], structured.TELEMETRY),
        "containers/json-records/": json_records(),
        "containers/csv-column/": csv_column(),
        "containers/parquet/": structured_files(
            "parquet", small_samples.two_pages(), {"logs.parquet": structured.parquet}
        ),
    }
    folders |= {f"containers/{name}/": samples for name, samples in of_command_line_tools().items()}
    grammars = small_samples.GRAMMARS | platform_samples.GRAMMARS | logger_samples.GRAMMARS
    folders |= {f"grammars/{name}/": grammar(make()) for name, make in grammars.items()}
    # An export task tries its permission with this file, which is no log.
    made = {f"{AGENT}/{autotuner.PIPELINE}/aws-logs-write-test": b"Permission Check Successful"}
    for folder, samples in folders.items():
        made |= {folder + name: sample.content for name, sample in samples.items()}
        made[f"{folder}expect.json"] = expectation(samples)
    return made


def main() -> None:
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent
    made = files()
    for name, content in made.items():
        path = target / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    print(f"{len(made)} files written to {target}")


if __name__ == "__main__":
    main()
