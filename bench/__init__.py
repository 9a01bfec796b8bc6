"""Every performance figure of Baton: `make bench`. docs/performance.md says what the rows mean."""
