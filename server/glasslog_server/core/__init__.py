"""Compute what the log writes and serves: the growing tree, its proofs and the limits of a round.

Everything here is pure: bytes in, bytes or a typed error out; no clock, no randomness, no I/O, no asyncio. What has to
be read is said first (`plan_*` and `right_edge` name tiles), so that a caller reads once and computes then.
"""
