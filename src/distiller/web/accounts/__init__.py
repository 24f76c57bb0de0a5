"""Accounts: who the users are, and their log-in pages."""
