"""The bus: an ordered log per lane of a topic, that may repeat itself. A port with one conformance suite."""

from baton.runtime.bus.port import Bus, Outgoing, Reader, Record, TopicLane, open_bus

__all__ = ["Bus", "Outgoing", "Reader", "Record", "TopicLane", "open_bus"]
