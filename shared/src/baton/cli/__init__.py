"""The command `baton`: HTTP only, no service imported; `up` and `run` start services by their entry point."""
