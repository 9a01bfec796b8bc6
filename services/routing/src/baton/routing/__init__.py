"""Owns the roster and decides which salesperson gets a lead, with the trace of why."""
