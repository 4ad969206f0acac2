"""`python -m analyzer` is `reportline`."""

from analyzer.cli import main

main()
