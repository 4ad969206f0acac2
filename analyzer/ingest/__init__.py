"""Logs in, rows out: containers yield records, grammars turn them into events, events become invocations in the lake."""

from analyzer.ingest.cloudwatch import Period, Via
from analyzer.ingest.read import Ingested, fetch, ingest
from analyzer.ingest.workers import Progress, cores

__all__ = ["Ingested", "Period", "Progress", "Via", "cores", "fetch", "ingest"]
