"""Telling systems and people outside of leads: durable, in order, signed, tried for three days (docs/webhooks.md)."""
