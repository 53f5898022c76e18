"""Where files come from: read, never written."""
