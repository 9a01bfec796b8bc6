"""A lender's log lived through by the five services under virtual time, and what their own facts say of it."""
