"""What was promised, what is known, and what follows from both. Pure."""
