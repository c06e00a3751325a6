"""The example workflow's application code."""
