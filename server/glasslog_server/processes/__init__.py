"""Serve a log with several processes: a supervisor, the sequencer, and admission workers.

`supervisor` starts the others, watches over them and ends them; `child` is what it starts, and becomes a
`sequencer_process` or a `worker_process`; `control` is the line between the supervisor and each of them. What is said
between the sequencer and its workers is in `glasslog_server.link`.
"""
