"""From seen to admitted: every photo that arrives in incoming, once it is settled."""
