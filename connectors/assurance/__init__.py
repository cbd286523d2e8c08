"""The assurance system: outages (service problems)."""
