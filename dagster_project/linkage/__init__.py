"""Linking records of one person that share no trusted number: candidates, Splink's weights, and who is joined (decision 012)."""
