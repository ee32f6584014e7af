"""Measure what a record costs, beside the physical limit measured in the same run."""
