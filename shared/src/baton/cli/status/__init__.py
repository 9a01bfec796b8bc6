"""`baton status`: the pipeline as it stands, and how fast it goes."""
