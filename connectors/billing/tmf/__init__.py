"""Billing over TM Forum Open APIs."""
