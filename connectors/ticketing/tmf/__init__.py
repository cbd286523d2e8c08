"""Ticketing over TM Forum Open APIs."""
