"""The lake in, measurements out: every number with its interval, its population and the query that gave it."""

from analyzer.measure.everything import measure
from analyzer.measure.family import Threshold
from analyzer.measure.metrics.cost import price_table
from analyzer.measure.scope import Window

__all__ = ["Threshold", "Window", "measure", "price_table"]
