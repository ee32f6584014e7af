"""Carry submissions, outcomes and publications between admission workers and the sequencer, over a Unix socket.

`frames` cuts the stream, `candidates`, `outcomes` and `messages` say what is in a frame: all pure, each decoder total
(any bytes are accepted or raise LinkError) and bounded. `workers_end` and `sequencers_end` are the two asyncio
protocols. What is carried means exactly what it means in one process: a submission is taken or refused as a whole, and
a publication reaches a worker before any outcome that it covers.
"""
