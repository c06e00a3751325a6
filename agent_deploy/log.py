"""Logs: structlog, to stderr, only when `--verbose` asks. Key-value on a terminal, JSON lines elsewhere."""

from __future__ import annotations

from typing import Any

_state: dict[str, Any] = {}


def configure() -> None:
    """Turn the log on for this process."""
    import sys

    import structlog

    renderer = structlog.dev.ConsoleRenderer() if sys.stderr.isatty() else structlog.processors.JSONRenderer()
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            renderer,
        ],
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    _state["logger"] = structlog.get_logger()


def event(name: str, **fields: Any) -> None:
    """Log one event; nothing at all, not even an import, unless the log is on."""
    if "logger" in _state:
        _state["logger"].info(name, **fields)
