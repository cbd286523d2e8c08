"""Inventory over Nautobot."""
