"""Verify what a Glasslog transparency log has recorded, offline and without trust in its operator.

This package is the base install. Its formats and checks are pure functions over bytes; only `glasslog.sources` and
`glasslog.cli` read files or the network. It knows nothing of the server or of the issuer's tools.
"""

__version__ = "0.1.0"
