"""What decides: pure, without system, clock or log."""
