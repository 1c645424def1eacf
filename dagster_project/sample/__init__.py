"""The sample world: fictional people, written as the extracts that agencies would send, with the truth kept apart."""
