"""Outages by Icinga 2."""
