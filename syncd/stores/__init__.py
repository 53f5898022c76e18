"""Where rows go: one database, written together or not at all."""
