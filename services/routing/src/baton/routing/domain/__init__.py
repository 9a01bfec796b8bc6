"""Who gets a lead, and why: pure functions over frozen values. Time comes in as an argument."""
