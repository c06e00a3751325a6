"""The eval harness: a reviewed set of cases, a runner that tries a version on it, and what became of each case."""
