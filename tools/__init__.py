"""What renders documents from code, and measures the code; not installed."""
