"""CRM over TM Forum Open APIs."""
