"""Deterministic simulation: the real services on simulated stores, bus and time, in an order that follows from a seed."""
