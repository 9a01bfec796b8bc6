"""Deterministic simulation: the real services on simulated stores, bus and time, in an order given by a seed."""
