"""``python -m mlship`` is the command line."""

from mlship.cli import main

main()
