"""What a report on few invocations spends its time on, and beside it the time of the whole command.

    python -m benchmarks.small [ROUNDS]

Seconds, medians of several fresh processes; the stages are those of the processor. Half a thousand lines are nothing to
read: what counts here is loading packages, planning queries and drawing.
"""

from __future__ import annotations

import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

SAMPLE = Path(__file__).parent.parent / "sample_logs" / "lambda-autotuner-agent"
# Runs in a process of its own. Each stage is what `pipeline.analyze` does there, so their sum is nearly the whole command.
STAGES = """
import json, resource, sys, time
from pathlib import Path
spent, last = {}, time.process_time()
def stage(name):
    global last
    now = time.process_time()
    spent[name], last = now - last, now
import typer, rich.console
import analyzer.cli
stage("load the command line")
from analyzer import pipeline
from analyzer.intake import Watcher
from analyzer.lake import Engine
import duckdb
stage("load arrow, duckdb, jinja")
sample, folder = sys.argv[1], Path(sys.argv[2])
tools = pipeline._Tools(pipeline.Options(), folder / "report")
stage("read rules")
lake = pipeline.Lake(folder / "lake")
pipeline.ingest([sample], lake)
stage("ingest")
import scipy.special
stage("load scipy")
asked, answer = [0.0], Engine.numbers
def timed(engine, sql):
    begin = time.process_time()
    rows = answer(engine, sql)
    asked[0] += time.process_time() - begin
    return rows
Engine.numbers = timed
report, measurements = pipeline.compose_report(lake, tools.rules, pipeline.Options(), Watcher())
stage("measure, diagnose, compose")
spent["of that, queries"] = asked[0]
from analyzer.report.beside import second_process
with second_process() as pipe:
    pipeline.render(report, measurements, tools.templates, tools.output, lake, pipe)
stage("write")
drawing = resource.getrusage(resource.RUSAGE_CHILDREN)
spent["second process: load, draw"] = drawing.ru_utime + drawing.ru_stime
print(json.dumps(spent))
"""


def main(rounds: int) -> None:
    whole: list[float] = []
    clock: list[float] = []
    stages: list[dict[str, float]] = []
    # Modules are compiled once, as an installation does, and not at every start.
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": ""}
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "analyzer", "analyze", str(SAMPLE), "-o", f"{folder}/whole"]
        subprocess.run(command, check=True, capture_output=True, env=environment)
        for number in range(rounds):
            before, begin = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
            subprocess.run(command, check=True, capture_output=True, env=environment)
            clock.append(time.monotonic() - begin)
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            whole.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
            place = Path(folder) / str(number)
            place.mkdir()
            ran = subprocess.run(
                [sys.executable, "-c", STAGES, str(SAMPLE), str(place)],
                check=True,
                capture_output=True,
                text=True,
                env=environment,
            )
            stages.append(json.loads(ran.stdout))
    print(
        f"`reportline analyze {SAMPLE.name}`: {statistics.median(clock):.2f} s by the clock, "
        f"{statistics.median(whole):.2f} s of the processor"
    )
    for name in stages[0]:
        print(f"  {name:28} {statistics.median(one[name] for one in stages):5.2f}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 5)
