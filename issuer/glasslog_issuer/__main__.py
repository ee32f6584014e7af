"""Run the command line as `python -m glasslog_issuer`."""

import sys

from glasslog_issuer.cli import main

if __name__ == "__main__":
    sys.exit(main())
