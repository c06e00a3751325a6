"""Running an eval: every case asked in every repeat, scored, journaled at once, and summed up as a run."""
