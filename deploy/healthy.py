#!/opt/baton/bin/python
"""Exit 0 when the URL answers 200: the health check of an image that has no curl."""

import sys
import urllib.request

with urllib.request.urlopen(sys.argv[1], timeout=3) as answer:
    sys.exit(answer.status != 200)
