"""Outages by TM Forum APIs."""
