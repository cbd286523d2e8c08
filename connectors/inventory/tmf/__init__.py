"""Inventory over TM Forum Open APIs."""
