"""The usage system: what customers have used of their allowances."""
