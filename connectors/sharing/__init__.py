"""Calls in flight that several requests share."""
