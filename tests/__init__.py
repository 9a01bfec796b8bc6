"""A regular package, so that a `tests` some library left in site-packages is never found first."""
