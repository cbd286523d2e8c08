"""Billing over Tryton."""
