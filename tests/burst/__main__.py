"""`python -m tests.burst`."""

from tests.burst.run import main

main()
