"""The receiver: OTLP over HTTP → facts in the spool, tidied in the background, with health and figures."""
