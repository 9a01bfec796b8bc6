"""Calls to the outside world that nobody can turn against the house: CRMs, platforms, whatever somebody typed in.

    outbound = Outbound.of(settings)
    answer = await outbound.send("POST", url, headers={…}, body=b"…")  # raises Forbidden, Unreachable

https only, no private address unless a setting names it, the judged address is the one connected to, no redirects,
answers bounded in size and time. `client.py` calls, `urls.py` reads URLs, `addresses.py` judges.
"""
