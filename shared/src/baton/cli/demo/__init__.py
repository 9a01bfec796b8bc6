"""Believable traffic for a demo: people, what they do and say, and what sales makes of it. Nobody in it exists."""
