"""The rehearsal: rolling back on purpose, before it is needed."""
