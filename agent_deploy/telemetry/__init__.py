"""Traces: what an application puts on its spans, how spans of any origin are received, and the facts kept of them."""
