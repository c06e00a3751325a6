"""Measurements of what is promised about speed: `make bench`, or `python -m benchmarks`. Nothing here asserts."""
