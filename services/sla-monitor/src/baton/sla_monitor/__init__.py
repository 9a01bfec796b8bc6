"""The SLA monitor: it owns the clocks, and says when a promise to follow up was kept and when it was not (H6, F2)."""
