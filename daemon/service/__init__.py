"""The process: builds all parts, hands one stage's output to the next, and answers who asks."""
