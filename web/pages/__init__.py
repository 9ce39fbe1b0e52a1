"""Pages for people. They work without JavaScript, and show nothing that the caller may not see."""
