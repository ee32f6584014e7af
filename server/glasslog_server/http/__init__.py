"""Serve the log over HTTP: registration (SCRAPI), the static read API (C2SP tlog-tiles), proofs, keys, health.

One noun a file. `app` puts the public side together, `admin` the operator's; `listener` binds both to addresses.
"""
