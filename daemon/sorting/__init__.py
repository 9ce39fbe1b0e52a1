"""From the queue to filed: what becomes of each photo, and that it arrives whole, once."""
