"""Ticketing over Request Tracker."""
