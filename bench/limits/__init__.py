"""Programs that do the same input and output as Baton and no work: what the machine can do at best."""
