"""The billing system's port, and one folder per product that can stand behind it."""
