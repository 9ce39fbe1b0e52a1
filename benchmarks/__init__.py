"""What nightsort's performance is measured with: `make bench`. Never a timed test."""
