"""CRM over BottleCRM."""
