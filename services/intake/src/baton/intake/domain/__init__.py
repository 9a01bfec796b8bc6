"""What intake knows without a clock, a store or a network: contacts, identities, signatures, the shapes of posts."""
