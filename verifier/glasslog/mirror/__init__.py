"""The audit's own copy of a log, and the replay of everything in it.

- `state` is the folder that an audit works in, `sync` brings it up to a log's newest checkpoint
- `local` reads what is there, `seen` holds every checkpoint that was ever seen against the tree
- `replay` decodes and verifies every entry in worker processes, `judgement` says what is checked of one entry
"""
