"""Calls to systems that concurrent requests share."""
