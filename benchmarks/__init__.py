"""The figures that the documentation states, measured again by one command: ``./dev bench``."""
