"""Follow logs for years: audit what is new, raise an alert for whatever is wrong, and never twice for the same thing.

- `alert` says what an alert is, and makes one of a finding or of a step that failed; `watch` what is watched
- `journal` is what a monitor remembers, and `sieve` lets through what was not told before
- `rounds` looks once at a place where logs are shown, `log_audit` at the log that is shown there
- `following` does that again and again, and hands alerts out; `stopping` ends it
- `outlets` and `metrics` are the ways out; `holding` keeps a second monitor from the state folder
"""
