"""What a process launcher leaves behind: fixed cases on a real terminal, for any launcher.

`python -m tests.conformance --tool up` tries one, `--help` tells the rest, and
docs/conformance.md what the cases are and what the launchers known here make of them.
"""
