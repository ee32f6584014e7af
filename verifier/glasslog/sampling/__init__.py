"""Draw a sample of a log's records that neither side could choose, with evidence for each (schema glasslog-sample/1).

- `draw` derives a seed from a signed checkpoint and ranks entries by it: pure, so anybody repeats it
- `population` reads from an audit's database what is drawn from
- `evidence` makes an offline evidence bundle for an entry from the mirror of an audit
- `worksheet` lays the sample out: a CSV to work with, and the document that says how it was drawn

A sample says nothing of entries that it does not hold; what a test of its records finds is for the auditor to weigh.
"""
