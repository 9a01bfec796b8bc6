"""Scoring: decides by one agreed definition whether a suspect is a lead, and says why."""
