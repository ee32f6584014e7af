"""Run the command line as `python -m glasslog`."""

import sys

from glasslog.cli import main

if __name__ == "__main__":
    sys.exit(main())
