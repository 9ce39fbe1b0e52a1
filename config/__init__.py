"""Settings, logging and the errors that every part of nightsort shares."""
