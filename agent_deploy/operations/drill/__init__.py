"""What can be done with drills, a verb a module."""
