"""Reading spans of any origin: OTLP in protobuf or JSON → spans → facts. Pure, and made for a stream."""

from agent_deploy.telemetry.reading.export import read_export
from agent_deploy.telemetry.reading.facts import facts_of
from agent_deploy.telemetry.reading.nesting import Nesting
from agent_deploy.telemetry.reading.span import Span, Tally

__all__ = ["Nesting", "Span", "Tally", "facts_of", "read_export"]
