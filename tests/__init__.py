"""unit/ mirrors the packages; integration/ uses real files, SQLite and the model; end_to_end/
starts the real command and real servers; support/ holds what they share."""
