"""`python -m tests.conformance`: the tests' own modules are importable by their short names."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from conformance.command import main

if __name__ == "__main__":
    sys.exit(main())
