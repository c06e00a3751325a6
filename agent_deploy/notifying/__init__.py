"""Telling people and monitors what became of drills and releases. A message that does not arrive stops nothing."""
