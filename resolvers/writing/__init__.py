"""What callers change: one file per domain, the mutations they make up, and how each is done exactly once."""
