"""The sample world: fictional people, written as the extracts that agencies would send, with the truth kept apart."""

LEAST_PEOPLE = 200  # so that every area has some
