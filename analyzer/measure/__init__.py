"""The lake in, measurements out: every number with its interval, its population and the query that gave it."""

from analyzer.measure.comparison import COMPARED, compare
from analyzer.measure.everything import measure
from analyzer.measure.family import Threshold
from analyzer.measure.metrics.cost import price_table
from analyzer.measure.scope import Window, reaching_back, span

__all__ = ["COMPARED", "Threshold", "Window", "compare", "measure", "price_table", "reaching_back", "span"]
