"""Logs in, rows out: containers yield records, grammars turn them into events, events become invocations in the lake."""

from analyzer.ingest.read import Ingested, ingest
from analyzer.ingest.workers import Progress, cores

__all__ = ["Ingested", "Progress", "cores", "ingest"]
