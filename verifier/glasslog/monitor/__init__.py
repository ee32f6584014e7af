"""Follow logs for years: audit what is new, raise an alert for whatever is wrong, and never twice for the same thing.

- `alert` says what an alert is, and makes one of a finding or of a step that failed
- `journal` is what a monitor remembers: what was told already, and where it goes on
- `rounds` looks at one log once; `following` does that again and again, and hands alerts out
- `outlets` are the ways out: lines, a webhook, metrics
"""
