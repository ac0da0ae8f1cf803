"""`python -m trio_supervisor` is the launcher."""

from __future__ import annotations

import sys

from trio_supervisor.cli.launcher import main

if __name__ == "__main__":
    sys.exit(main())
