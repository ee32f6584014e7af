"""Run a Glasslog transparency log: admit signed statements, sequence them, sign tree heads, serve proofs.

`glasslog_server.core` is pure; everything around it does the I/O. The formats are those of `glasslog`, so that the log
admits with the same strict code that it gives to its auditors.
"""
