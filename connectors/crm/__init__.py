"""The crm system's port, and one file per product that can stand behind it."""
