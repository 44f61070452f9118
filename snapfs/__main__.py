"""`python -m snapfs` is the command line."""

from snapfs.cli import main

main()
