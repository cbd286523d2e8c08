"""Ticketing over Redmine."""
