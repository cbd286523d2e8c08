"""What is run against live products, and counts of what the contract's queries cost: by hand, never as tests."""
