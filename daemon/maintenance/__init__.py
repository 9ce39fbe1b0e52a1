"""What keeps an instance well for years, beside its work."""
