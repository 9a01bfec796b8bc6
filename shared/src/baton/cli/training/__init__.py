"""`baton train`: a score learned from what came of the house's own leads (docs/learned.md)."""
