"""Reporting: hears everything, publishes nothing, and keeps what people want to see ready to be read."""
