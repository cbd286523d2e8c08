"""Outages by Prometheus Alertmanager."""
