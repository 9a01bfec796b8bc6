"""How any service runs: bus, lanes, journal, guard, timers, store, HTTP, clock, metrics. It knows no word about
leads."""
