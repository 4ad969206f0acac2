"""Logs in, rows out: containers yield records, grammars turn them into events, events become invocations in the lake."""

from analyzer.ingest.read import Ingested, Progress, ingest

__all__ = ["Ingested", "Progress", "ingest"]
