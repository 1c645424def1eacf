"""Failure drills: disturb a night on a throw-away home, and hold the next one to the tables of an undisturbed night."""
