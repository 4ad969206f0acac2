"""Logs in, rows out: containers yield records, grammars turn them into events, events become invocations in the lake."""

from analyzer.ingest.read import Ingested, Progress, ingest
from analyzer.ingest.workers import cores

__all__ = ["Ingested", "Progress", "cores", "ingest"]
