"""What all parts exchange: photos, runs, alerts, times and words; no disk, no SQL."""
