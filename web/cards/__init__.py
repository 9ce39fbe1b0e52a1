"""Cards to print: for the photo station, for who decides, and checklists; by `nightsort cards`."""
