"""Looking at traffic: calls in a list, one call as a tree of its steps, and the figures of many. Reads facts alone."""
