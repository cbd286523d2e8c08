"""Four HTTP servers that speak TM Forum v4, with linked, seeded data."""
