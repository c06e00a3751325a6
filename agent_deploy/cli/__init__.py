"""The command line: each module parses, calls one operation, and renders what it gives."""
